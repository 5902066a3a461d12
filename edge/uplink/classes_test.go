package uplink_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/edge/config"
	"skerry/queue"
)

func classed(name string, class string, match ...string) config.Stream {
	return config.Stream{Name: name, Match: match, Class: class, Encode: "pass"}
}

// order gives the letters of the topics t/LETTER that the Server has taken, in order.
func (s *upstream) order() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for _, p := range s.got {
		if rest, ok := strings.CutPrefix(string(p.TopicName), "farm/"); ok && string(p.TopicName) != stateTopic {
			b.WriteByte(rest[0])
		}
	}
	return b.String()
}

// fill publishes n messages of 100 bytes on a topic.
func (at *station) fill(topic string, n int, qos byte) {
	at.t.Helper()
	for range n {
		at.publish(&broker.Message{TopicName: topic, Payload: make([]byte, 100), QoS: qos})
	}
}

// TestClasses: alarms leave first, then each class has its part.
func TestClasses(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = []config.Stream{classed("old", config.BackfillClass, "b/#"), classed("now", config.LiveClass, "l/#"), classed("alarms", config.AlarmClass, "a/#")}
		at.server.down = true
		at.start()
		at.fill("b/x", 400, 1)
		at.fill("l/x", 300, 1)
		at.fill("a/x", 20, 1)
		at.server.with(func() { at.server.down = false })
		at.online()
		at.until("all upstream", func() bool { return at.uplink.Status().Acknowledged == 720 })
		got := at.server.order()
		if !strings.HasPrefix(got, strings.Repeat("a", 20)) {
			t.Errorf("the alarms were not first: %s", got[:40])
		}
		live := strings.Count(got[20:220], "l")
		if live < 140 || live > 160 {
			t.Errorf("%d of the first 200 were live, want three quarters", live)
		}
	})
}

// TestAlarmOvertakes: an alarm that comes while a backlog is being sent waits for no more than what is on its way.
func TestAlarmOvertakes(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = []config.Stream{classed("old", config.BackfillClass, "b/#"), classed("alarms", config.AlarmClass, "a/#")}
		at.server.down = true
		at.start()
		at.fill("b/x", 1000, 1)
		at.server.with(func() {
			at.server.down, at.server.late = false, 300*time.Millisecond
			at.server.limits = at.server.limits.AppendNumber(packet.ReceiveMaximum, 50)
		})
		at.online()
		time.Sleep(time.Second)
		before := len(at.server.order())
		at.publish(&broker.Message{TopicName: "a/x", Payload: []byte("fire"), QoS: 1})
		at.until("the alarm is upstream", func() bool { return strings.Contains(at.server.order(), "a") })
		if before >= 1000 {
			t.Fatalf("%d messages were upstream before the alarm: it overtakes nothing", before)
		}
		if n := strings.Index(at.server.order(), "a") - before; n > 50 {
			t.Errorf("the alarm came behind %d more", n)
		}
	})
}

// TestAlarmAfterReconnect: what was on its way when the link broke does not stand before an alarm.
func TestAlarmAfterReconnect(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = []config.Stream{classed("old", config.BackfillClass, "b/#"), classed("alarms", config.AlarmClass, "a/#")}
		at.start()
		at.online()
		at.server.with(func() { at.server.answer = func(*packet.Publish) (packet.ReasonCode, bool) { return 0, false } })
		at.fill("b/x", 500, 1)
		synctest.Wait()
		at.server.with(func() { at.server.down = true })
		at.server.cut()
		at.publish(&broker.Message{TopicName: "a/x", Payload: []byte("fire"), QoS: 1})
		at.server.with(func() { at.server.down, at.server.answer = false, nil })
		at.online()
		at.until("all upstream", func() bool { return at.uplink.Status().Acknowledged == 501 })
		if got := at.server.order(); got[0] != 'a' {
			t.Errorf("the alarm came behind %d messages", strings.Index(got, "a"))
		}
	})
}

