package uplink_test

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"skerry/broker"
	"skerry/edge/config"
	"skerry/edge/uplink/budget"
)

// toll stands before a server and counts what the kernel says has passed the connections to it, in bytes of IP.
type toll struct {
	address string
	mu      sync.Mutex
	total   int64
	open    map[*net.TCPConn]bool
}

func startToll(t *testing.T, to string) *toll {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &toll{address: l.Addr().String(), open: map[*net.TCPConn]bool{}}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { g.carry(c.(*net.TCPConn), to) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		g.mu.Lock()
		for c := range g.open {
			c.CloseRead()
		}
		g.mu.Unlock()
		running.Wait()
	})
	return g
}

func (g *toll) carry(c *net.TCPConn, to string) {
	defer c.Close()
	far, err := net.Dial("tcp4", to)
	if err != nil {
		return
	}
	g.mu.Lock()
	g.open[c] = true
	g.mu.Unlock()
	done := make(chan struct{})
	go func() { defer close(done); io.Copy(c, far); c.CloseWrite() }()
	io.Copy(far, c)
	far.Close()
	<-done
	g.mu.Lock()
	delete(g.open, c)
	g.total += passed(c)
	g.mu.Unlock()
}

// passed is what a connection has cost so far by TCP_INFO of its other end.
func passed(c *net.TCPConn) (bytes int64) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0
	}
	_ = raw.Control(func(fd uintptr) {
		if i, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
			bytes = int64(i.Segs_in+i.Segs_out)*52 + int64(i.Bytes_sent+i.Bytes_received) + 2*8
		}
	})
	return bytes
}

func (g *toll) sum() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	sum := g.total
	for c := range g.open {
		sum += passed(c)
	}
	return sum
}

// budgetConfig is realConfig, with a budget for its link.
func budgetConfig(address string, perMonth int64) config.Uplink {
	c := realConfig(address)
	if perMonth > 0 {
		c.Links = []config.Link{{Name: "lte", Kind: "cellular", KeepAlive: c.KeepAlive, Retry: c.Retry,
			Budget: &config.Budget{Bytes: config.Allowances{{Bytes: perMonth, Period: budget.Month}}, Reserve: 10}}}
	}
	return c
}

// TestBudgetKilled: through kills of the gateway what is counted is never less than what has passed the socket, and more by a chunk for
// each kill at most.
func TestBudgetKilled(t *testing.T) {
	const (
		perMonth = 50_000_000
		chunk    = 64_000 + 16_384 // and a write
		kills    = 5
	)
	server := startGround(t, t.TempDir(), "127.0.0.1:0")
	gate := startToll(t, server.address)
	dir, next := t.TempDir(), 0
	for range kills {
		v := startVictim(t, dir, childJob{Server: gate.address, From: next, Budget: perMonth})
		eventually(t, "progress", func() bool { return v.count() >= 150 })
		if acked := v.kill(); len(acked[2]) > 0 {
			next = acked[2][len(acked[2])-1] + 1
		}
		eventually(t, "the end of its connection", func() bool { gate.mu.Lock(); defer gate.mu.Unlock(); return len(gate.open) == 0 })
	}
	killed := gate.sum()
	g := startGateway(t, dir, budgetConfig(gate.address, perMonth))
	eventually(t, "all upstream", func() bool { s := g.uplink.Status(); return s.Online && s.Backlog["all"] == 0 })
	time.Sleep(100 * time.Millisecond)
	passed := gate.sum()
	f := g.uplink.Status().Links[0].Budget.Forecasts[0]
	t.Logf("%d B have passed the socket, %d of them before the last kill; %d B counted: %.1f %% more", passed, killed, f.Used, 100*(float64(f.Used)/float64(passed)-1))
	if f.Used < passed || f.Used > passed+kills*chunk+passed/50 {
		t.Errorf("%d B counted, %d passed", f.Used, passed)
	}
	g.stop()
	before := gate.sum()
	g = startGateway(t, dir, budgetConfig(gate.address, perMonth))
	eventually(t, "online", func() bool { return g.uplink.Status().Online })
	again := g.uplink.Status().Links[0].Budget.Forecasts[0].Used
	if grew, cost := again-f.Used, gate.sum()-before; grew > cost+(before-passed)+2000 {
		t.Errorf("a stop in order cost %d B, and %d passed", grew, cost)
	}
}

// TestBudgetAlarmsAtTheSocket: when all of a budget is used up but its reserve, only alarms pass the socket, at once, and after a restart
// as well; no connection is opened for anything else.
func TestBudgetAlarmsAtTheSocket(t *testing.T) {
	const perMonth = 200_000
	server := startGround(t, t.TempDir(), "127.0.0.1:0")
	gate := startToll(t, server.address)
	up := newReader(t, server.address)
	up.join(true)
	dir := t.TempDir()
	streams := []config.Stream{classed("now", config.LiveClass, "t/#"), classed("alarms", config.AlarmClass, "a/#")}
	g := startGateway(t, dir, budgetConfig(gate.address, perMonth), streams...)
	d, err := device(g.broker)
	if err != nil {
		t.Fatal(err)
	}
	send := func(topic string, n int) {
		t.Helper()
		for range n {
			if err := publish(g.broker, d, &broker.Message{TopicName: topic, Payload: make([]byte, 900), QoS: 1}); err != nil {
				t.Fatal(err)
			}
		}
	}
	eventually(t, "online", func() bool { return g.uplink.Status().Online })
	status := func() budget.Status { return g.uplink.Status().Links[0].Budget }
	send("t/x", 250)
	eventually(t, "it is used up", func() bool { return status().Rung == budget.AlarmOnly })
	f := status().Forecasts[0]
	t.Logf("%d of 250 live messages have arrived; %d B have passed the socket, %d B are counted", len(up.payloads("farm/t/x")), gate.sum(), f.Used)
	if f.Used > perMonth || g.uplink.Status().Backlog["now"] == 0 {
		t.Errorf("used %d, backlog %v", f.Used, g.uplink.Status().Backlog)
	}
	send("a/x", 3)
	eventually(t, "three alarms, and their acknowledgements", func() bool { // which wait for the server's disk
		return len(up.payloads("farm/a/x")) == 3 && g.uplink.Status().Backlog["alarms"] == 0
	})
	g.stop()
	live := len(up.payloads("farm/t/x"))
	g = startGateway(t, dir, budgetConfig(gate.address, perMonth), streams...)
	if d, err = device(g.broker); err != nil {
		t.Fatal(err)
	}
	send("t/x", 3)
	time.Sleep(1500 * time.Millisecond)
	if s := g.uplink.Status(); s.Attempts != 0 {
		t.Errorf("%d attempts to connect with nothing to send", s.Attempts)
	}
	send("a/x", 20)
	eventually(t, "all alarms", func() bool { return len(up.payloads("farm/a/x")) == 23 })
	if got := len(up.payloads("farm/t/x")); got != live {
		t.Errorf("%d live messages were sent beside the alarms", got-live)
	}
	if got, passed := status().Forecasts[0].Used, gate.sum(); got < passed {
		t.Errorf("%d B counted, %d passed", got, passed)
	}
}
