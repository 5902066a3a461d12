package uplink_test

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/edge/config"
	"skerry/edge/uplink"
	"skerry/edge/uplink/keepalive"
)

// forgetful is a link with a NAT that silently forgets connections, and that can be out.
type forgetful struct {
	dial  func(context.Context, config.Server) (net.Conn, error)
	after time.Duration

	mu    sync.Mutex
	out   bool
	conns []*forgotten
}

// forgotten is a connection that may be.
type forgotten struct {
	net.Conn
	after  time.Duration
	mu     sync.Mutex
	last   time.Time
	gone   bool
	closed chan struct{}
	close  func()
}

func (f *forgetful) open(ctx context.Context, s config.Server) (net.Conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.out {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ETIMEDOUT}
	}
	inner, err := f.dial(ctx, s)
	if err != nil {
		return nil, err
	}
	c := &forgotten{Conn: inner, after: f.after, last: time.Now(), closed: make(chan struct{})}
	c.close = sync.OnceFunc(func() { close(c.closed) })
	f.conns = append(f.conns[:0], c)
	return c, nil
}

// breakFor has the link out for a while, silently; nothing that was open survives it.
func (f *forgetful) breakFor(d time.Duration) {
	f.set(true)
	time.Sleep(d)
	f.set(false)
}

func (f *forgetful) set(out bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.out = out
	for _, c := range f.conns {
		c.mu.Lock()
		c.gone = true
		c.mu.Unlock()
	}
}

// passes tells whether the NAT still knows the connection.
func (c *forgotten) passes() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gone = c.gone || time.Since(c.last) > c.after
	if !c.gone {
		c.last = time.Now()
	}
	return !c.gone
}

func (c *forgotten) Write(b []byte) (int, error) {
	if !c.passes() {
		return len(b), nil
	}
	return c.Conn.Write(b)
}

func (c *forgotten) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.passes() {
		return n, err
	}
	<-c.closed
	return 0, io.EOF
}

func (c *forgotten) Close() error {
	c.close()
	return c.Conn.Close()
}

// learning runs a test with an uplink that learns, over a link that forgets.
func learning(t *testing.T, after time.Duration, f func(at *station, link *forgetful)) {
	t.Helper()
	play(t, func(t *testing.T, at *station) {
		link := &forgetful{dial: at.server.dial, after: after}
		at.config.KeepAlive = config.KeepAlive{Min: time.Minute, Max: 25 * time.Minute}
		at.config.Retry = config.DurationRange{Min: 2 * time.Second, Max: time.Minute}
		at.options.Dial = link.open
		f(at, link)
	})
}

// learned waits until the interval is held.
func (at *station) learned() {
	at.t.Helper()
	for range 24 {
		if l := at.uplink.Status().Alive.Learned; l != nil && l.Phase == keepalive.Hold {
			return
		}
		time.Sleep(time.Hour)
	}
	at.t.Fatalf("nothing is learned: %v", at.uplink.Status().Alive.Learned)
}

const oneWeek = 7 * 24 * time.Hour

// TestKeepAliveLearned: a NAT of 300 s is learned with few connections lost, what is learned outlives a power cut, and after it none is
// lost nor anything written.
func TestKeepAliveLearned(t *testing.T) {
	learning(t, 300*time.Second, func(at *station, link *forgetful) {
		at.start()
		at.learned()
		s := at.uplink.Status()
		if s.Connections > 7 || s.Alive.Learned.Lost > 6 || s.Alive.Ping >= 300*time.Second || s.Alive.Ping < 210*time.Second || s.Alive.Path != (keepalive.Path{Link: "default", Server: "up.example:1883"}) {
			t.Errorf("learned with %d connections: %v for %v, of %+v", s.Connections, s.Alive.Learned, s.Alive.Ping, s.Alive.Path)
		}
		if told := at.server.connects[0].KeepAlive; told < 1500 || told > 1560 {
			t.Errorf("CONNECT says %d s", told)
		}
		if len(at.log.matching("the keep-alive is learned")) != 1 {
			t.Errorf("logged: %v", at.log.matching("keep-alive"))
		}
		at.reboot()
		at.online()
		if again := at.uplink.Status(); again.Alive.Ping != s.Alive.Ping || again.Alive.Learned.Phase != keepalive.Hold || again.Alive.Learned.Lost != s.Alive.Learned.Lost {
			t.Errorf("after a power cut %v, it was %v", again.Alive.Learned, s.Alive.Learned)
		}
		time.Sleep(time.Hour)
		before, stored := at.uplink.Status().Connections, fact(at)
		time.Sleep(oneWeek)
		if after := at.uplink.Status(); after.Connections != before || fact(at) != stored {
			t.Errorf("%d connections lost in the week after it, and %s written over %s", after.Connections-before, fact(at), stored)
		}
	})
}

// fact is what is stored of the keep-alive.
func fact(at *station) string {
	value, _ := at.broker.Fact("uplink/cloud/keep_alive")
	return string(value)
}