// TestState: after an outage each topic's latest message leaves, and what came before it is given up and counted.
func TestState(t *testing.T) {
	for qos := range byte(3) {
		t.Run(fmt.Sprint(qos), func(t *testing.T) {
			play(t, func(t *testing.T, at *station) {
				at.streams = []config.Stream{classed("states", config.StateClass, "t/#")}
				at.start()
				at.online()
				at.publishMany(0, 10, qos)
				synctest.Wait()
				stalled := make(chan struct{})
				at.server.with(func() { at.server.stalled = stalled })
				const n = 900 // of QoS 0 no more is kept in memory
				at.publishMany(10, n, qos)
				synctest.Wait()
				time.Sleep(10 * time.Second)
				close(stalled)
				at.server.with(func() { at.server.stalled = nil })
				at.until("all settled", func() bool {
					s := at.uplink.Status()
					return s.Backlog["states"] == 0 && len(at.server.payloads("farm/t/9")) > 1
				})
				synctest.Wait()
				total := 0
				for topic := range 10 {
					got := at.server.payloads(fmt.Sprintf("farm/t/%d", topic))
					total += len(got)
					if want := fmt.Sprint(n + topic); got[len(got)-1] != want {
						t.Errorf("topic %d: the last is %s, want %s", topic, got[len(got)-1], want)
					}
				}
				s := at.uplink.Status()
				if total > 400 || int(s.Superseded)+total != n+10 {
					t.Errorf("%d messages upstream, %d superseded", total, s.Superseded)
				}
			})
		})
	}
}

// TestStateAfterOutage reads a long backlog to its end before it sends: of 5,000 messages the last ten leave.
func TestStateAfterOutage(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = []config.Stream{classed("states", config.StateClass, "t/#")}
		at.server.down = true
		at.start()
		at.publishMany(0, 5000, 1)
		at.server.with(func() { at.server.down = false })
		at.online()
		at.until("all settled", func() bool { return at.uplink.Status().Backlog["states"] == 0 })
		if s := at.uplink.Status(); s.Acknowledged != 10 || s.Superseded != 4990 {
			t.Errorf("%d messages upstream, %d superseded", s.Acknowledged, s.Superseded)
		}
		for topic := range 10 {
			if got := at.server.payloads(fmt.Sprintf("farm/t/%d", topic)); !slices.Equal(got, []string{fmt.Sprint(4990 + topic)}) {
				t.Errorf("topic %d: %q", topic, got)
			}
		}
	})
}

// TestStateManyTopics: with more topics than the window holds nothing is lost, and each has its latest at the end.
func TestStateManyTopics(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = []config.Stream{classed("states", config.StateClass, "t/#")}
		at.server.down = true
		at.start()
		for round := range 2 {
			for topic := range 1500 {
				at.publish(&broker.Message{TopicName: fmt.Sprint("t/", topic), Payload: fmt.Append(nil, round), QoS: byte(1 + topic%2)})
			}
		}
		at.server.with(func() { at.server.down = false })
		at.online()
		at.until("all settled", func() bool { return at.uplink.Status().Backlog["states"] == 0 })
		for topic := range 1500 {
			if got := at.server.payloads(fmt.Sprint("farm/t/", topic)); len(got) == 0 || got[len(got)-1] != "1" {
				t.Fatalf("topic %d: %q", topic, got)
			}
		}
	})
}

