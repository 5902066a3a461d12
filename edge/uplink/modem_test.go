package uplink_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/drivers"
	"skerry/edge/config"
	"skerry/edge/uplink"
	"skerry/edge/uplink/modem"
	"skerry/edge/uplink/modem/modemtest"
)

// serial is a serial line in a bubble.
type serial struct{ net.Conn }

func (w serial) Discard() error {
	b := make([]byte, 256)
	for {
		if err := w.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
			return err
		}
		if _, err := w.Read(b); errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// pings notes when PINGREQ is written.
type pings struct {
	mu sync.Mutex
	at []time.Time
}

type pinged struct {
	net.Conn
	to *pings
}

func (p pinged) Write(b []byte) (int, error) {
	if len(b) == 2 && b[0] == 0xC0 {
		p.to.mu.Lock()
		p.to.at = append(p.to.at, time.Now())
		p.to.mu.Unlock()
	}
	return p.Conn.Write(b)
}

// last is the distance of the last two.
func (p *pings) last() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.at) < 2 {
		return 0
	}
	return p.at[len(p.at)-1].Sub(p.at[len(p.at)-2])
}

const (
	testPing = 10 * time.Minute
	testAck  = 20 * time.Second
)

// radio is a station with a modem.
type radio struct {
	*station
	modem *modemtest.Modem
	pings *pings

	changing sync.Mutex // while the station is another one
	mu       sync.Mutex
	steps    []string
}

// sensed passes on what the watcher tells, if there is an uplink just now.
func (at *radio) sensed(link string) {
	if at.changing.TryLock() {
		defer at.changing.Unlock()
		at.uplink.Sensed(link)
	}
}

func (at *radio) reboot() {
	at.changing.Lock()
	defer at.changing.Unlock()
	at.station.reboot()
}

// start starts the station before the modem is asked for the first time.
func (at *radio) start() {
	at.changing.Lock()
	defer at.changing.Unlock()
	at.station.start()
}

// withModem runs a test with an uplink of all classes over links of which the first has a modem.
func withModem(t *testing.T, names []string, f func(t *testing.T, at *radio)) {
	t.Helper()
	play(t, func(t *testing.T, st *station) {
		at := &radio{station: st, modem: modemtest.New(modemtest.Fine()), pings: &pings{}}
		at.streams = nil
		for _, class := range []string{"alarm", "state", "live", "backfill"} {
			at.streams = append(at.streams, classed(class, class, class[:1]+"/#"))
		}
		for _, name := range names {
			at.config.Links = append(at.config.Links, config.Link{Name: name, Kind: "cellular", KeepAlive: config.KeepAlive{Min: testPing, Max: testPing},
				Retry: config.DurationRange{Min: 2 * time.Second, Max: 5 * time.Minute}})
		}
		at.options.AckTimeout, at.options.Dial = testAck, nil
		at.options.DialLink = func(ctx context.Context, _ config.Link, s config.Server) (net.Conn, error) {
			conn, err := at.server.dial(ctx, s)
			if err != nil {
				return nil, err
			}
			return pinged{conn, at.pings}, nil
		}
		w := at.watch(names[0])
		at.options.Modem = func(link string) *uplink.Modem {
			if link != names[0] {
				return nil
			}
			return &uplink.Modem{Watcher: w, Bearer: at.step("bearer"), Radio: at.step("radio"), Power: at.step("power")}
		}
		f(t, at)
	})
}

// watch has the modem polled until the test ends.
func (at *radio) watch(link string) *modem.Watcher {
	ours, theirs := net.Pipe()
	w, err := modem.New(modem.Options{
		Modem: "/dev/ttyUSB2", Open: func(string) (drivers.Port, error) { return serial{ours}, nil },
		Changed: func(modem.Signal) { at.sensed(link) },
	})
	if err != nil {
		at.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { at.modem.Serve(theirs) })
	running.Go(func() { time.Sleep(time.Minute); w.Run(ctx) })
	at.t.Cleanup(func() {
		cancel()
		ours.Close()
		theirs.Close()
		running.Wait()
	})
	return w
}

func (at *radio) step(name string) func(context.Context) error {
	return func(context.Context) error {
		at.mu.Lock()
		defer at.mu.Unlock()
		at.steps = append(at.steps, name)
		return nil
	}
}

