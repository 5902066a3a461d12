package edge_test

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"skerry/edge"
)

// TestListenersAsConfigured: what the configuration says of a listener is what clients meet there.
func TestListenersAsConfigured(t *testing.T) {
	leavesNothing(t)
	cert, key := pair(t)
	dir := t.TempDir()
	for name, data := range map[string][]byte{"lan.crt": cert, "lan.key": key} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg := configure(t, strings.ReplaceAll(`
storage: {path: $DATA}
broker:
  limits: {packet: 64KiB, inflight: 20}
  listeners:
    usual: {tcp: "127.0.0.1:0", anonymous: true}
    small: {tcp: "127.0.0.1:0", anonymous: true, limits: {connections: 1, packet: 1KiB, inflight: 2}}
    sock: {unix: DIR/mqtt.sock, mode: 0600, anonymous: true, limits: {inflight: 3}}
    mutual: {tcp: "127.0.0.1:0", tls: {cert: DIR/lan.crt, key: DIR/lan.key, client_ca: DIR/lan.crt}}
    san: {tcp: "127.0.0.1:0", tls: {cert: DIR/lan.crt, key: DIR/lan.key, client_ca: DIR/lan.crt, identity: san}}
`, "DIR", dir))
	s := start(t, cfg, edge.Options{})
	for listener, want := range map[string]struct {
		inflight uint16
		packet   uint32
	}{"usual": {20, 64 << 10}, "small": {2, 1 << 10}, "sock": {3, 64 << 10}} {
		a := s.Address(listener)
		nc, err := net.Dial(a.Network(), a.String())
		if err != nil {
			t.Fatal(err)
		}
		answer := connect5(t, nc)
		if !bytes.Contains(answer, binary.BigEndian.AppendUint16([]byte{0x21}, want.inflight)) ||
			!bytes.Contains(answer, binary.BigEndian.AppendUint32([]byte{0x27}, want.packet)) {
			t.Errorf("%s: CONNACK %x, want Receive Maximum %d, Maximum Packet Size %d", listener, answer, want.inflight, want.packet)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "mqtt.sock")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket: %v, %v", info, err)
	}
	own, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	for listener, accepted := range map[string]bool{"mutual": false, "san": true} { // the certificate has a DNS name and no common name
		nc, err := tls.Dial("tcp", s.Address(listener).String(), &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{own}})
		if err != nil {
			t.Fatal(err)
		}
		if answer := connect5(t, nc); (answer[3] == 0) != accepted {
			t.Errorf("%s: CONNACK %x, accepted %t", listener, answer, accepted)
		}
	}
	until(t, "the user of the certificate", func() bool { return strings.Contains(s.log.String(), "user=gateway.lan listener=san") })
}

// connect5 says CONNECT of MQTT 5 and gives the CONNACK.
func connect5(t *testing.T, nc net.Conn) []byte {
	t.Helper()
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := nc.Write([]byte("\x10\x0d\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x00")); err != nil {
		t.Fatal(err)
	}
	head := make([]byte, 2)
	if _, err := io.ReadFull(nc, head); err != nil {
		t.Fatal(err)
	}
	rest := make([]byte, head[1])
	if _, err := io.ReadFull(nc, rest); err != nil {
		t.Fatal(err)
	}
	return append(head, rest...)
}
