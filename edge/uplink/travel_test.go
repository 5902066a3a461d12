package uplink_test

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/edge/config"
	"skerry/edge/uplink"
	"skerry/edge/uplink/budget"
	"skerry/edge/uplink/interfaces"
	"skerry/edge/uplink/road"
)

func lte(l config.Link) config.Link {
	l.Name, l.Interface, l.Kind = "lte", "wwan0", "cellular"
	return l
}

func sat(l config.Link) config.Link {
	l.Name, l.Interface, l.Kind = "sat", "ppp0", "geo"
	return l
}

// on demands which link is in use.
func (at *station) on(link string) {
	at.t.Helper()
	at.until("on "+link, func() bool { s := at.uplink.Status(); return s.Online && s.Link == link })
}

func (at *station) linkStatus(name string) uplink.LinkStatus {
	at.t.Helper()
	for _, l := range at.uplink.Status().Links {
		if l.Name == name {
			return l
		}
	}
	at.t.Fatalf("no link %s: %+v", name, at.uplink.Status().Links)
	return uplink.LinkStatus{}
}

// TestFailOver: 0 bit/s and no event. The other link carries within five seconds of the link being called dead, and the first one is
// returned to when it has been there for two minutes. Nothing is lost, and QoS 2 arrives once.
func TestFailOver(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		c := at.connectCables(lte(config.Link{}), sat(config.Link{}))
		at.options.AckTimeout = 15 * time.Second
		c.with("ppp0", func(one *cable) { one.delay = 2 * time.Second })
		at.start()
		at.on("lte")
		at.publishMany(0, 20, 2)
		at.taken(20)
		c.with("wwan0", func(one *cable) { one.dead = true })
		began := time.Now()
		at.publishMany(20, 10, 2)
		at.taken(30)
		if took := time.Since(began); took > 15*time.Second+15*time.Second/8+5*time.Second {
			t.Errorf("fail-over took %v", took)
		}
		if s := at.uplink.Status(); s.Link != "sat" || !at.linkStatus("sat").InUse || at.linkStatus("sat").State != road.Online || at.linkStatus("lte").Err == "" {
			t.Errorf("%+v", s)
		}
		time.Sleep(10 * time.Minute)
		if s := at.uplink.Status(); s.Link != "sat" || !s.Online || s.Connections != 2 {
			t.Errorf("a dead link disturbs the one in use: %+v", s)
		}
		c.with("wwan0", func(one *cable) { one.dead = false })
		at.on("lte")
		at.publishMany(30, 10, 2)
		at.taken(40)
		at.arrived(40, true)
	})
}

// TestNobodyBehindTheLink: on the better link connections are opened, by a proxy of the provider, and nothing passes beyond. The other one is
// left for it ever more seldom, and messages go on.
func TestNobodyBehindTheLink(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		c := at.connectCables(lte(config.Link{}), sat(config.Link{}))
		c.with("wwan0", func(one *cable) { one.mute = true })
		at.start()
		at.on("sat")
		began := at.uplink.Status().Connections
		for i := range 24 * 60 {
			at.publishMany(i, 1, 1)
			time.Sleep(time.Minute)
		}
		at.taken(24 * 60)
		at.on("sat")
		if s := at.uplink.Status(); s.Connections-began > 24*60/32+5 {
			t.Errorf("the link that works was left %d times in a day", s.Connections-began)
		}
		if l := at.linkStatus("lte"); !strings.Contains(l.Err, "did not answer") || l.Doubt == 0 {
			t.Errorf("%+v", l)
		}
	})
}