// TestKeepAliveOutage: no outage changes what is learned.
func TestKeepAliveOutage(t *testing.T) {
	learning(t, 20*time.Minute, func(at *station, link *forgetful) {
		at.start()
		at.learned()
		known := at.uplink.Status().Alive.Learned
		for i := range 60 {
			time.Sleep(3*time.Hour + time.Duration(i)*67*time.Second)
			link.breakFor(10 * time.Minute)
			at.online()
		}
		time.Sleep(time.Hour)
		if now := at.uplink.Status(); now.Alive.Learned.Interval != known.Interval || now.Alive.Learned.Refuted != known.Refuted {
			t.Errorf("%v has become %v", known, now.Alive.Learned)
		}
	})
}

// TestKeepAliveSignal: while the signal is poor nothing is learned, and the interval is a proven one; each operator is a path of its own.
func TestKeepAliveSignal(t *testing.T) {
	learning(t, 5*time.Minute, func(at *station, link *forgetful) {
		var mu sync.Mutex
		signal := uplink.Signal{Operator: "262-02", APN: "internet", Class: "LTE"}
		set := func(f func()) {
			mu.Lock()
			f()
			mu.Unlock()
			time.Sleep(time.Minute)
		}
		at.options.Signal = func(name string) uplink.Signal {
			mu.Lock()
			defer mu.Unlock()
			if name != "default" {
				t.Errorf("asked for the signal of %q", name)
			}
			return signal
		}
		at.start()
		at.learned()
		home := at.uplink.Status()
		if home.Alive.Path.Operator != "262-02" || home.Alive.Path.APN != "internet" || home.Alive.Path.Class != "LTE" {
			t.Errorf("%+v", home.Alive.Path)
		}
		set(func() { signal.Poor, signal.Factor, signal.Answer = true, 0.5, 2 })
		if s := at.uplink.Status(); s.Alive.Learned.Frozen != "poor signal" || s.Alive.Ping != (home.Alive.Ping/2).Truncate(time.Second) {
			t.Errorf("on a poor signal: %v for %v", s.Alive.Learned, s.Alive.Ping)
		}
		at.server.with(func() { at.server.late = 50 * time.Second }) // twice 30 s is allowed now
		before := at.uplink.Status().Connections
		time.Sleep(time.Hour)
		at.server.with(func() { at.server.late = 0 })
		time.Sleep(time.Hour)
		if after := at.uplink.Status().Connections; after != before {
			t.Errorf("%d connections were given up too early", after-before)
		}
		set(func() { signal.Poor, signal.Factor, signal.Answer = false, 0, 0 })
		set(func() { signal.Operator = "262-01" })
		if s := at.uplink.Status(); s.Alive.Path.Operator != "262-01" || s.Alive.Learned.Proven != 0 {
			t.Errorf("another operator: %v of %+v", s.Alive.Learned, s.Alive.Path)
		}
		at.learned()
		set(func() { signal.Operator = "262-02" })
		if s := at.uplink.Status(); s.Alive.Ping != home.Alive.Ping || s.Alive.Learned.Phase != keepalive.Hold {
			t.Errorf("back home: %v", s.Alive.Learned)
		}
		if text := fact(at); strings.Count(text, `"operator"`) != 2 {
			t.Errorf("stored: %s", text)
		}
	})
}

// TestKeepAliveFixed: one value is asked for, kept, and not learned.
func TestKeepAliveFixed(t *testing.T) {
	learning(t, time.Minute, func(at *station, link *forgetful) {
		at.config.KeepAlive = config.KeepAlive{Min: 5 * time.Minute, Max: 5 * time.Minute}
		at.start()
		time.Sleep(24 * time.Hour)
		s := at.uplink.Status()
		if s.Alive.Ping != 5*time.Minute || s.Alive.Learned != nil || s.KeepAlive != 5*time.Minute || s.Connections < 100 || fact(at) != "" {
			t.Errorf("%+v, stored %q", s, fact(at))
		}
	})
}

// TestKeepAliveServerLimit: what the Server takes at most is what is asked for.
func TestKeepAliveServerLimit(t *testing.T) {
	learning(t, time.Hour, func(at *station, link *forgetful) {
		at.options.MaxKeepAlive = 20 * time.Minute
		at.start()
		at.learned()
		if s := at.uplink.Status(); at.server.connects[0].KeepAlive != 1200 || s.Alive.Ping != 1170*time.Second || s.Connections != 1 {
			t.Errorf("CONNECT says %d s: %v", at.server.connects[0].KeepAlive, s.Alive.Learned)
		}
	})
}

// TestKeepAliveBadFact: what cannot be read is learned anew.
func TestKeepAliveBadFact(t *testing.T) {
	learning(t, time.Hour, func(at *station, link *forgetful) {
		at.startBroker()
		if _, err := at.broker.PutFact("uplink/cloud/keep_alive", []byte("{")); err != nil {
			t.Fatal(err)
		}
		at.startUplink()
		at.learned()
		if len(at.log.matching("it is learned anew")) != 1 || !strings.Contains(fact(at), `"hold"`) {
			t.Errorf("stored %s, logged %v", fact(at), at.log.matching("keep-alive"))
		}
	})
}

