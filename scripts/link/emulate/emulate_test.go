package emulate_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"skerry/scripts/link/emulate"
)

// world makes a world with one link until the test ends.
func world(t *testing.T, o emulate.Options) (*emulate.World, *emulate.Link) {
	t.Helper()
	t.Parallel()
	if err := emulate.Able(); err != nil {
		t.Skip(err)
	}
	w, err := emulate.NewWorld()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w, join(t, w, o)
}

func join(t *testing.T, w *emulate.World, o emulate.Options) *emulate.Link {
	t.Helper()
	l, err := w.Join(o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// listen is a server in Far that gives its connections to serve, each in a goroutine.
func listen(t *testing.T, w *emulate.World, serve func(net.Conn)) {
	t.Helper()
	l, err := w.Far.Listen(":7000")
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
			t.Cleanup(func() { c.Close() })
			go serve(c)
		}
	}()
}

// far is so far that no kernel takes a machine that is slow for a moment for a loss, and sends something again.
func far() emulate.Conditions { return emulate.Conditions{Delay: 100 * time.Millisecond} }

func echo(c net.Conn) { _, _ = io.Copy(c, c) }

// dial connects to the server from Near. control is that of net.Dialer.
func dial(w *emulate.World, control func(string, string, syscall.RawConn) error) (net.Conn, error) {
	d := net.Dialer{Timeout: 10 * time.Second, KeepAlive: -1, Control: control}
	return w.Near.Dial(context.Background(), d, emulate.Server+":7000")
}

func mustDial(t *testing.T, w *emulate.World) net.Conn {
	t.Helper()
	c, err := dial(w, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// exchange sends b and reads as much.
func exchange(c net.Conn, b []byte, patience time.Duration) error {
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := c.Write(b); err != nil {
		return err
	}
	back := make([]byte, len(b))
	if _, err := io.ReadFull(c, back); err != nil {
		return err
	}
	if !bytes.Equal(b, back) {
		return errors.New("something else came back")
	}
	return nil
}

// interfaceBytes is what the kernel of a namespace says that an interface has received and sent.
func interfaceBytes(t *testing.T, n *emulate.Namespace, name string) (in, out int64) {
	t.Helper()
	err := n.Do(func() error {
		b, err := os.ReadFile("/proc/thread-self/net/dev")
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(b)) {
			if rest, ok := strings.CutPrefix(strings.TrimSpace(line), name+":"); ok {
				var skip int64
				_, err := fmt.Sscan(rest, &in, &skip, &skip, &skip, &skip, &skip, &skip, &skip, &out)
				return err
			}
		}
		return fmt.Errorf("no interface %s", name)
	})
	if err != nil {
		t.Fatal(err)
	}
	return in, out
}

// TestCounts: what is counted is what the kernels count, and TCP's handshake has the size it is known to have.
func TestCounts(t *testing.T) {
	w, l := world(t, emulate.Options{Name: "lte0", Up: far(), Down: far()})
	listen(t, w, echo)
	c := mustDial(t, w)
	if err := exchange(c, make([]byte, 100), 10*time.Second); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second) // the last acknowledgement
	up, down := l.Counts()
	if up.Payload != 100 || down.Payload != 100 {
		t.Errorf("payload %d up, %d down, want 100", up.Payload, down.Payload)
	}
	// SYN 60, ACK 52, data 152, ACK 52; the server may acknowledge alone or with its answer.
	if up.Bytes != 60+52+152+52 || down.Bytes != 60+152 && down.Bytes != 60+52+152 {
		t.Errorf("%d bytes up, %d down", up.Bytes, down.Bytes)
	}
	in, out := interfaceBytes(t, w.Near, "lte0")
	if in != down.Bytes || out != up.Bytes {
		t.Errorf("the interface has sent %d bytes and received %d, counted are %d and %d", out, in, up.Bytes, down.Bytes)
	}
}