// TestHandOver: messages go on while the session moves back to the better link. None is sent twice, the session upstream goes on, and
// nobody is told that the gateway is offline.
func TestHandOver(t *testing.T) {
	for _, qos := range []byte{1, 2} {
		play(t, func(t *testing.T, at *station) {
			c := at.connectCables(lte(config.Link{}), sat(config.Link{}))
			c.with("wwan0", func(one *cable) { one.there = false })
			c.with("ppp0", func(one *cable) { one.delay = time.Second })
			at.server.with(func() { at.server.late = 300 * time.Millisecond })
			at.start()
			at.on("sat")
			c.with("wwan0", func(one *cable) { one.there = true })
			began := time.Now()
			for i := range 1500 { // some are on their way at any time
				at.publishMany(i, 1, qos)
				time.Sleep(100 * time.Millisecond)
			}
			if s := at.uplink.Status(); s.Link != "lte" || s.Repeated != 0 || s.LostSession != 0 || s.Connections != 2 {
				t.Errorf("QoS %d: %+v", qos, s)
			}
			if after := at.linkStatus("lte").Since.Sub(began); after < 2*time.Minute || after > 2*time.Minute+10*time.Second {
				t.Errorf("returned after %v", after)
			}
			at.taken(1500)
			at.arrived(1500, true)
			for _, state := range at.server.payloads(stateTopic) {
				if state != "online" {
					t.Errorf("the gateway was said to be %s", state)
				}
			}
		})
	}
}

// TestInterfaceGone: it is noticed at once, whatever time-outs say.
func TestInterfaceGone(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		c := at.connectCables(lte(config.Link{}), sat(config.Link{}))
		at.start()
		at.on("lte")
		c.with("wwan0", func(one *cable) { one.there = false })
		synctest.Wait()
		if s := at.uplink.Status(); s.Link != "sat" || !s.Online {
			t.Errorf("%+v", s)
		}
		if l := at.linkStatus("lte"); l.State != road.Absent || !strings.Contains(l.Err, "has gone") {
			t.Errorf("%+v", l)
		}
		at.publishMany(0, 10, 1)
		at.taken(10)
	})
}

// TestKernelFallsSilent: the kernel has no room to tell of its interfaces for a moment. They are taken to be there meanwhile, and asked for again.
func TestKernelFallsSilent(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		c := at.connectCables(lte(config.Link{}), sat(config.Link{}))
		asked, told := 0, at.options.Interfaces
		at.options.Interfaces = func(ctx context.Context, changed func(interfaces.Table)) error {
			if asked++; asked < 3 {
				return syscall.EBUSY
			}
			return told(ctx, changed)
		}
		at.start()
		at.on("lte")
		time.Sleep(5 * time.Minute)
		c.with("wwan0", func(one *cable) { one.there = false })
		synctest.Wait()
		if s := at.uplink.Status(); s.Link != "sat" || s.Connections != 2 || !s.Online || asked != 3 {
			t.Errorf("asked %d times, %+v", asked, s)
		}
	})
}

// TestDegraded: a link that is bad for two minutes is left for another, and returned to when it has been good for as long.
func TestDegraded(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.connectCables(lte(config.Link{}), sat(config.Link{}))
		at.start()
		at.on("lte")
		at.uplink.Degraded("lte", true)
		time.Sleep(time.Minute)
		if l := at.linkStatus("lte"); l.State != road.Degraded || !l.InUse {
			t.Errorf("%+v", l)
		}
		time.Sleep(time.Minute + time.Second)
		at.on("sat")
		at.uplink.Degraded("lte", false)
		time.Sleep(time.Minute)
		if s := at.uplink.Status(); s.Link != "sat" {
			t.Errorf("%+v", s)
		}
		time.Sleep(time.Minute + time.Second)
		at.on("lte")
	})
}