func (at *radio) climbed() string {
	at.mu.Lock()
	defer at.mu.Unlock()
	return strings.Join(at.steps, " ")
}

// hears has the modem hear so well, and waits until the uplink knows.
func (at *radio) hears(csq int, band modem.Band) {
	at.t.Helper()
	at.modem.Set(func(s *modemtest.State) { s.CSQ = csq })
	at.until("a signal that is "+band.String(), func() bool { return at.link(0).Modem.Signal.Band == band })
}

func (at *radio) link(i int) uplink.LinkStatus { return at.uplink.Status().Links[i] }

// passed publishes a message of each class, and lists the classes of those that come through in a minute.
func (at *radio) passed() string {
	at.t.Helper()
	before := len(at.server.order())
	for _, class := range []string{"backfill", "live", "state", "alarm"} {
		at.publish(&broker.Message{TopicName: class[:1] + "/x", Payload: []byte(class), QoS: 1})
	}
	time.Sleep(time.Minute)
	synctest.Wait()
	got := []byte(at.server.order()[before:])
	slices.Sort(got)
	return string(got)
}

// silent is how long the uplink bears a Server that acknowledges nothing.
func (at *radio) silent() time.Duration {
	at.t.Helper()
	at.server.with(func() { at.server.answer = func(*packet.Publish) (packet.ReasonCode, bool) { return 0, false } })
	from, times := time.Now(), at.uplink.Status().Connections
	at.publish(&broker.Message{TopicName: "a/y", Payload: []byte("alarm"), QoS: 1})
	for at.uplink.Status().Online && at.uplink.Status().Connections == times {
		time.Sleep(time.Second / 10)
		synctest.Wait()
		if time.Since(from) > time.Hour {
			at.t.Fatal("the silence is borne for an hour")
		}
	}
	took := time.Since(from)
	at.server.with(func() { at.server.answer = nil })
	at.until("the next connection", func() bool { return at.uplink.Status().Connections > times })
	at.server.cut() // it may have begun before the Server answered again
	at.until("the one after it", func() bool { return at.uplink.Status().Connections > times+1 })
	time.Sleep(10 * time.Second)
	synctest.Wait()
	return took
}

// TestSignalOfAModem: AT+CSQ falls from 25 to 5 and comes back. Interval, time-outs and what is held back change as the table says.
func TestSignalOfAModem(t *testing.T) {
	withModem(t, []string{"lte"}, func(t *testing.T, at *radio) {
		at.start()
		at.online()
		for _, step := range []struct {
			csq    int
			band   modem.Band
			passes string
		}{
			{25, modem.Good, "abls"},
			{10, modem.Weak, "als"},
			{5, modem.Poor, "a"},
			{25, modem.Good, "abls"},
		} {
			e := modem.EffectsOf(step.band)
			at.hears(step.csq, step.band)
			if got := at.passed(); got != step.passes {
				t.Errorf("%v: classes %q came through, want %q", step.band, got, step.passes)
			}
			want := time.Duration(float64(testAck) * e.Ack)
			if took := at.silent(); took < want || took > want+want/10 {
				t.Errorf("%v: the link was given up after %v, want %v", step.band, took, want)
			}
			s := at.link(0)
			if s.Modem.Effects != e || s.Modem.Signal.Operator != "222-10" || s.Alive.Ping != time.Duration(e.Ping*float64(testPing)) {
				t.Errorf("%v: the status says %v, ping %v", step.band, s.Modem, s.Alive.Ping)
			}
		}
		got := at.server.order()
		if strings.Count(got, "l") < 4 || strings.Count(got, "b") < 4 {
			t.Errorf("what was held back is not upstream: %q", got)
		}
	})
}

// TestPingsFollowTheSignal: also on a connection that stands already.
func TestPingsFollowTheSignal(t *testing.T) {
	withModem(t, []string{"lte"}, func(t *testing.T, at *radio) {
		at.start()
		at.online()
		for _, step := range []struct {
			csq  int
			band modem.Band
		}{{25, modem.Good}, {5, modem.Poor}, {25, modem.Good}} {
			at.hears(step.csq, step.band)
			time.Sleep(3*testPing + time.Second)
			want := time.Duration(modem.EffectsOf(step.band).Ping * float64(testPing))
			if got := at.pings.last(); got < want-time.Second || got > want+time.Second {
				t.Errorf("%v: PINGREQ every %v, want %v", step.band, got, want)
			}
		}
		if n := at.uplink.Status().Connections; n != 1 {
			t.Errorf("%d connections", n)
		}
	})
}

