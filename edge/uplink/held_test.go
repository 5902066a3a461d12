package uplink_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker"
	"skerry/broker/client"
	"skerry/broker/packet"
	"skerry/edge/config"
	"skerry/queue/vfs"
)

// swallow has the Server take messages, and say nothing.
func (s *upstream) swallow() {
	s.answer = func(p *packet.Publish) (packet.ReasonCode, bool) {
		if p.QoS == 1 {
			delete(s.flight, p.PacketID)
		}
		if p.QoS == 1 || !s.held[p.PacketID] {
			s.got = append(s.got, *p)
		}
		if p.QoS == 2 {
			s.held[p.PacketID] = true
		}
		return 0, false
	}
}

// slow has it answer, one second after a packet has come.
func (s *upstream) slow() { s.hangUp, s.answer, s.late = false, nil, time.Second }

// numbered publishes n messages on a topic; the payload is their number.
func (at *station) numbered(topic string, n int, qos byte) {
	at.t.Helper()
	for i := range n {
		at.publish(&broker.Message{TopicName: topic, Payload: fmt.Append(nil, i), QoS: qos})
	}
}

// idle waits until no stream holds anything.
func (at *station) idle() {
	at.t.Helper()
	at.until("nothing is owed", func() bool {
		left := uint64(0)
		for _, n := range at.uplink.Status().Backlog {
			left += n
		}
		return left == 0 && at.uplink.Status().Online
	})
}

// once checks that each of the numbers of a topic has come one time.
func (at *station) once(topic string, n int) {
	at.t.Helper()
	if got := strings.Join(at.server.payloads("farm/"+topic), " "); got != strings.Trim(fmt.Sprint(numbers(n)), "[]") {
		at.t.Errorf("%s: %s", topic, got)
	}
}

func numbers(n int) (all []int) {
	for i := range n {
		all = append(all, i)
	}
	return all
}

// TestHeldBehindReleases: PUBREL for what the Server does not hold any more comes before what it holds, and is none of that. Until that was
// sent again other streams begin no more than the Server has room for.
func TestHeldBehindReleases(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.config.Version = config.V311
		at.streams = []config.Stream{stream("a", "a/#"), classed("alarms", config.AlarmClass, "b/#")}
		at.start()
		at.online()
		at.numbered("b/first", 1, 2)
		at.idle()
		time.Sleep(time.Minute)
		at.server.with(func() { at.server.swallow(); at.server.sent = nil })
		at.numbered("a/x", 36, 2)
		at.server.with(func() { at.server.mute = true })
		at.answer(packet.PUBREC, 18)
		at.answer(packet.PUBCOMP, 18)
		if n := len(at.server.held); n != 18 {
			t.Fatalf("the server holds %d", n)
		}
		at.disk = at.disk.Crash(rand.New(rand.NewPCG(1, 2)), vfs.Fate{Dropped: 1}) // that the exchanges are complete is not on it
		at.server.with(func() { at.server.hangUp, at.server.mute = true, false })
		at.reboot()
		at.numbered("b/x", 40, 2)
		at.server.with(at.server.slow)
		at.idle()
		at.once("a/x", 36)
		at.once("b/x", 40)
		at.within(21)
	})
}

// answer has the Server send what the first n messages wait for.
func (at *station) answer(what packet.Type, n int) {
	at.t.Helper()
	synctest.Wait()
	var all []client.Packet
	at.server.with(func() {
		for _, p := range at.server.sent {
			if p.QoS == 2 && len(all) < n {
				all = append(all, &packet.Ack{Type: what, PacketID: p.PacketID})
			}
		}
	})
	at.server.send(all...)
	synctest.Wait()
}

// within checks that the Server never had more than n messages on its way.
func (at *station) within(n int) {
	at.t.Helper()
	if at.server.most >= n {
		at.t.Errorf("%d messages were on their way, the server takes %d", at.server.most, n-1)
	}
}

// TestHeldStates: what is new behind the states that the Server may hold does not make them less.
func TestHeldStates(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.config.Version = config.V311
		at.streams = []config.Stream{classed("states", config.StateClass, "s/#"), classed("alarms", config.AlarmClass, "b/#")}
		at.start()
		at.online()
		at.server.with(at.server.swallow)
		for i := range 18 {
			at.numbered(fmt.Sprintf("s/%d", i), 1, 2)
		}
		synctest.Wait()
		at.numbered("b/x", 40, 2) // there is no room for them
		synctest.Wait()
		if n := len(at.server.held); n != 18 {
			t.Fatalf("the server holds %d", n)
		}
		at.stopUplink()
		at.numbered("s/new", 1, 2)
		at.server.with(at.server.slow)
		at.startUplink()
		at.idle()
		at.once("b/x", 40)
		at.once("s/new", 1)
		for i := range 18 {
			at.once(fmt.Sprintf("s/%d", i), 1)
		}
		at.within(21)
	})
}