// TestKeepAliveRetired: what was learned goes with the uplink.
func TestKeepAliveRetired(t *testing.T) {
	learning(t, time.Hour, func(at *station, link *forgetful) {
		at.start()
		at.publish(&broker.Message{TopicName: "t", QoS: 1})
		at.learned()
		at.stopUplink()
		if fact(at) == "" {
			t.Fatal("nothing is stored")
		}
		if err := uplink.Retire(at.broker, nil, nil); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if fact(at) != "" {
			t.Errorf("still stored: %s", fact(at))
		}
	})
}

// TestKeepAliveFailedAttempt: a connection that was lost in silence counts for nothing when the attempt after it fails, however soon the
// next one succeeds.
func TestKeepAliveFailedAttempt(t *testing.T) {
	learning(t, time.Hour, func(at *station, link *forgetful) {
		at.start()
		for range 10 {
			at.online()
			at.server.with(func() { at.server.mute = true }) // what is sent now is lost
			at.until("the connection is given up", func() bool { return !at.uplink.Status().Online })
			at.server.with(func() { at.server.mute = false })
		}
		at.online()
		if l := at.uplink.Status().Alive.Learned; l.Lost == 0 || l.Refuted == 0 {
			t.Fatalf("without an outage: %v", l)
		}
		before := at.uplink.Status().Alive.Learned
		for range 10 {
			at.online()
			time.Sleep(at.uplink.Status().Alive.Ping - time.Second)
			link.set(true)
			at.until("the connection is given up", func() bool { return !at.uplink.Status().Online })
			attempts := at.uplink.Status().Attempts
			at.until("an attempt fails", func() bool { return at.uplink.Status().Attempts > attempts })
			link.set(false)
		}
		if l := at.uplink.Status().Alive.Learned; l.Lost != before.Lost || l.Refuted != before.Refuted || l.Void < 9 {
			t.Errorf("%v has become %v", before, l)
		}
	})
}

// TestKeepAliveServerSays: a Server that measures by less than CONNECT asks for bounds what is learned.
func TestKeepAliveServerSays(t *testing.T) {
	learning(t, time.Hour, func(at *station, link *forgetful) {
		at.server.limits = at.server.limits.AppendNumber(packet.ServerKeepAlive, 600)
		at.start()
		at.learned()
		if s := at.uplink.Status(); s.KeepAlive != 10*time.Minute || s.Alive.Ping != 570*time.Second || s.Connections != 1 {
			t.Errorf("%v of %v", s.Alive.Learned, s.KeepAlive)
		}
	})
}

// TestKeepAliveFixedServerSays: what is fixed and longer than the Server measures by is not what the status says.
func TestKeepAliveFixedServerSays(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.config.KeepAlive = config.KeepAlive{Min: time.Minute, Max: time.Minute}
		at.server.limits = at.server.limits.AppendNumber(packet.ServerKeepAlive, 20)
		at.start()
		at.online()
		if s := at.uplink.Status(); s.Alive.Ping != 20*time.Second || s.Links[0].Alive.Ping != 20*time.Second {
			t.Errorf("asked after %v", s.Alive.Ping)
		}
	})
}

// TestKeepAliveBesideAnotherLink: where there is a second link, a NAT on the first one is learned all the same, without moving to the
// second one for each connection that is lost; and a link that is dead in silence is left for it.
func TestKeepAliveBesideAnotherLink(t *testing.T) {
	learning(t, 5*time.Minute, func(at *station, link *forgetful) {
		c := at.connectCables(lte(config.Link{}), sat(config.Link{}))
		at.config.Links[0].KeepAlive = config.KeepAlive{Min: 2 * time.Minute, Max: 28 * time.Minute}
		at.config.Links[0].Retry = config.DurationRange{Min: 2 * time.Second, Max: time.Minute}
		link.dial = func(ctx context.Context, s config.Server) (net.Conn, error) {
			return c.dial(ctx, at.config.Links[0], s)
		}
		at.options.DialLink = func(ctx context.Context, l config.Link, s config.Server) (net.Conn, error) {
			if l.Name == "lte" {
				return link.open(ctx, s)
			}
			return c.dial(ctx, l, s)
		}
		at.start()
		at.learned()
		s := at.uplink.Status()
		if s.Link != "lte" || s.Alive.Path.Link != "lte" || s.Alive.Learned.Lost > 4 || s.Connections > 5 || c.dials("ppp0") > 0 {
			t.Errorf("learned %v on %s, with %d connections and %d dials of the second link", s.Alive.Learned, s.Link, s.Connections, c.dials("ppp0"))
		}
		if other := at.linkStatus("sat").Alive; other.Ping != 10*time.Minute || other.Learned != nil {
			t.Errorf("the second link: %+v", other)
		}
		link.set(true)
		at.on("sat")
		if l := at.linkStatus("lte").Alive.Learned; l.Interval != s.Alive.Learned.Interval || l.Lost != s.Alive.Learned.Lost {
			t.Errorf("%v has become %v", s.Alive.Learned, l)
		}
	})
}
