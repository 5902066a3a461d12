package uplink_test

import (
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/edge/config"
	"skerry/edge/uplink/road"
)

// insideNamespace is set in the environment of a test that runs in a network namespace of its own.
const insideNamespace = "UPLINK_TEST_NAMESPACE"

// namespace runs a test again in a namespace of its own for networks and for mounts, and is true there.
func namespace(t *testing.T) bool {
	t.Helper()
	if os.Getenv(insideNamespace) == t.Name() {
		return true
	}
	if os.Getuid() != 0 {
		t.Skip("a network namespace needs root")
	}
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), insideNamespace+"="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return false
}

// beyond is the network behind the links: a namespace that one thread lives in.
type beyond struct {
	t   *testing.T
	pid int
	do  chan func()
}

func newBeyond(t *testing.T) *beyond {
	t.Helper()
	f := &beyond{t: t, do: make(chan func())}
	ready := make(chan error)
	var running sync.WaitGroup
	running.Go(func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with its goroutine
		err := syscall.Unshare(syscall.CLONE_NEWNET)
		f.pid = syscall.Gettid()
		ready <- err
		for work := range f.do {
			work()
		}
	})
	if err := <-ready; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { close(f.do); running.Wait() })
	f.ip("link set lo up")
	f.ip("addr add 10.99.0.1/32 dev lo")
	return f
}

// inside runs something there.
func (f *beyond) inside(work func()) {
	done := make(chan struct{})
	f.do <- func() { defer close(done); work() }
	<-done
}

// ip runs the program there, and here the one below.
func (f *beyond) ip(words string) { f.inside(func() { ip(f.t, words) }) }

func ip(t *testing.T, words string) {
	if out, err := exec.Command("ip", strings.Fields(words)...).CombinedOutput(); err != nil {
		t.Errorf("ip %s: %v\n%s", words, err, out)
	}
}

// plug makes an interface here with a cable to the network behind it: net 10.N.0.0/24, we are HOST.
func (f *beyond) plug(name string, n, host int) {
	ip(f.t, fmt.Sprintf("link add %s type veth peer name far%d netns %d", name, n, f.pid))
	f.ip(fmt.Sprintf("addr add 10.%d.0.1/24 dev far%d", n, n))
	f.ip(fmt.Sprintf("link set far%d up", n))
	ip(f.t, fmt.Sprintf("link set %s up", name))
	ip(f.t, fmt.Sprintf("addr add 10.%d.0.%d/24 dev %s", n, host, name))
	ip(f.t, fmt.Sprintf("route add default via 10.%d.0.1 dev %s metric %d", n, name, n))
}

// upper counts what the server upstream has taken.
type upper struct {
	session *broker.Session
	mu      sync.Mutex
	got     []string
}

func (u *upper) Wake()                   { u.pull() }
func (u *upper) Flush()                  { u.pull() }
func (u *upper) Close(packet.ReasonCode) {}

func (u *upper) pull() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, d := range u.session.Next(nil, 1000) {
		u.got = append(u.got, string(d.Message.Payload))
	}
}

func (u *upper) payloads() []string {
	u.pull()
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]string(nil), u.got...)
}

// TestInterfaces plays what happens to real interfaces: each link bound to its own, one going away, coming back with another address, and
// one on which nothing passes any more. Every message arrives once.
func TestInterfaces(t *testing.T) {
	if !namespace(t) {
		return
	}
	f := newBeyond(t)
	var up *ground
	f.inside(func() { up = startGround(t, t.TempDir(), "10.99.0.1:1883") })
	if up == nil {
		t.Fatal("no server")
	}
	u := &upper{}
	var err error
	if u.session, _, err = up.broker.Connect(broker.ConnectOptions{ClientID: "upper", Version: packet.V5, CleanStart: true, Conn: u}); err != nil {
		t.Fatal(err)
	}
	u.session.Subscribe([]broker.Subscription{{TopicFilter: "farm/t", QoS: 0}}, nil)
	c := realConfig("10.99.0.1:1883")
	retry := config.DurationRange{Min: 200 * time.Millisecond, Max: time.Second}
	c.Links = []config.Link{
		{Name: "lte", Interface: "wwan0", Kind: "cellular", KeepAlive: c.KeepAlive, Retry: retry},
		{Name: "sat", Interface: "ppp0", Kind: "geo", KeepAlive: c.KeepAlive, Retry: retry},
	}
	g := startGateway(t, t.TempDir(), c)
	d, err := device(g.broker)
	if err != nil {
		t.Fatal(err)
	}
	var numbers []int
	send := func() {
		t.Helper()
		for range 50 {
			if err := publish(g.broker, d, &broker.Message{TopicName: "t", Payload: fmt.Append(nil, len(numbers)), QoS: 2}); err != nil {
				t.Fatal(err)
			}
			numbers = append(numbers, len(numbers))
		}
		eventually(t, "all messages", func() bool { return len(u.payloads()) >= len(numbers) })
	}
	on := func(link string) {
		t.Helper()
		eventually(t, "on "+link, func() bool { s := g.uplink.Status(); return s.Online && s.Link == link })
	}
	time.Sleep(100 * time.Millisecond)
	if s := g.uplink.Status(); s.Attempts != 0 || s.Links[0].State != road.Absent {
		t.Errorf("attempts without an interface: %+v", s)
	}
	f.plug("ppp0", 8, 2)
	on("sat")
	send()
	ip(t, "link del ppp0")
	eventually(t, "offline", func() bool { return !g.uplink.Status().Online })
	f.plug("wwan0", 7, 2)
	on("lte")
	send()
	f.plug("ppp0", 8, 2)
	ip(t, "link set wwan0 down") // pulled out while the other is there
	on("sat")
	send()
	connections := g.uplink.Status().Connections
	ip(t, "addr del 10.8.0.2/24 dev ppp0") // the provider gives another address
	ip(t, "addr add 10.8.0.3/24 dev ppp0")
	ip(t, "route replace default via 10.8.0.1 dev ppp0 metric 8")
	eventually(t, "over the new address", func() bool { s := g.uplink.Status(); return s.Online && s.Connections > connections })
	send()
	judge(t, u.payloads(), numbers, true)
	if s := g.uplink.Status(); s.LostSession != 0 || s.Links[0].State != road.Down || s.Links[1].State != road.Online {
		t.Errorf("%+v", s)
	}
}

// TestBoundLink: a link uses its own interface, also against the routes.
func TestBoundLink(t *testing.T) {
	if !namespace(t) {
		return
	}
	f := newBeyond(t)
	var up *ground
	f.inside(func() { up = startGround(t, t.TempDir(), "10.99.0.1:1883") })
	if up == nil {
		t.Fatal("no server")
	}
	f.plug("eth7", 7, 2)
	f.plug("wwan0", 8, 2) // by the routes the worse one
	f.ip("link set far7 down")
	c := realConfig("10.99.0.1:1883")
	c.Links = []config.Link{{Name: "lte", Interface: "wwan0", Kind: "cellular", KeepAlive: c.KeepAlive, Retry: c.Retry}}
	g, err := openGateway(t.TempDir(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer g.stop()
	eventually(t, "online", func() bool { return g.uplink.Status().Online })
}
