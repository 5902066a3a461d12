package budget_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"skerry/edge/uplink/budget"
)

// ledger only counts.
type ledger struct{ spent budget.Tally }

func (l *ledger) Spend(c budget.Class, bytes int64) { l.spent[c] += bytes }
func (l *ledger) Cover(int64) bool                  { return true }

// echo answers as a server does that acknowledges: each message begins with its length, and the length of the answer.
func echo(c net.Conn) {
	defer c.Close()
	for {
		var head [8]byte
		if _, err := io.ReadFull(c, head[:]); err != nil {
			return
		}
		ask := int(head[0])<<24 | int(head[1])<<16 | int(head[2])<<8 | int(head[3])
		answer := int(head[4])<<24 | int(head[5])<<16 | int(head[6])<<8 | int(head[7])
		if _, err := io.CopyN(io.Discard, c, int64(ask)); err != nil {
			return
		}
		if _, err := c.Write(make([]byte, answer)); err != nil {
			return
		}
	}
}

func ask(c net.Conn, bytes, answer int) error {
	p := make([]byte, 8+bytes)
	for i := range 4 {
		p[i], p[4+i] = byte(bytes>>(24-8*i)), byte(answer>>(24-8*i))
	}
	if _, err := c.Write(p); err != nil {
		return err
	}
	_, err := io.CopyN(io.Discard, c, int64(answer))
	return err
}

func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// serve answers on the far side, by TLS if there is a certificate.
func (w *wire) serve(t *testing.T, at netip.Addr, cert *tls.Certificate) string {
	t.Helper()
	var l net.Listener
	var err error
	w.far.in(func() { l, err = net.Listen("tcp", netip.AddrPortFrom(at, 0).String()) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if cert != nil {
				c = tls.Server(c, &tls.Config{Certificates: []tls.Certificate{*cert}})
			}
			go echo(c)
		}
	}()
	return l.Addr().String()
}

// dial connects from the near side.
func (w *wire) dial(m *budget.Meter, address string, limit time.Duration) (c net.Conn, err error) {
	w.near.in(func() {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		c, err = m.Dialing((&net.Dialer{KeepAlive: -1}).DialContext)(ctx, "tcp", address)
	})
	return c, err
}

// still waits until no packets pass.
func (w *wire) still() {
	for last := int64(-1); last != w.total(); {
		last = w.total()
		time.Sleep(400*time.Millisecond + 4*w.delay)
	}
}

// TestMeterAgainstLink compares what the meter says with the IP packets that passed a link.
func TestMeterAgainstLink(t *testing.T) {
	cert := certificate(t)
	messages := func(n, bytes, answer int) func(net.Conn) error {
		return func(c net.Conn) error {
			for range n {
				if err := ask(c, bytes, answer); err != nil {
					return err
				}
			}
			return nil
		}
	}
	for _, test := range []struct {
		name  string
		at    netip.Addr
		tls   bool
		loss  int
		delay time.Duration
		limit float64 // by how much the meter may be below what passed, as a share of it
		over  float64 // and above it
		work  func(net.Conn) error
	}{
		{"one connect", farAddr, true, 0, 5 * time.Millisecond, 0.03, 0.08, messages(1, 100, 4)}, // a pure acknowledgement is 2 % of it
		{"readings one by one", farAddr, true, 0, time.Millisecond, 0.002, 0.03, messages(300, 90, 4)},
		{"readings, 6", farSix, true, 0, time.Millisecond, 0.002, 0.03, messages(300, 90, 4)},
		{"no TLS", farAddr, false, 0, time.Millisecond, 0.002, 0.03, messages(300, 90, 4)},
		{"batches", farAddr, true, 0, 5 * time.Millisecond, 0.002, 0.03, messages(100, 5000, 20)},
		{"a drain", farAddr, true, 0, 5 * time.Millisecond, 0.002, 0.02, messages(2, 1_000_000, 20)},
		{"a download", farAddr, true, 0, 5 * time.Millisecond, 0.002, 0.02, messages(2, 20, 1_000_000)},
		{"2 % lost", farAddr, true, 50, 5 * time.Millisecond, 0.02, 0.04, messages(150, 5000, 20)},
		{"a drain, 2 % lost", farAddr, true, 50, 5 * time.Millisecond, 0.02, 0.04, messages(1, 500_000, 20)},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWire(t, test.delay, test.loss)
			var served *tls.Certificate
			if test.tls {
				served = &cert
			}
			address := w.serve(t, test.at, served)
			var spent ledger
			m := budget.NewMeter(&spent, budget.MeterOptions{})
			c, err := w.dial(m, address, 20*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			if test.tls {
				c = tls.Client(c, &tls.Config{InsecureSkipVerify: true, CurvePreferences: []tls.CurveID{tls.X25519}})
			}
			if err := test.work(c); err != nil {
				t.Fatal(err)
			}
			c.Close()
			w.still()
			compare(t, m, &spent, w, test.limit, test.over)
		})
	}
}

func compare(t *testing.T, m *budget.Meter, spent *ledger, w *wire, under, over float64) {
	t.Helper()
	counted, real := m.Total(), w.total()
	off := float64(counted-real) / float64(real)
	t.Logf("counted %d B, spent %d B, passed %d B (%d up, %d down): %+.2f %%", counted, spent.spent.Sum(), real, w.up.Load(), w.down.Load(), 100*off)
	if off < -under || off > over {
		t.Errorf("counted %d B of %d B: %+.2f %%, want between -%.1f and +%.1f %%", counted, real, 100*off, 100*under, 100*over)
	}
	if s := spent.spent.Sum(); s < counted {
		t.Errorf("spent %d B, less than the %d B that were counted", s, counted)
	}
}