// TestOneInterfaceGone: without another link it is waited for, not tried; and taken in the moment in which it comes.
func TestOneInterfaceGone(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		c := at.connectCables(lte(config.Link{}))
		at.start()
		at.on("lte")
		c.with("wwan0", func(one *cable) { one.there = false })
		synctest.Wait()
		dials := c.dials("wwan0")
		time.Sleep(time.Hour)
		if s := at.uplink.Status(); s.Online || c.dials("wwan0") != dials {
			t.Errorf("%d attempts without an interface; %+v", c.dials("wwan0")-dials, s)
		}
		c.with("wwan0", func(one *cable) { one.there, one.index = true, 9 })
		synctest.Wait()
		if s := at.uplink.Status(); !s.Online || s.LostSession != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// TestAddressChanges: the same interface with another address: what was opened over the old one is dead, and is not waited for.
func TestAddressChanges(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		c := at.connectCables(lte(config.Link{}))
		at.start()
		at.on("lte")
		c.with("wwan0", func(one *cable) { one.addr = "10.9.9.9" })
		synctest.Wait()
		if s := at.uplink.Status(); !s.Online || s.Connections != 2 {
			t.Errorf("%+v", s)
		}
		c.with("wwan0", func(one *cable) { one.index = 77 }) // made anew under the same name, with the same address
		at.until("once more", func() bool { s := at.uplink.Status(); return s.Online && s.Connections == 3 })
		at.publishMany(0, 10, 2)
		at.taken(10)
		at.arrived(10, true)
	})
}

// TestClassesOfLinks: what a link does not carry waits for another.
func TestClassesOfLinks(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		c := at.connectCables(lte(config.Link{}), sat(config.Link{Classes: []string{"alarm"}}))
		at.streams = []config.Stream{{Name: "alarms", Match: []string{"t/0"}, Class: "alarm"}, {Name: "rest", Match: []string{"t/1"}, Class: "live"}}
		c.with("wwan0", func(one *cable) { one.there = false })
		at.start()
		at.on("sat")
		for i := range 20 {
			at.publishMany(i*10, 2, 2)
		}
		at.taken(20)
		time.Sleep(time.Minute)
		if alarms, rest := at.server.payloads("farm/t/0"), at.server.payloads("farm/t/1"); len(alarms) != 20 || len(rest) != 0 {
			t.Errorf("%d alarms and %d others over the satellite", len(alarms), len(rest))
		}
		c.with("wwan0", func(one *cable) { one.there = true })
		at.taken(40)
		if rest := at.server.payloads("farm/t/1"); len(rest) != 20 || at.uplink.Status().Link != "lte" || at.uplink.Status().Repeated != 0 {
			t.Errorf("%d others; %+v", len(rest), at.uplink.Status())
		}
	})
}

// TestSchedule: four sessions an hour, which carry what has waited; an alarm does not wait.
func TestSchedule(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.connectCables(lte(config.Link{Schedule: &config.Schedule{Every: 15 * time.Minute, Stay: 45 * time.Second, AtOnce: []string{"alarm"}}}))
		at.streams = []config.Stream{{Name: "alarms", Match: []string{"t/0"}, Class: "alarm"}, {Name: "rest", Match: []string{"t/1", "t/2", "t/3", "t/4", "t/5"}, Class: "live"}}
		at.start()
		time.Sleep(time.Until(time.Now().Truncate(time.Hour).Add(time.Hour)))
		before, began := at.uplink.Status().Connections, time.Now()
		online := time.Duration(0)
		for i := range 3600 {
			if i%10 == 1 {
				at.publishMany(i, 1, 1)
			}
			time.Sleep(time.Second)
			if at.uplink.Status().Online {
				online += time.Second
			}
		}
		s := at.uplink.Status()
		if n := s.Connections - before; n != 4 || online < 3*time.Minute || online > 4*time.Minute || time.Since(began) != time.Hour {
			t.Errorf("%d sessions of together %v in an hour; %+v", n, online, s)
		}
		if s.Online || !strings.Contains(s.Err, "waits for its next time") {
			t.Errorf("%+v", s)
		}
		if l := at.linkStatus("lte"); l.Session.IsZero() || l.Wanted {
			t.Errorf("%+v", l)
		}
		got := len(at.server.payloads("farm/t/1"))
		at.publish(&broker.Message{TopicName: "t/0", Payload: []byte("0"), QoS: 1})
		time.Sleep(3 * time.Second)
		if n := len(at.server.payloads("farm/t/0")); n != 1 || s.LostSession != 0 {
			t.Errorf("%d alarms after 3 s", n)
		}
		if n := len(at.server.payloads("farm/t/1")); got < 270 || n < got {
			t.Errorf("%d and %d of the others", got, n)
		}
		at.keepsWill(15 * time.Minute)
	})
}