// TestKeep: a stream holds as much as it may, and what was dropped for that is counted.
func TestKeep(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		a, b, c := classed("a", config.LiveClass, "a/#"), classed("b", config.LiveClass, "b/#"), classed("c", config.LiveClass, "c/#")
		a.Keep = config.Queue{Messages: 10}
		b.Keep = config.Queue{Bytes: 2000, WhenFull: config.DropNewest}
		c.Keep = config.Queue{Age: time.Hour}
		at.streams = []config.Stream{a, b, c}
		at.server.refuse = func(*packet.Connect, bool) *packet.Connack {
			return &packet.Connack{ReasonCode: packet.ServerUnavailable}
		}
		at.start()
		number := func(topic string, from, to int) {
			for i := from; i < to; i++ {
				at.publish(&broker.Message{TopicName: topic, Payload: fmt.Appendf(nil, "%097d", i), QoS: 1})
			}
		}
		number("a/x", 0, 15)
		number("b/x", 0, 15)
		number("c/x", 0, 10)
		at.reboot() // limits hold after a start too
		number("a/x", 15, 30)
		number("b/x", 15, 30)
		time.Sleep(2 * time.Hour)
		number("c/x", 10, 15)
		at.server.with(func() { at.server.refuse = nil })
		at.online()
		at.until("all settled", func() bool { s := at.uplink.Status(); return s.Backlog["a"]+s.Backlog["b"]+s.Backlog["c"] == 0 })
		for topic, want := range map[string][2]int{"a": {20, 29}, "b": {0, 19}, "c": {10, 14}} {
			got := at.server.payloads("farm/" + topic + "/x")
			if len(got) != want[1]-want[0]+1 || got[0] != fmt.Sprintf("%097d", want[0]) || got[len(got)-1] != fmt.Sprintf("%097d", want[1]) {
				t.Errorf("stream %s: %d messages upstream, %q", topic, len(got), got)
			}
		}
		s := at.uplink.Status()
		dropped := []uint64{s.Streams[0].Dropped[queue.DroppedMessages], s.Streams[1].Dropped[queue.DroppedBytes], s.Streams[2].Dropped[queue.DroppedAge]}
		if !slices.Equal(dropped, []uint64{20, 10, 10}) {
			t.Errorf("dropped %v", dropped)
		}
	})
}

// TestNotCarried: what a link does not carry waits, but an exchange of QoS 2 that was begun is finished.
func TestNotCarried(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = []config.Stream{classed("now", config.LiveClass, "l/#"), classed("alarms", config.AlarmClass, "a/#")}
		at.start()
		at.online()
		at.server.with(func() {
			at.server.answer = func(p *packet.Publish) (packet.ReasonCode, bool) { at.server.held[p.PacketID] = true; return 0, false }
		})
		at.fill("l/x", 5, 2)
		synctest.Wait()
		at.server.with(func() {
			at.server.got, at.server.sent, at.server.answer = nil, nil, nil
			clear(at.server.held) // they never came
		})
		at.uplink.Limit([]string{config.AlarmClass})
		at.server.cut()
		at.fill("l/x", 50, 2)
		at.online()
		at.fill("l/x", 50, 2)
		at.fill("a/x", 3, 2)
		at.until("the alarms are upstream", func() bool { return at.uplink.Status().Backlog["alarms"] == 0 })
		time.Sleep(time.Minute)
		if got := at.server.order(); got != "lllllaaa" {
			t.Errorf("upstream got %q", got)
		}
		if at.server.with(func() {
			if len(at.server.held) > 0 {
				t.Errorf("the server still holds %v", at.server.held)
			}
		}); at.uplink.Status().Backlog["now"] != 100 {
			t.Errorf("backlog %v", at.uplink.Status().Backlog)
		}
		at.uplink.Limit(nil)
		at.until("all upstream", func() bool { return at.uplink.Status().Backlog["now"] == 0 })
		at.uplink.Limit([]string{})
		at.fill("l/x", 5, 1)
		time.Sleep(time.Minute)
		if n := len(at.server.payloads("farm/l/x")); n != 105 {
			t.Errorf("%d messages upstream", n)
		}
	})
}