// TestHeldBackNotForEver: after ten minutes all flows, however bad the signal is.
func TestHeldBackNotForEver(t *testing.T) {
	withModem(t, []string{"lte"}, func(t *testing.T, at *radio) {
		at.start()
		at.online()
		at.hears(5, modem.Poor)
		for range 8 {
			if got := at.passed(); got != "a" {
				t.Fatalf("%q came through", got)
			}
		}
		time.Sleep(modem.DefaultMaxHold - 8*time.Minute)
		if got := at.passed(); got != "abls" {
			t.Errorf("%q came through, want all", got)
		}
		got := at.server.order()
		if strings.Count(got, "l") != 9 || strings.Count(got, "b") != 9 {
			t.Errorf("what was held back is not upstream: %q", got)
		}
	})
}

// TestPoorSignalMoves: to the other link, and back when it is good again.
func TestPoorSignalMoves(t *testing.T) {
	withModem(t, []string{"lte", "spare"}, func(t *testing.T, at *radio) {
		at.start()
		at.online()
		at.hears(25, modem.Good)
		at.hears(5, modem.Poor)
		at.until("the other link", func() bool { return at.uplink.Status().Link == "spare" && at.uplink.Status().Online })
		if got := at.passed(); got != "abls" {
			t.Errorf("over the other link %q came through", got)
		}
		at.hears(25, modem.Good)
		at.until("the better link", func() bool { return at.uplink.Status().Link == "lte" && at.uplink.Status().Online })
	})
}

