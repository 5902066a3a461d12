package interfaces_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"skerry/edge/uplink/interfaces"
)

// names is a name server.
type names struct {
	mu    sync.Mutex
	addrs []string
	err   error
	asked int
}

func (n *names) resolve(context.Context, string) ([]netip.Addr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked++
	var all []netip.Addr
	for _, a := range n.addrs {
		all = append(all, netip.MustParseAddr(a))
	}
	return all, n.err
}

// listen is a server at 127.0.0.1, and its port.
func listen(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().(*net.TCPAddr).Port
}

func reach(t *testing.T, d *interfaces.Dialer, host string, port int) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	conn, err := d.Dial(ctx, host, port)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	return conn.RemoteAddr().(*net.TCPAddr).IP.String(), nil
}

// TestStale: the name server is away, and the server still where it was.
func TestStale(t *testing.T) {
	for _, frugal := range []bool{false, true} {
		n, port := &names{addrs: []string{"127.0.0.1"}}, listen(t)
		d := interfaces.NewDialer(interfaces.Options{Frugal: frugal, Resolve: n.resolve})
		if at, err := reach(t, d, "up.example", port); at != "127.0.0.1" {
			t.Fatal(at, err)
		}
		n.err = &net.DNSError{Err: "i/o timeout", Name: "up.example", IsTimeout: true}
		if at, err := reach(t, d, "up.example", port); at != "127.0.0.1" || n.asked != 2 {
			t.Errorf("frugal %v: %q, %v, asked %d times", frugal, at, err, n.asked)
		}
		if _, err := reach(t, d, "other.example", port); !errors.Is(err, n.err) {
			t.Errorf("a name that was never known: %v", err)
		}
		if addrs, age := d.Known("up.example"); len(addrs) != 1 || age < 0 || age > time.Minute {
			t.Error(addrs, age)
		}
	}
}

// TestFrugal: the name server is asked again only when there is a reason.
func TestFrugal(t *testing.T) {
	n, port := &names{addrs: []string{"127.0.0.1"}}, listen(t)
	d := interfaces.NewDialer(interfaces.Options{Frugal: true, Fresh: time.Hour, Resolve: n.resolve})
	asked := func(want int) {
		t.Helper()
		if at, err := reach(t, d, "up.example", port); at != "127.0.0.1" || n.asked != want {
			t.Fatalf("%q, %v, asked %d times, want %d", at, err, n.asked, want)
		}
	}
	asked(1)
	asked(1)
	d.Doubt("up.example")
	asked(2)
	asked(2)
}

// TestMoved: the server has moved; what is kept does not answer, and the name server knows.
func TestMoved(t *testing.T) {
	n, port := &names{addrs: []string{"127.0.0.2"}}, listen(t)
	d := interfaces.NewDialer(interfaces.Options{Frugal: true, Fresh: time.Hour, Resolve: n.resolve})
	if at, err := reach(t, d, "up.example", port); err == nil {
		t.Fatal("reached", at)
	}
	n.addrs = []string{"127.0.0.1"}
	if at, err := reach(t, d, "up.example", port); at != "127.0.0.1" || n.asked != 2 {
		t.Errorf("%q, %v, asked %d times", at, err, n.asked)
	}
}

// TestOrder: IPv4 first where each attempt is paid, and the next address after one that fails.
func TestOrder(t *testing.T) {
	n, port := &names{addrs: []string{"::1", "127.0.0.2", "127.0.0.1"}}, listen(t)
	d := interfaces.NewDialer(interfaces.Options{Frugal: true, Resolve: n.resolve})
	if at, err := reach(t, d, "up.example", port); at != "127.0.0.1" {
		t.Errorf("%q, %v", at, err)
	}
	addrs, _ := d.Known("up.example")
	if want := []string{"127.0.0.2", "127.0.0.1", "::1"}; !slices.EqualFunc(addrs, want, func(a netip.Addr, w string) bool { return a.String() == w }) {
		t.Errorf("%v, want %v", addrs, want)
	}
}

// TestNoInterface: the reason is told.
func TestNoInterface(t *testing.T) {
	d := interfaces.NewDialer(interfaces.Options{Interface: "nosuch0"})
	_, err := reach(t, d, "127.0.0.1", listen(t))
	var bind *interfaces.BindError
	if !errors.As(err, &bind) || bind.Interface != "nosuch0" || !errors.Is(err, syscall.ENODEV) && !errors.Is(err, syscall.EPERM) {
		t.Errorf("%v", err)
	}
}

// TestBound: a connection bound to the loopback interface reaches it.
func TestBound(t *testing.T) {
	d := interfaces.NewDialer(interfaces.Options{Interface: "lo"})
	if at, err := reach(t, d, "127.0.0.1", listen(t)); at != "127.0.0.1" && !errors.Is(err, syscall.EPERM) {
		t.Errorf("%q, %v", at, err)
	}
}

// TestManyAddresses: on a link that is slow to answer, an address is given the time that the link needs, however many there are.
func TestManyAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &names{}
		for i := range 8 {
			n.addrs = append(n.addrs, "10.0.0."+string(rune('1'+i)))
		}
		asked := 0
		slow := func(interfaces.Dial) interfaces.Dial {
			return func(ctx context.Context, _, _ string) (net.Conn, error) {
				asked++
				select {
				case <-ctx.Done():
					return nil, ctx.Err()
				case <-time.After(8 * time.Second):
					ours, theirs := net.Pipe()
					theirs.Close()
					return ours, nil
				}
			}
		}
		d := interfaces.NewDialer(interfaces.Options{Frugal: true, Resolve: n.resolve, Counted: slow, Least: 10 * time.Second})
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		if conn, err := d.Dial(ctx, "up.example", 8883); err != nil || asked != 1 {
			t.Errorf("%v, %d addresses asked", err, asked)
		} else {
			conn.Close()
		}
	})
}

// TestRecalled: what an earlier run has known is used, without asking if it is fresh, and when the name server is away if it is not.
func TestRecalled(t *testing.T) {
	for _, tt := range []struct {
		name   string
		frugal bool
		age    time.Duration
		err    error
		asked  int
	}{
		{"fresh", true, time.Minute, nil, 0},
		{"old", true, 2 * time.Hour, nil, 1},
		{"of unknown age", true, 1<<63 - 1, nil, 1},
		{"old, and no name server", true, 1<<63 - 1, &net.DNSError{Err: "i/o timeout", IsTimeout: true}, 1},
		{"no name server, and not paid by the byte", false, time.Minute, &net.DNSError{Err: "i/o timeout", IsTimeout: true}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n, port := &names{addrs: []string{"127.0.0.1"}, err: tt.err}, listen(t)
			var learned []netip.Addr
			d := interfaces.NewDialer(interfaces.Options{
				Frugal: tt.frugal, Fresh: time.Hour, Resolve: n.resolve,
				Recall: func(string) ([]netip.Addr, time.Duration) {
					return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, tt.age
				},
				Learned: func(_ string, addrs []netip.Addr) { learned = addrs },
			})
			if at, err := reach(t, d, "up.example", port); at != "127.0.0.1" || n.asked != tt.asked {
				t.Errorf("%q, %v, asked %d times", at, err, n.asked)
			}
			if told := len(learned) > 0; told != (tt.asked > 0 && tt.err == nil) {
				t.Errorf("learned %v", learned)
			}
		})
	}
}