// TestHeldOverConnections: what this run has begun while nobody knows what the Server holds is remembered when the connection is lost. The
// next one may begin with what another stream has.
func TestHeldOverConnections(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.config.Version = config.V311
		at.streams = []config.Stream{
			classed("a", config.BackfillClass, "a/#"), classed("z", config.BackfillClass, "z/#"), stream("b", "b/#"), classed("c", config.StateClass, "c/#"),
		}
		at.start()
		at.online()
		at.server.with(at.server.swallow)
		at.numbered("z/x", 18, 2)
		synctest.Wait()
		for i := range 60 {
			for _, letter := range []string{"a", "b", "c"} { // each has its turn after one of these
				at.publish(&broker.Message{TopicName: fmt.Sprintf("%s/%d", letter, i), Payload: make([]byte, 4<<10), QoS: 2})
			}
		}
		synctest.Wait()
		if n := len(at.server.held); n != 18 {
			t.Fatalf("the server holds %d", n)
		}
		at.rebootUnheard()
		for _, letter := range []string{"a", "b", "c"} {
			at.cutAt("farm/" + letter)
		}
		at.server.with(at.server.slow)
		at.idle()
		at.once("z/x", 18)
		at.within(21)
	})
}

// cutAt lets the Server come back, and breaks the link when it has taken something that begins so.
func (at *station) cutAt(prefix string) {
	at.t.Helper()
	taken := false
	at.server.with(func() {
		at.server.swallow()
		swallow := at.server.answer
		at.server.answer = func(p *packet.Publish) (packet.ReasonCode, bool) {
			if taken = taken || strings.HasPrefix(string(p.TopicName), prefix); !taken {
				return packet.Success, true
			}
			return swallow(p) // all of it, until the link breaks: or else nothing is left for the next one
		}
		at.server.hangUp = false
	})
	at.until(prefix, func() (ok bool) {
		at.server.with(func() { ok = taken })
		return ok
	})
	at.server.with(func() { at.server.hangUp = true })
	at.server.cut()
}

// rebootUnheard is reboot with a Server that hangs up.
func (at *station) rebootUnheard() {
	at.t.Helper()
	at.server.with(func() { at.server.hangUp = true })
	at.reboot()
}

// TestAlarmAfterRestart: to a 3.1.1 Server an alarm leaves before what may have been sent before the restart.
func TestAlarmAfterRestart(t *testing.T) {
	for qos := byte(1); qos <= 2; qos++ {
		for backlog, most := range map[byte]int{1: 300, 2: 20} { // what is written already, and what the server may hold
			t.Run(fmt.Sprintf("QoS %d behind %d", qos, backlog), func(t *testing.T) {
				play(t, func(t *testing.T, at *station) { alarmAfterRestart(t, at, qos, backlog, most) })
			})
		}
	}
}

func alarmAfterRestart(t *testing.T, at *station, qos, backlog byte, most int) {
	at.config.Version = config.V311
	at.streams = []config.Stream{stream("a", "a/#"), classed("alarms", config.AlarmClass, "f/#")}
	at.start()
	at.online()
	at.server.with(at.server.swallow)
	at.fill("a/x", 900, backlog)
	at.rebootUnheard()
	stalled := make(chan struct{})
	at.server.with(func() {
		at.server.sent, at.server.hangUp = nil, false
		at.server.answer = func(*packet.Publish) (packet.ReasonCode, bool) { at.server.stalled = stalled; return 0, true }
	})
	at.until("something is sent again", func() bool { return len(at.server.topics()) > 0 })
	before := len(at.server.topics())
	at.numbered("f/x", 1, qos)
	at.server.with(func() { at.server.slow(); at.server.stalled = nil })
	close(stalled)
	at.until("the alarm is upstream", func() bool { return len(at.server.payloads("farm/f/x")) == 1 })
	if n := strings.Index(at.server.topics(), "f") - before; n > most {
		t.Errorf("%d messages left before the alarm", n)
	}
	at.idle()
	at.once("f/x", 1)
	at.within(21)
}

// topics gives the first letters of the topics of every PUBLISH that came.
func (s *upstream) topics() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for _, p := range s.sent {
		if rest, ok := strings.CutPrefix(string(p.TopicName), "farm/"); ok && string(p.TopicName) != stateTopic {
			b.WriteByte(rest[0])
		}
	}
	return b.String()
}