// TestClassEdited: what waits stays when the class of its stream becomes another one.
func TestClassEdited(t *testing.T) {
	classes := []string{config.LiveClass, config.AlarmClass, config.BackfillClass, config.LiveClass}
	play(t, func(t *testing.T, at *station) {
		at.server.down = true
		at.streams = []config.Stream{classed("all", config.LiveClass, "t/#")}
		at.start()
		for i, class := range classes {
			at.streams[0].Class = class
			at.restartUplink()
			at.publishMany(i*50, 50, 2)
		}
		at.server.with(func() { at.server.down = false })
		at.online()
		at.taken(200)
		at.arrived(200, true)
	})
}

// TestStateNeverOlder: a power cut after the latest state has left does not bring back the one that it has superseded. At QoS 2 the Server
// would take the latest for a repetition then, and be left with the older one.
func TestStateNeverOlder(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = []config.Stream{classed("states", config.StateClass, "t/#")}
		at.server.down = true
		at.start()
		at.publishMany(0, 40, 2)
		at.server.with(func() { at.server.down, at.server.mute = false, true })
		at.online()
		at.until("taken", func() bool { return len(at.server.order()) >= 10 })
		at.reboot()
		at.server.with(func() { at.server.mute = false })
		at.online()
		at.until("all settled", func() bool { return at.uplink.Status().Backlog["states"] == 0 })
		for topic := range 10 {
			if got := at.server.payloads(fmt.Sprintf("farm/t/%d", topic)); !slices.Equal(got, []string{fmt.Sprint(30 + topic)}) {
				t.Errorf("topic %d: %q", topic, got)
			}
		}
	})
}

// TestAlarmWithoutDate: while nobody knows the date a reading waits for it, and an alarm does not.
func TestAlarmWithoutDate(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = []config.Stream{classed("now", config.LiveClass, "l/#"), classed("alarms", config.AlarmClass, "a/#")}
		at.options.Hold = 5 * time.Minute
		at.start()
		at.online()
		for _, topic := range []string{"l/x", "a/x"} {
			at.device.Publish(&broker.Message{TopicName: topic, Payload: []byte("x"), QoS: 1, Origin: queue.Gateway, Unresolved: true}, nil)
		}
		time.Sleep(time.Minute)
		if got := at.server.order(); got != "a" {
			t.Errorf("after a minute upstream has %q", got)
		}
		time.Sleep(5 * time.Minute)
		if got := at.server.order(); got != "al" {
			t.Errorf("in the end upstream has %q", got)
		}
	})
}

// TestNeverDated: a reading of a life of the kernel that is over, and never knew the date, holds up nothing that comes behind it.
func TestNeverDated(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = []config.Stream{classed("now", config.LiveClass, "l/#")}
		at.options.Hold = 5 * time.Minute
		at.start()
		at.online()
		gone := queue.Stamp{Boot: 77, At: time.Second}
		at.device.Publish(&broker.Message{TopicName: "l/x", Payload: []byte("x"), QoS: 1, Origin: queue.Gateway, Unresolved: true, Stamp: gone}, nil)
		at.device.Publish(&broker.Message{TopicName: "l/y", Payload: []byte("y"), QoS: 1}, nil)
		time.Sleep(time.Minute)
		if got := at.server.order(); got != "ll" {
			t.Errorf("after a minute upstream has %q", got)
		}
	})
}

// limited gives the uplink one link that carries some classes only.
func (at *station) limited(classes ...string) {
	at.config.Links = config.DefaultLinks(at.config)
	at.config.Links[0].Classes = classes
}