// TestModemIsBroughtBack: step by step while nothing gets through, and a step that was taken is known after a restart.
func TestModemIsBroughtBack(t *testing.T) {
	withModem(t, []string{"lte"}, func(t *testing.T, at *radio) {
		dial := at.options.DialLink
		dead := true
		at.options.DialLink = func(ctx context.Context, l config.Link, s config.Server) (net.Conn, error) {
			if dead {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return dial(ctx, l, s)
		}
		at.start()
		time.Sleep(20 * time.Minute)
		synctest.Wait()
		if got := at.climbed(); got != "bearer radio power" {
			t.Errorf("%q were taken in 20 min without a connection", got)
		}
		s := at.link(0).Recovery
		if s.Last.Step != modem.Reconnect || s.Taken["bearer"] != 1 || s.Taken["power"] != 1 {
			t.Errorf("the status says %v", s)
		}
		at.reboot()
		time.Sleep(20 * time.Minute)
		synctest.Wait()
		if got := at.climbed(); got != "bearer radio power bearer radio" {
			t.Errorf("%q were taken: the power not again within an hour", got)
		}
		dead = false
		at.online()
		time.Sleep(11 * time.Minute)
		synctest.Wait()
		if _, kept := at.broker.Fact("uplink/cloud/modem/lte"); kept {
			t.Error("a connection that stands takes the steps for not enough")
		}
	})
}

// TestServerDownIsNoModem: what answers came over the modem.
func TestServerDownIsNoModem(t *testing.T) {
	withModem(t, []string{"lte"}, func(t *testing.T, at *radio) {
		at.server.down = true // the port refuses
		at.start()
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := at.climbed(); got != "" {
			t.Errorf("%q were taken because a server is down", got)
		}
	})
}

// TestHungServerIsNoModem: TCP came through the modem, whatever the server does not do then; in TLS, or before CONNACK.
func TestHungServerIsNoModem(t *testing.T) {
	for name, tls := range map[string]bool{"no CONNACK": false, "no TLS": true} {
		t.Run(name, func(t *testing.T) {
			withModem(t, []string{"lte"}, func(t *testing.T, at *radio) {
				at.options.DialLink = func(ctx context.Context, _ config.Link, _ config.Server) (net.Conn, error) {
					if tls {
						<-ctx.Done()
						return nil, uplink.HandshakeError(ctx.Err())
					}
					near, far := net.Pipe()
					go io.Copy(io.Discard, far)
					return near, nil
				}
				at.start()
				time.Sleep(time.Hour)
				synctest.Wait()
				if got := at.climbed(); got != "" || at.uplink.Status().Attempts < 10 {
					t.Errorf("%q were taken because a server hangs, in %d attempts", got, at.uplink.Status().Attempts)
				}
			})
		})
	}
}

// TestMistypedInterface: where there never was such an interface, and the modem is well, the modem is left alone, and the status says why.
func TestMistypedInterface(t *testing.T) {
	withModem(t, []string{"lte"}, func(t *testing.T, at *radio) {
		defer at.server.cut()
		k := at.connectCables(config.Link{Name: "lte", Interface: "wwan0", Kind: "cellular"})
		k.with("wwan0", func(c *cable) { c.there = false })
		at.start()
		time.Sleep(time.Hour)
		synctest.Wait()
		if got, s := at.climbed(), at.link(0); got != "" || !strings.Contains(s.Err, "there was no interface wwan0 since the start") {
			t.Errorf("%q were taken, the status says %q", got, s.Err)
		}
		at.modem.Fail(modemtest.Faults{Mute: true})
		time.Sleep(25 * time.Minute)
		synctest.Wait()
		if got := at.climbed(); !strings.HasPrefix(got, "bearer radio power") {
			t.Errorf("%q were taken on a modem that hangs since the start", got)
		}
		k.with("wwan0", func(c *cable) { c.there = true })
		at.online()
		if s := at.link(0); s.Err != "" {
			t.Errorf("the status says %q", s.Err)
		}
	})
}

// TestModemOfNoLink: what was kept of the modem of a link is removed with it.
func TestModemOfNoLink(t *testing.T) {
	withModem(t, []string{"lte"}, func(t *testing.T, at *radio) {
		at.options.DialLink = func(ctx context.Context, _ config.Link, _ config.Server) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		at.start()
		time.Sleep(5 * time.Minute)
		if _, kept := at.broker.Fact("uplink/cloud/modem/lte"); !kept {
			t.Fatal("nothing is kept")
		}
		at.options.Modem = nil
		at.reboot()
		if _, kept := at.broker.Fact("uplink/cloud/modem/lte"); kept {
			t.Error("it is kept for a link without a modem")
		}
	})
}

// TestInterfaceOfAModemIsMissing: that is no connection either, and one that comes back, with nothing behind it, begins nothing anew.
func TestInterfaceOfAModemIsMissing(t *testing.T) {
	withModem(t, []string{"lte"}, func(t *testing.T, at *radio) {
		defer at.server.cut()
		k := at.connectCables(config.Link{Name: "lte", Interface: "wwan0", Kind: "cellular"})
		at.start()
		at.online()
		k.with("wwan0", func(c *cable) { c.there = false })
		time.Sleep(3*time.Minute + 30*time.Second)
		synctest.Wait()
		if got := at.climbed(); got != "bearer" {
			t.Errorf("%q were taken in 3 min without an interface", got)
		}
		k.with("wwan0", func(c *cable) { c.there, c.dead, c.index = true, true, 2 })
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if got := at.climbed(); got != "bearer radio" {
			t.Errorf("%q were taken in 8 min", got)
		}
	})
}

// TestHeldBackMakesNoLinkConnect: a session on demand costs by the minute, and would have nothing to do.
func TestHeldBackMakesNoLinkConnect(t *testing.T) {
	withModem(t, []string{"sat"}, func(t *testing.T, at *radio) {
		at.config.Links[0].Session = config.OnDemand
		at.modem.Set(func(s *modemtest.State) { s.CSQ = 5 })
		at.start()
		at.until("a poor signal", func() bool { return at.link(0).Modem.Signal.Band == modem.Poor })
		at.publish(&broker.Message{TopicName: "l/x", Payload: []byte("live"), QoS: 1})
		time.Sleep(modem.DefaultMaxHold - 2*time.Minute)
		synctest.Wait()
		if n := at.uplink.Status().Connections; n != 0 {
			t.Errorf("%d sessions for what is held back", n)
		}
		at.publish(&broker.Message{TopicName: "a/x", Payload: []byte("alarm"), QoS: 1})
		at.until("the alarm upstream", func() bool { return at.server.order() == "a" })
		at.until("what was held back upstream, after ten minutes", func() bool { return at.server.order() == "al" })
	})
}