func TestMeterOfFailedDials(t *testing.T) {
	t.Run("nobody answers", func(t *testing.T) {
		t.Parallel()
		w := newWire(t, time.Millisecond, 0)
		w.quiet.Store(true)
		var spent ledger
		m := budget.NewMeter(&spent, budget.MeterOptions{})
		if _, err := w.dial(m, netip.AddrPortFrom(farAddr, 1883).String(), 3500*time.Millisecond); err == nil {
			t.Fatal("connected")
		}
		w.still()
		compare(t, m, &spent, w, 0, 1.01) // older kernels send half as many
	})
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		w := newWire(t, time.Millisecond, 0)
		var spent ledger
		m := budget.NewMeter(&spent, budget.MeterOptions{})
		if _, err := w.dial(m, netip.AddrPortFrom(farAddr, 1883).String(), 3*time.Second); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatal(err)
		}
		w.still()
		compare(t, m, &spent, w, 0, 0)
	})
	t.Run("no route", func(t *testing.T) {
		t.Parallel()
		w := newWire(t, time.Millisecond, 0)
		var spent ledger
		m := budget.NewMeter(&spent, budget.MeterOptions{})
		if _, err := w.dial(m, "192.0.2.1:1883", 3*time.Second); err == nil {
			t.Fatal("connected")
		}
		if m.Total() != 0 {
			t.Errorf("counted %d B of a packet that never left", m.Total())
		}
	})
}

// TestMeterOfDeadLink: what is sent again to nobody is counted, at once and when the connection is closed.
func TestMeterOfDeadLink(t *testing.T) {
	t.Parallel()
	w := newWire(t, time.Millisecond, 0)
	address := w.serve(t, farAddr, nil)
	var spent ledger
	m := budget.NewMeter(&spent, budget.MeterOptions{})
	c, err := w.dial(m, address, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if err := ask(c, 100, 4); err != nil {
		t.Fatal(err)
	}
	w.quiet.Store(true)
	if _, err := c.Write(make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2500 * time.Millisecond)
	before := w.total()
	m.Sample()
	if counted, after := m.Total(), w.total(); counted < before || counted > after+312 { // more may be sent again meanwhile
		t.Errorf("counted %d B, passed %d to %d B", counted, before, after)
	}
	c.Close()
	time.Sleep(2 * time.Second)
	if counted, real := m.Total(), w.total(); counted < real {
		t.Errorf("counted %d B, passed %d B", counted, real)
	}
}

// TestMeterOfNames: a resolver's packets are counted exactly.
func TestMeterOfNames(t *testing.T) {
	t.Parallel()
	w := newWire(t, time.Millisecond, 0)
	var server net.PacketConn
	var err error
	w.far.in(func() { server, err = net.ListenPacket("udp", netip.AddrPortFrom(farAddr, 53).String()) })
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := server.ReadFrom(buf)
			if err != nil {
				return
			}
			buf[2], buf[3] = 0x81, 0x83 // no such name
			_, _ = server.WriteTo(buf[:n], from)
		}
	}()
	var spent ledger
	m := budget.NewMeter(&spent, budget.MeterOptions{})
	dial := m.Dialing(func(ctx context.Context, network, _ string) (c net.Conn, err error) {
		w.near.in(func() {
			c, err = (&net.Dialer{}).DialContext(ctx, network, netip.AddrPortFrom(farAddr, 53).String())
		})
		return c, err
	})
	_, err = (&net.Resolver{PreferGo: true, Dial: dial}).LookupNetIP(t.Context(), "ip", "broker.example.org.")
	if e, ok := errors.AsType[*net.DNSError](err); !ok || !e.IsNotFound {
		t.Fatal(err)
	}
	w.still()
	if m.Total() != w.total() || m.Total() == 0 {
		t.Errorf("counted %d B, passed %d B", m.Total(), w.total())
	}
}

// TestMeterOfInterface: with an interface of its own the kernel's counters decide.
func TestMeterOfInterface(t *testing.T) {
	t.Parallel()
	w := newWire(t, time.Millisecond, 0)
	address := w.serve(t, farAddr, nil)
	read := func(path string) (text string, err error) {
		// /sys shows the namespace that mounted it, so the counters come from /proc of the thread.
		w.near.in(func() { text, err = counterOf(path) })
		return text, err
	}
	var spent ledger
	m := budget.NewMeter(&spent, budget.MeterOptions{Interface: budget.NewInterface("tun0", read)})
	before := w.total()
	c, err := w.dial(m, address, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if err := ask(c, 500, 50); err != nil {
			t.Fatal(err)
		}
	}
	c.Close()
	w.still()
	m.Sample()
	if off := m.Total() - (w.total() - before); off < 0 || off > 1500 { // ICMPv6 passes as well
		t.Errorf("counted %d B, passed %d B", m.Total(), w.total()-before)
	}
}

func counterOf(path string) (string, error) {
	text, err := os.ReadFile("/proc/thread-self/net/dev")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		var name string
		var rx, tx uint64
		var skip [7]uint64
		n, _ := fmt.Sscan(line, &name, &rx, &skip[0], &skip[1], &skip[2], &skip[3], &skip[4], &skip[5], &skip[6], &tx)
		if n == 10 && name == "tun0:" {
			if path == "/sys/class/net/tun0/statistics/rx_bytes" {
				return fmt.Sprintln(rx), nil
			}
			return fmt.Sprintln(tx), nil
		}
	}
	return "", os.ErrNotExist
}