// TestNotCarriedAfterRestart: after a restart it is not known what the Server holds. What a link does not carry is not sent again over it for
// that; the next link that does ends it, with nothing twice.
func TestNotCarriedAfterRestart(t *testing.T) {
	for _, version := range []config.Version{config.V5, config.V311} {
		play(t, func(t *testing.T, at *station) {
			at.config.Version = version
			at.streams = []config.Stream{classed("now", config.LiveClass, "t/#"), classed("alarms", config.AlarmClass, "a/#")}
			at.start()
			at.online()
			at.server.with(func() { at.server.failing, at.server.fails = true, true })
			at.publishMany(0, 200, 2)
			synctest.Wait()
			at.limited(config.AlarmClass)
			at.reboot()
			at.server.with(func() { at.server.failing = false; at.server.sent = nil })
			at.server.cut()
			at.online()
			at.fill("a/x", 30, 2)
			at.until("the alarms are upstream", func() bool { return at.uplink.Status().Backlog["alarms"] == 0 })
			for _, p := range at.server.sent {
				if strings.HasPrefix(string(p.TopicName), "farm/t/") {
					t.Fatalf("version %d: %s was sent over a link that does not carry it", version, p.TopicName)
				}
			}
			at.limited(config.AlarmClass, config.LiveClass)
			at.restartUplink()
			at.online()
			at.taken(200)
			at.until("all settled", func() bool { return at.uplink.Status().Backlog["now"] == 0 })
			at.arrived(200, true)
			if at.server.exceeded > 0 {
				t.Errorf("above Receive Maximum %d times", at.server.exceeded)
			}
		})
	}
}

// TestPairOnDemand: a link that connects on demand is wanted for what the live stream would have, also before the first connection; and while
// it rests the live stream gathers on.
func TestPairOnDemand(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = pairOver("t/#")
		at.limited(config.LiveClass)
		at.config.Links[0].Kind, at.config.Links[0].Session = "certus", "on-demand"
		at.start()
		time.Sleep(time.Minute)
		if s := at.uplink.Status(); s.Connections != 0 {
			t.Errorf("nothing waits, and it has connected: %+v", s)
		}
		at.publishMany(0, 10, 1) // for the backlog, which this link does not carry
		at.online()
		at.publishMany(10, 10, 1)
		at.taken(10)
		at.until("it rests", func() bool { return !at.uplink.Status().Online })
		time.Sleep(time.Hour)
		at.wantGathers("now")
		connections := at.uplink.Status().Connections
		at.publishMany(20, 10, 1)
		at.taken(20)
		if s := at.uplink.Status(); s.Connections != connections+1 || s.Backlog["old"] != 10 {
			t.Errorf("connections %d, backlog %v", s.Connections, s.Backlog)
		}
	})
}

// TestStatesOfManyTopics: after an outage the latest state of each topic leaves, and nothing else, also of more topics than can be held.
func TestStatesOfManyTopics(t *testing.T) {
	for qos := byte(1); qos <= 2; qos++ {
		play(t, func(t *testing.T, at *station) {
			topics := 10_000
			if testing.Short() {
				topics = 3000
			}
			at.streams = []config.Stream{classed("states", config.StateClass, "s/#")}
			at.server.down = true
			at.start()
			for value := range 3 {
				for i := range topics {
					if _, code := at.device.Publish(&broker.Message{TopicName: fmt.Sprintf("s/%d", i), Payload: fmt.Append(nil, value), QoS: qos, Retain: i%2 == 0}, nil); code.IsError() {
						t.Fatal(code)
					}
					if i%100 == 0 {
						synctest.Wait()
						time.Sleep(time.Second)
					}
				}
			}
			synctest.Wait()
			at.server.with(func() { at.server.down = false })
			at.online()
			at.until("nothing waits", func() bool { return at.uplink.Status().Backlog["states"] == 0 })
			at.server.with(func() {
				last, sent := map[string]string{}, 0
				for _, p := range at.server.got {
					if string(p.TopicName) != stateTopic {
						last[string(p.TopicName)] = string(p.Payload)
						sent++
					}
				}
				for topic, value := range last {
					if value != "2" {
						t.Errorf("%s is %s upstream", topic, value)
					}
				}
				if len(last) != topics || sent > topics+topics/5 {
					t.Errorf("QoS %d: %d messages of %d topics have left", qos, sent, len(last))
				}
			})
			t.Logf("superseded %d", at.uplink.Status().Superseded)
		})
	}
}