// TestScheduleWithSensors: a reading each second does not hold the sessions of a schedule open; each waits for the next one at most.
func TestScheduleWithSensors(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		c := at.connectCables(lte(config.Link{Schedule: &config.Schedule{Every: 15 * time.Minute, Stay: 45 * time.Second, AtOnce: []string{"alarm"}}}))
		c.with("wwan0", func(one *cable) { one.delay = time.Second })
		at.server.with(func() { at.server.late = 1500 * time.Millisecond })
		at.streams = []config.Stream{{Name: "all", Match: []string{"t/#"}, Class: "live"}}
		at.start()
		time.Sleep(time.Until(time.Now().Truncate(time.Hour).Add(time.Hour)))
		online := time.Duration(0)
		for i := range 3600 {
			at.publishMany(i, 1, 1)
			time.Sleep(time.Second)
			if at.uplink.Status().Online {
				online += time.Second
			}
		}
		if online < 3*time.Minute || online > 5*time.Minute {
			t.Errorf("online for %v of an hour, by a schedule of four times 45 s", online)
		}
		if got := at.uplink.Status().Acknowledged; got < 2700 {
			t.Errorf("%d of 3600 in an hour", got)
		}
	})
}

// TestPaidByTimeWithSensors: nor does it hold a session open on a link whose time is paid, as that kind usually is or as its budget says.
func TestPaidByTimeWithSensors(t *testing.T) {
	for name, paid := range map[string]func(*config.Link){
		"kind": func(l *config.Link) { l.Kind = "certus" },
		"unit": func(l *config.Link) {
			unit := config.Unit{Unit: budget.Unit{Name: "own", Least: 1000, Long: time.Minute, PerSecond: 300}}
			l.Budget = &config.Budget{Bytes: config.Allowances{{Bytes: 1 << 30, Period: budget.Day}}, Unit: unit}
		},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, func(t *testing.T, at *station) {
				l := sat(config.Link{Session: config.Auto})
				paid(&l)
				at.connectCables(l)
				at.server.with(func() { at.server.late = 1500 * time.Millisecond })
				at.streams = []config.Stream{{Name: "all", Match: []string{"t/#"}, Class: "live"}}
				at.start()
				online := time.Duration(0)
				for i := range 3600 {
					at.publishMany(i, 1, 1)
					time.Sleep(time.Second)
					if at.uplink.Status().Online {
						online += time.Second
					}
				}
				if online > 20*time.Minute {
					t.Errorf("online for %v of an hour", online)
				}
				if got := at.uplink.Status().Acknowledged; got < 3400 {
					t.Errorf("%d of 3600 in an hour", got)
				}
			})
		})
	}
}

// keepsWill demands that between sessions the Server was left the Will, for when the next one does not come, and that nobody was told that
// the gateway is offline; and that this is said when the gateway stops in a session.
func (at *station) keepsWill(every time.Duration) {
	at.t.Helper()
	at.until("online", func() bool { return at.uplink.Status().Online })
	at.stopUplink()
	at.server.mu.Lock()
	defer at.server.mu.Unlock()
	last := at.server.connects[len(at.server.connects)-1]
	if delay, _ := last.Will.Properties.WillDelayInterval(); time.Duration(delay)*time.Second != every*5/2 {
		at.t.Errorf("the Will waits %d s", delay)
	}
	kept := 0
	for _, code := range at.server.byes {
		if code == packet.DisconnectWithWillMessage {
			kept++
		}
	}
	said := 0
	for _, p := range at.server.got {
		if string(p.TopicName) == stateTopic && string(p.Payload) == "offline" {
			said++
		}
	}
	if kept < 4 || said != 1 || at.server.byes[len(at.server.byes)-1] != packet.Success {
		at.t.Errorf("%d sessions left the Will, offline was said %d times; %v", kept, said, at.server.byes)
	}
}

