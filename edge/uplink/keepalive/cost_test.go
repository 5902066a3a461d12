package keepalive_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"skerry/broker/client"
	"skerry/broker/packet"
	"skerry/edge/uplink/keepalive"
)

// pingCost is what the documents say that a PINGREQ and its answer cost, in bytes of IPv4 in both directions, over TLS and without it.
// A connection that stays open longer than that is closed is worth it: docs/keep-alive.md.
const (
	pingCostTLS   = 204
	pingCostPlain = 160
)

// TestPingCost counts them on a connection of the kernel's own, with TCP timestamps as Linux has them by default.
func TestPingCost(t *testing.T) {
	for name, test := range map[string]struct {
		tls  *tls.Config
		want float64
	}{"tls": {certificate(t), pingCostTLS}, "plain": {nil, pingCostPlain}} {
		t.Run(name, func(t *testing.T) {
			conn, raw := connectLoopback(t, test.tls)
			answers := make(chan struct{}, 100)
			conn.answers = func() { answers <- struct{}{} }
			go conn.Serve(t.Context(), nothing{})
			conn.SetKeepAlive(client.KeepAlive{Ping: 300 * time.Millisecond})
			const warm, n = 2, 8 // the tickets of TLS come with the first
			for range warm {
				<-answers
			}
			time.Sleep(150 * time.Millisecond) // the acknowledgement of the last answer, which is delayed by 40 ms
			before := transported(t, raw)
			for range n {
				<-answers
			}
			time.Sleep(150 * time.Millisecond)
			if got := float64(transported(t, raw)-before) / n; got > test.want || got < test.want*0.9 {
				t.Errorf("%.1f bytes for each PINGREQ, want %v", got, test.want)
			}
		})
	}
}

// TestHourCost is the figure: idle at a learned 20 min, an hour costs 650 bytes at most.
func TestHourCost(t *testing.T) {
	for _, nat := range []nat{{}, {after: 23 * time.Minute}} {
		s := &sim{nat: nat, bounds: keepalive.Bounds{Floor: time.Minute, Ceiling: 20 * time.Minute}}
		play(t, s, func() {
			s.settle()
			_, before, _ := s.counts()
			time.Sleep(week)
			_, after, _ := s.counts()
			if k := s.status().Interval; k != 20*time.Minute {
				t.Errorf("learned %v", k)
			}
			cost := float64(after-before) * pingCostTLS / week.Hours()
			t.Logf("%.0f bytes per hour", cost)
			if cost > 650 {
				t.Errorf("%.0f bytes per hour", cost)
			}
		})
	}
}

// loopback is a Conn that tells of each answer.
type loopback struct {
	*client.Conn
	answers func()
}

// connectLoopback connects to a server on this machine that answers PINGREQ, over TLS if there is a configuration for it.
func connectLoopback(t *testing.T, secure *tls.Config) (*loopback, *net.TCPConn) {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		if secure != nil {
			conn = tls.Server(conn, secure)
		}
		defer conn.Close()
		answerAll(conn)
	}()
	dialled, err := net.Dial("tcp4", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	raw, stream := dialled.(*net.TCPConn), dialled
	if secure != nil {
		stream = tls.Client(dialled, &tls.Config{InsecureSkipVerify: true})
	}
	l := &loopback{}
	conn, err := client.Open(t.Context(), stream, &packet.Connect{Version: packet.V5, ClientID: []byte("c"), KeepAlive: 60}, client.ConnOptions{
		Seen: func(in bool, b []byte) {
			if in && packet.Type(b[0]>>4) == packet.PINGRESP {
				l.answers()
			}
		}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	l.Conn = conn
	return l, raw
}

// answerAll answers CONNECT and PINGREQ; the client sends one packet at a time.
func answerAll(conn net.Conn) {
	b := make([]byte, 4096)
	for {
		if _, err := conn.Read(b); err != nil {
			return
		}
		out := packet.Pingresp{}.Append(nil, packet.V5)
		if packet.Type(b[0]>>4) == packet.CONNECT {
			out = (&packet.Connack{}).Append(nil, packet.V5)
		}
		if _, err := conn.Write(out); err != nil {
			return
		}
	}
}

// transported is what a connection has cost so far, in bytes of IPv4: 20 bytes for IP, 20 for TCP and 12 for the timestamps, and what
// is in the segments.
func transported(t *testing.T, conn *net.TCPConn) uint64 {
	t.Helper()
	var info *unix.TCPInfo
	var failed error
	raw, err := conn.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { info, failed = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) })
	}
	if err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	return uint64(info.Segs_in+info.Segs_out)*52 + info.Bytes_acked + info.Bytes_received
}

// certificate makes one that nobody has signed.
func certificate(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}