// TestRateAndDelay: nothing is faster than the link. How much slower it may be depends on who else uses the machine.
func TestRateAndDelay(t *testing.T) {
	w, l := world(t, emulate.Options{
		Up:   emulate.Conditions{Rate: 80_000, Delay: 100 * time.Millisecond, Jitter: 10 * time.Millisecond},
		Down: emulate.Conditions{Delay: 50 * time.Millisecond}})
	listen(t, w, echo)
	began := time.Now()
	c := mustDial(t, w)
	if d := time.Since(began); d < 150*time.Millisecond {
		t.Errorf("connected after %v, a round trip takes 150ms", d)
	}
	began = time.Now()
	if err := exchange(c, make([]byte, 10_000), time.Minute); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(began); d < 1150*time.Millisecond {
		t.Errorf("10,000 bytes at 10,000 each second took %v with a round trip of 150ms", d)
	}
	began = time.Now()
	l.Change(emulate.Conditions{}, emulate.Conditions{})
	if err := exchange(c, make([]byte, 200_000), time.Minute); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(began); d > 15*time.Second {
		t.Errorf("200,000 bytes took %v: the rate of before would make it 20s", d)
	}
}

// TestLoss: TCP repairs what is lost, and a full queue drops.
func TestLoss(t *testing.T) {
	bad := emulate.Conditions{Rate: 20_000_000, Loss: 0.05, Queue: 8 << 10}
	w, l := world(t, emulate.Options{Up: bad, Down: emulate.Conditions{Loss: 0.05}, Seed: 7})
	listen(t, w, echo)
	c := mustDial(t, w)
	if err := exchange(c, bytes.Repeat([]byte("0123456789"), 20_000), time.Minute); err != nil {
		t.Fatal(err)
	}
	up, down := l.Counts()
	if up.Lost == 0 || down.Lost == 0 || up.Dropped == 0 {
		t.Errorf("up %+v, down %+v", up, down)
	}
	if up.Payload <= 200_000 {
		t.Errorf("%d bytes sent: what was sent again is not among them", up.Payload)
	}
}

func TestNAT(t *testing.T) {
	for name, reset := range map[string]bool{"silent": false, "RST": true} {
		t.Run(name, func(t *testing.T) {
			w, l := world(t, emulate.Options{NAT: emulate.NAT{Idle: 2 * time.Second, Reset: reset}})
			listen(t, w, echo)
			c := mustDial(t, w)
			for range 6 { // traffic keeps the flow alive
				time.Sleep(500 * time.Millisecond)
				if err := exchange(c, []byte("x"), 5*time.Second); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(2200 * time.Millisecond)
			err := exchange(c, []byte("x"), time.Second)
			want := os.ErrDeadlineExceeded
			if reset {
				want = syscall.ECONNRESET
			}
			if !errors.Is(err, want) {
				t.Errorf("after the NAT has forgotten: %v, want %v", err, want)
			}
			if err := exchange(mustDial(t, w), []byte("x"), 5*time.Second); err != nil {
				t.Errorf("a new connection: %v", err)
			}
			if up, _ := l.Counts(); up.Lost == 0 {
				t.Error("no packet was refused")
			}
		})
	}
}

func TestBlackHoleAndStall(t *testing.T) {
	w, l := world(t, emulate.Options{})
	listen(t, w, echo)
	c := mustDial(t, w)
	for name, set := range map[string]func(bool){"black hole": l.BlackHole, "stall": l.Stall} {
		set(true)
		if err := exchange(c, []byte("x"), 300*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: %v", name, err)
		}
		set(false)
		_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
		if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
			t.Errorf("after the %s: %v", name, err)
		}
	}
	if up, _ := l.Counts(); up.Lost == 0 {
		t.Error("nothing was lost in the black hole")
	}
}