// TestOnDemand: a link whose idle time is paid connects when something waits, and leaves when all is acknowledged.
func TestOnDemand(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		l := sat(config.Link{Session: config.Auto})
		l.Kind = "certus"
		c := at.connectCables(l)
		at.streams = []config.Stream{{Name: "alarms", Match: []string{"t/0"}, Class: "alarm"}, {Name: "rest", Match: []string{"t/1", "t/2", "t/3", "t/4", "t/5"}, Class: "live"}}
		at.start()
		time.Sleep(time.Hour)
		if n := c.dials("ppp0"); n != 0 {
			t.Errorf("%d attempts for nothing", n)
		}
		at.publish(&broker.Message{TopicName: "t/0", Payload: []byte("0"), QoS: 2})
		time.Sleep(10 * time.Second) // the first session is noted on the disk
		if n := len(at.server.payloads("farm/t/0")); n != 1 {
			t.Errorf("%d alarms after 10 s", n)
		}
		at.until("left", func() bool { return !at.uplink.Status().Online })
		at.publishMany(1, 5, 2)
		time.Sleep(50 * time.Second)
		if s := at.uplink.Status(); s.Online || s.Connections != 1 {
			t.Errorf("no alarm, and nothing waited for: %+v", s)
		}
		at.taken(6)
		time.Sleep(time.Minute)
		if s := at.uplink.Status(); s.Online || s.Connections != 2 || s.LostSession != 0 || !strings.Contains(s.Err, "nothing waits") {
			t.Errorf("%+v", s)
		}
		at.arrived(6, true)
	})
}

// TestAlarmSkipsWait: in an outage an alarm is tried at once, not in minutes.
func TestAlarmSkipsWait(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		c := at.connectCables(lte(config.Link{Retry: config.DurationRange{Min: 10 * time.Minute, Max: time.Hour}}))
		at.streams = []config.Stream{{Name: "alarms", Match: []string{"t/0"}, Class: "alarm"}, {Name: "rest", Match: []string{"t/1", "t/2", "t/3", "t/4", "t/5"}, Class: "live"}}
		c.with("wwan0", func(one *cable) { one.refuses = true })
		at.start()
		time.Sleep(2 * time.Hour)
		dials := c.dials("wwan0")
		c.mu.Lock()
		c.all["wwan0"].refuses = false
		c.mu.Unlock()
		at.publish(&broker.Message{TopicName: "t/0", Payload: []byte("0"), QoS: 1})
		time.Sleep(10 * time.Second)
		if s := at.uplink.Status(); !s.Online || c.dials("wwan0") != dials+1 {
			t.Errorf("%d attempts, %+v", c.dials("wwan0")-dials, s)
		}
	})
}

// TestFleetIsSpread: two gateways with the same schedule do not connect in the same second.
func TestFleetIsSpread(t *testing.T) {
	var starts []time.Time
	for i := range 2 {
		play(t, func(t *testing.T, at *station) {
			at.options.Gateway = fmt.Sprintf("wx-%03d", i)
			at.connectCables(lte(config.Link{Schedule: &config.Schedule{Every: time.Hour, Stay: time.Minute}}))
			at.start()
			at.until("the schedule", func() bool { return !at.linkStatus("lte").Session.IsZero() })
			starts = append(starts, at.linkStatus("lte").Session)
		})
	}
	if d := starts[0].Sub(starts[1]).Abs(); d < time.Second || d > 15*time.Minute {
		t.Errorf("%v between two gateways", d)
	}
}
