package server_test

import (
	"crypto/tls"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"skerry/broker/server"
	"skerry/queue/vfs"
)

// dialFrom connects from another address of this machine.
func dialFrom(t *testing.T, from, address string) *peer {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	nc, err := d.DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return &peer{t, nc}
}

// isClosed tells whether the other side has closed, or closes within a moment.
func (p *peer) isClosed(wait time.Duration) bool {
	p.nc.SetReadDeadline(time.Now().Add(wait))
	_, err := p.nc.Read(make([]byte, 1))
	timeout, ok := err.(net.Error)
	return err != nil && !(ok && timeout.Timeout())
}

// Somebody who takes all places and says nothing shuts out himself alone: before a CONNECT, in the handshake of TLS, and where a
// listener has a limit of its own.
func TestMuteConnectionsMakeRoom(t *testing.T) {
	const places = 20
	cert, _ := selfSigned(t)
	tests := []struct {
		name   string
		limits server.Limits
		l      server.ListenerConfig
	}{
		{"TCP", server.Limits{Connections: places}, server.ListenerConfig{}},
		{"TLS", server.Limits{Connections: places}, server.ListenerConfig{TLS: &tls.Config{Certificates: []tls.Certificate{cert}}}},
		{"WebSocket", server.Limits{Connections: places}, server.ListenerConfig{WebSocket: &server.WebSocket{Path: "/mqtt"}}},
		{"of a listener", server.Limits{}, server.ListenerConfig{Limits: server.ListenerLimits{Connections: places}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var log lines
			st := openStation(t, vfs.NewDisk(), server.Options{Limits: tt.limits, Log: slog.New(slog.NewTextHandler(&log, nil))})
			tt.l.Name, tt.l.Anonymous = "lan", true
			lan := st.listen(tt.l)
			st.run()
			full := func(want uint64) func() bool {
				return func() bool {
					stats := st.server.Stats()
					return stats.Connections == places && stats.TurnedAway == want
				}
			}
			for range places {
				dialFrom(t, "127.0.0.2", lan)
			}
			eventually(t, "all places are taken", full(0))
			if p := dialFrom(t, "127.0.0.2", lan); !p.isClosed(patience) {
				t.Error("his own get in one after the other")
			}
			eventually(t, "all places are taken still", full(1))
			for i := range uint64(6) {
				dialFrom(t, "127.0.0.3", lan)
				eventually(t, "others come in", full(2+i))
			}
			if n := strings.Count(log.String(), "make room for others"); n != 1 || !strings.Contains(log.String(), "address=127.0.0.2/32") {
				t.Errorf("%d lines in the log, want one:\n%s", n, log.String())
			}
		})
	}
}

// Clients that have said who they are stay, and so does a crowd that is about to: a few of one address are no attack.
func TestWhoHasSpokenKeepsTheRoom(t *testing.T) {
	st, address := start(t, server.Limits{Connections: 12})
	var all []*peer
	for _, name := range "abcd" {
		p := dialFrom(t, "127.0.0.2", address)
		p.script("> 10: 'MQTT' 04 02 003c '"+string(name)+"'", "< 20: 00 00")
		all = append(all, p)
	}
	for range 8 {
		dialFrom(t, "127.0.0.2", address)
	}
	eventually(t, "all places are taken", func() bool { return st.server.Stats().Connections == 12 })
	dialFrom(t, "127.0.0.3", address).script("< closed")
	for _, p := range all {
		p.script("> c0:", "< d0:")
	}
}
