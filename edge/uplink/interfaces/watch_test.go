package interfaces_test

import (
	"context"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"skerry/edge/uplink/interfaces"
)

// inside is set in the environment of a test that runs in a network namespace of its own.
const inside = "SKERRY_TEST_NAMESPACE"

// namespace runs a test again in a network namespace of its own, and is true there.
func namespace(t *testing.T) bool {
	t.Helper()
	if os.Getenv(inside) == t.Name() {
		return true
	}
	if os.Getuid() != 0 {
		t.Skip("a network namespace needs root")
	}
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), inside+"="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return false
}

func ip(t *testing.T, words string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "ip", strings.Fields(words)...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v\n%s", words, err, out)
	}
}

// watching tells what Watch tells.
type watching struct {
	t      *testing.T
	tables chan interfaces.Table
}

func watch(t *testing.T) *watching {
	t.Helper()
	w := &watching{t, make(chan interfaces.Table, 100)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- interfaces.Watch(ctx, func(x interfaces.Table) { w.tables <- x }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Watch: %v", err)
		}
	})
	return w
}

// until waits for a table that is right.
func (w *watching) until(what string, right func(interfaces.Table) bool) {
	w.t.Helper()
	var last interfaces.Table
	for {
		select {
		case last = <-w.tables:
			if right(last) {
				return
			}
		case <-time.After(20 * time.Second):
			w.t.Fatalf("%s: not told; the last was %+v", what, last)
		}
	}
}

// TestWatchHere: the interfaces of this machine are told at once, whoever asks.
func TestWatchHere(t *testing.T) {
	watch(t).until("the loopback interface", func(x interfaces.Table) bool { return x["lo"].Up || len(x) > 0 })
}

// TestWatch: everything that happens to an interface is told.
func TestWatch(t *testing.T) {
	if !namespace(t) {
		return
	}
	w := watch(t)
	w.until("the beginning", func(x interfaces.Table) bool { return !x["wwan0"].Up })
	ip(t, "link add wwan0 type veth peer name far")
	w.until("there", func(x interfaces.Table) bool { i, ok := x["wwan0"]; return ok && !i.Up && !i.Carrier })
	ip(t, "link set wwan0 up")
	w.until("up", func(x interfaces.Table) bool { return x["wwan0"].Up && !x["wwan0"].Carrier })
	ip(t, "link set far up")
	w.until("carrier", func(x interfaces.Table) bool { return x["wwan0"].Carrier && len(x["wwan0"].Addresses) == 0 })
	ip(t, "addr add 10.7.0.2/24 dev wwan0")
	first := netip.MustParseAddr("10.7.0.2")
	w.until("address", func(x interfaces.Table) bool {
		return slices.Equal(x["wwan0"].Addresses, []netip.Addr{first}) && !x["wwan0"].Routed && x.Has(first)
	})
	ip(t, "route add default via 10.7.0.1 dev wwan0 metric 700")
	w.until("route", func(x interfaces.Table) bool { return x["wwan0"].Routed })
	ip(t, "route add default via 10.7.0.1 dev wwan0 metric 800")
	ip(t, "route del default via 10.7.0.1 dev wwan0 metric 700")
	ip(t, "route del default via 10.7.0.1 dev wwan0 metric 800")
	w.until("no route", func(x interfaces.Table) bool { return !x["wwan0"].Routed })
	ip(t, "addr add 10.8.0.2/24 dev wwan0")
	ip(t, "addr del 10.7.0.2/24 dev wwan0")
	w.until("another address", func(x interfaces.Table) bool {
		return slices.Equal(x["wwan0"].Addresses, []netip.Addr{netip.MustParseAddr("10.8.0.2")}) && !x.Has(first)
	})
	ip(t, "route add default via 10.8.0.1 dev wwan0")
	w.until("route", func(x interfaces.Table) bool { return x["wwan0"].Routed })
	ip(t, "link set far down")
	w.until("no carrier", func(x interfaces.Table) bool { return x["wwan0"].Up && !x["wwan0"].Carrier })
	ip(t, "link set wwan0 down")
	w.until("down", func(x interfaces.Table) bool { return !x["wwan0"].Up && !x["wwan0"].Routed })
	ip(t, "link del wwan0")
	w.until("gone", func(x interfaces.Table) bool { _, ok := x["wwan0"]; return !ok })
}

// TestWatchMany: more changes than the socket has room for are not lost.
func TestWatchMany(t *testing.T) {
	if !namespace(t) {
		return
	}
	slow := make(chan struct{})
	tables := make(chan interfaces.Table, 1)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- interfaces.Watch(ctx, func(x interfaces.Table) {
			<-slow // nothing is read meanwhile
			select {
			case <-tables:
			default:
			}
			tables <- x
		})
	}()
	ip(t, "link add many type veth peer name other")
	ip(t, "link set many up")
	var batch strings.Builder
	for i := range 4000 {
		batch.WriteString("addr add 10.9." + itoa(i/250) + "." + itoa(i%250+1) + "/32 dev many\n")
	}
	cmd := exec.CommandContext(t.Context(), "ip", "-batch", "-")
	cmd.Stdin = strings.NewReader(batch.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	ip(t, "link set many down")
	ip(t, "link set many up")
	close(slow)
	for deadline := time.After(time.Minute); ; {
		select {
		case x := <-tables:
			if len(x["many"].Addresses) == 4000 && x["many"].Up {
				cancel()
				if err := <-done; err != nil {
					t.Error(err)
				}
				return
			}
		case <-deadline:
			t.Fatal("the last state was not told")
		}
	}
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}