// TestCutInFull: a connection is cut too while much is on its way, and both ends learn it.
func TestCutInFull(t *testing.T) {
	slow := emulate.Conditions{Rate: 200_000, Delay: 50 * time.Millisecond}
	w, l := world(t, emulate.Options{Up: slow, Down: slow})
	over := make(chan error, 1)
	listen(t, w, func(c net.Conn) {
		_, err := io.Copy(c, c)
		over <- err
	})
	c := mustDial(t, w)
	if err := exchange(c, make([]byte, 5000), 10*time.Second); err != nil {
		t.Fatal(err)
	}
	_ = c.SetDeadline(time.Time{})
	ended := make(chan error, 1)
	go func() {
		for {
			if _, err := c.Write(make([]byte, 1000)); err != nil {
				ended <- err
				return
			}
		}
	}()
	time.Sleep(300 * time.Millisecond)
	l.Cut()
	for name, end := range map[string]chan error{"near": ended, "far": over} {
		select {
		case err := <-end:
			if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
				t.Errorf("%s end: %v", name, err)
			}
		case <-time.After(20 * time.Second):
			t.Errorf("the %s end does not know", name)
		}
	}
}

// TestCut: both ends learn at once that the connection has ended.
func TestCut(t *testing.T) {
	w, l := world(t, emulate.Options{})
	over := make(chan error, 1)
	listen(t, w, func(c net.Conn) {
		_, err := io.Copy(c, c)
		over <- err
	})
	c := mustDial(t, w)
	if err := exchange(c, []byte("x"), 5*time.Second); err != nil {
		t.Fatal(err)
	}
	l.Cut()
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("near end: %v", err)
	}
	select {
	case err := <-over:
		if !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("far end: %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Error("the far end does not know")
	}
}

func TestInterface(t *testing.T) {
	w, l := world(t, emulate.Options{})
	listen(t, w, echo)
	c := mustDial(t, w)
	if err := l.SetUp(false); err != nil {
		t.Fatal(err)
	}
	if _, err := dial(w, nil); !errors.Is(err, syscall.ENETUNREACH) {
		t.Errorf("dial while the interface is down: %v", err)
	}
	if err := l.SetUp(true); err != nil {
		t.Fatal(err)
	}
	if err := exchange(c, []byte("x"), 10*time.Second); err != nil {
		t.Errorf("the old connection after the interface came back with its address: %v", err)
	}
	before := l.Address()
	if err := l.Renumber(); err != nil {
		t.Fatal(err)
	}
	if err := exchange(c, []byte("x"), 500*time.Millisecond); err == nil {
		t.Error("the connection of an address that is gone still works")
	}
	fresh := mustDial(t, w)
	if host, _, _ := net.SplitHostPort(fresh.LocalAddr().String()); host != l.Address() || host == before {
		t.Errorf("the new connection is from %s, before it was %s", host, before)
	}
	if err := exchange(fresh, []byte("x"), 5*time.Second); err != nil {
		t.Error(err)
	}
}

// TestTwoLinks: a socket bound to an interface uses that link, one that is not the first link.
func TestTwoLinks(t *testing.T) {
	w, first := world(t, emulate.Options{Name: "lte0", Up: far(), Down: far()})
	second := join(t, w, emulate.Options{Name: "sat0", Up: far(), Down: far()})
	listen(t, w, echo)
	if err := exchange(mustDial(t, w), []byte("x"), 5*time.Second); err != nil {
		t.Fatal(err)
	}
	bound, err := dial(w, func(_, _ string, raw syscall.RawConn) error {
		var refused error
		err := raw.Control(func(fd uintptr) { refused = syscall.BindToDevice(int(fd), "sat0") })
		return errors.Join(err, refused)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer bound.Close()
	if err := exchange(bound, make([]byte, 1000), 5*time.Second); err != nil {
		t.Fatal(err)
	}
	if up, _ := first.Counts(); up.Payload != 1 {
		t.Errorf("the first link carried %d bytes", up.Payload)
	}
	if up, _ := second.Counts(); up.Payload != 1000 {
		t.Errorf("the second link carried %d bytes", up.Payload)
	}
}

// TestNothingIsLeft: programs end with their namespace.
func TestNothingIsLeft(t *testing.T) {
	w, _ := world(t, emulate.Options{})
	p, err := w.Near.Start("sleep", "600")
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	for deadline := time.Now().Add(10 * time.Second); !p.Ended(); {
		if time.Sleep(10 * time.Millisecond); time.Now().After(deadline) {
			p.Kill()
			t.Fatal("the program outlives its namespace")
		}
	}
}
