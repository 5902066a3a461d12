package uplink_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/edge/config"
)

func TestCarries(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.start()
		at.online()
		properties := packet.Properties(nil).AppendString(packet.ContentType, "text/plain").AppendUserProperty("a", "b")
		for qos := range byte(3) {
			at.publish(&broker.Message{TopicName: "t/x", Payload: []byte{'0' + qos}, QoS: qos, Retain: qos == 1, Properties: properties})
		}
		synctest.Wait()
		if got := at.server.payloads("farm/t/x"); !slices.Equal(got, []string{"0", "1", "2"}) {
			t.Fatalf("upstream got %q", got)
		}
		for qos := range byte(3) {
			p := at.server.got[len(at.server.got)-3+int(qos)]
			if p.QoS != qos || p.Retain != (qos == 1) || p.Dup || string(p.Properties) != string(properties) {
				t.Errorf("QoS %d arrived as %+v", qos, p)
			}
		}
		if s := at.uplink.Status(); s.Acknowledged != 2 || s.Sent != 3 || s.Repeated != 0 {
			t.Errorf("status %+v", s)
		}
	})
}

func TestStateTopic(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.start()
		at.online()
		synctest.Wait()
		if p := at.server.last(stateTopic); string(p.Payload) != "online" || !p.Retain || p.QoS != 1 {
			t.Errorf("state %+v", p)
		}
		c := at.server.connects[0]
		if !c.WillFlag || string(c.Will.TopicName) != stateTopic || string(c.Will.Payload) != "offline" || !c.Will.Retain || c.Will.QoS != 1 {
			t.Errorf("will %+v", c.Will)
		}
		at.stopUplink()
		synctest.Wait() // the server reads what was left for it
		if p := at.server.last(stateTopic); string(p.Payload) != "offline" || !p.Retain {
			t.Errorf("state %+v after an orderly end", p)
		}
		if at.server.bye != 1 {
			t.Errorf("%d DISCONNECT packets", at.server.bye)
		}
	})
}

// TestOutage: what is published while the link is down arrives when it is back, once.
func TestOutage(t *testing.T) {
	for _, qos := range []byte{1, 2} {
		play(t, func(t *testing.T, at *station) {
			at.start()
			at.online()
			at.publishMany(0, 50, qos)
			at.taken(50)
			at.server.with(func() { at.server.down = true })
			at.server.cut()
			at.publishMany(50, 500, qos)
			at.publish(&broker.Message{TopicName: "t/zero", Payload: []byte("x")})
			time.Sleep(time.Hour)
			at.server.with(func() { at.server.down = false })
			at.online()
			at.taken(550)
			at.arrived(550, true)
			if n := len(at.server.payloads("farm/t/zero")); n != 0 {
				t.Errorf("%d messages of QoS 0 were kept over the outage", n)
			}
			if s := at.uplink.Status(); s.LostSession != 0 || s.Connections != 2 {
				t.Errorf("status %+v", s)
			}
		})
	}
}

// TestCutInTheMiddle cuts the connection at every state of the exchange that a message can be in.
func TestCutInTheMiddle(t *testing.T) {
	for _, qos := range []byte{1, 2} {
		play(t, func(t *testing.T, at *station) {
			at.start()
			at.online()
			at.server.with(func() { at.server.failing, at.server.fails = true, true })
			at.publishMany(0, 300, qos)
			for range 5 {
				time.Sleep(time.Second)
				at.server.cut()
				at.online()
			}
			at.server.with(func() { at.server.failing = false })
			at.server.cut()
			at.online()
			at.taken(300)
			at.until("all acknowledged", func() bool { return at.uplink.Status().Acknowledged == 300 })
			at.arrived(300, qos == 2)
			s := at.uplink.Status()
			if s.Repeated == 0 || s.LostSession != 0 {
				t.Errorf("status %+v", s)
			}
		})
	}
}

// TestPowerCut: after a power cut the same messages have the same ids, and nothing that the Server has arrives again.
func TestPowerCut(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.start()
		at.online()
		at.server.with(func() { at.server.failing, at.server.fails = true, true })
		at.publishMany(0, 200, 2)
		synctest.Wait()
		before := map[string]uint16{}
		for _, p := range at.server.sent {
			before[string(p.Payload)] = p.PacketID
		}
		at.reboot()
		at.server.with(func() { at.server.failing = false })
		at.online()
		at.publishMany(200, 50, 2)
		at.taken(250)
		at.arrived(250, true)
		again := 0
		for _, p := range at.server.sent {
			if id, ok := before[string(p.Payload)]; ok && p.Dup && string(p.Payload) != "online" {
				again++
				if p.PacketID != id {
					t.Errorf("message %s had id %d and now %d", p.Payload, id, p.PacketID)
				}
			}
		}
		if again == 0 {
			t.Error("nothing was sent again: the test shows nothing")
		}
	})
}

func TestSessionLostUpstream(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.start()
		at.online()
		at.server.with(func() {
			at.server.answer = func(*packet.Publish) (packet.ReasonCode, bool) { return 0, false }
		})
		at.publishMany(0, 20, 2)
		synctest.Wait()
		at.server.forget()
		at.server.with(func() { at.server.answer = nil; at.server.sent = nil })
		at.server.cut()
		at.online()
		at.taken(20)
		at.arrived(20, true)
		for _, p := range at.server.sent {
			if p.Dup {
				t.Errorf("%s came with DUP into a new session", p.Payload)
			}
		}
		if s := at.uplink.Status(); s.LostSession != 1 || len(at.log.matching("forgotten the session")) != 1 {
			t.Errorf("status %+v, log %q", s, at.log.lines)
		}
	})
}

func TestReceiveMaximumOverAllStreams(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = nil
		for _, name := range []string{"a", "b", "c"} {
			at.streams = append(at.streams, stream(name, name+"/#"))
		}
		at.server.limits = at.server.limits.AppendNumber(packet.ReceiveMaximum, 7)
		at.server.down = true
		at.start()
		for _, name := range []string{"a", "b", "c"} {
			for i := range 100 {
				at.publish(&broker.Message{TopicName: name + "/x", Payload: []byte{byte(i)}, QoS: byte(1 + i%2)})
			}
		}
		at.server.with(func() { at.server.down = false })
		at.online()
		at.until("all upstream", func() bool { return at.uplink.Status().Acknowledged == 300 })
		if at.server.most > 7 {
			t.Errorf("%d messages were on their way at a time", at.server.most)
		}
		// The streams take turns: a long backlog of one does not keep the others waiting.
		for _, name := range []string{"a", "b", "c"} {
			at.server.with(func() {
				first := slices.IndexFunc(at.server.got, func(p packet.Publish) bool { return string(p.TopicName) == "farm/"+name+"/x" })
				if first < 0 || first > 50 {
					t.Errorf("the first message of stream %s was number %d", name, first)
				}
			})
		}
	})
}

// TestReceiveMaximumOverConnections: what the Server holds of an earlier connection counts from the beginning. It comes first,
// and nothing new of another stream before it.
func TestReceiveMaximumOverConnections(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = []config.Stream{stream("a", "a/#"), stream("b", "b/#"), stream("c", "c/#")}
		at.server.limits = at.server.limits.AppendNumber(packet.ReceiveMaximum, 30)
		at.start()
		at.online()
		at.server.with(func() { at.server.failing, at.server.fails = true, true })
		for i := range 200 {
			for _, name := range []string{"c", "b", "a"} {
				at.publish(&broker.Message{TopicName: name + "/x", Payload: []byte{byte(i)}, QoS: byte(1 + i%2)})
			}
		}
		for range 10 {
			time.Sleep(time.Second)
			at.server.cut()
			at.online()
		}
		at.server.with(func() { at.server.failing = false })
		at.server.cut()
		at.until("all upstream", func() bool {
			s := at.uplink.Status()
			return s.Backlog["a"]+s.Backlog["b"]+s.Backlog["c"] == 0
		})
		for _, name := range []string{"a", "b", "c"} {
			second := slices.DeleteFunc(at.server.payloads("farm/"+name+"/x"), func(p string) bool { return p[0]%2 == 0 })
			if len(second) != 100 {
				t.Errorf("stream %s: %d messages of QoS 2", name, len(second))
			}
		}
	})
}

// TestWindow: without a limit of the Server more than twenty messages are on their way.
func TestWindow(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.start()
		at.online()
		at.server.with(func() { at.server.answer = func(*packet.Publish) (packet.ReasonCode, bool) { return 0, false } })
		at.publishMany(0, 1500, 1)
		synctest.Wait()
		if at.server.most < 200 || at.server.most > 600 { // 8 KiB, until an acknowledgement tells more about the link
			t.Errorf("%d messages were on their way", at.server.most)
		}
	})
}

func TestServerTakesLess(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.server.limits = at.server.limits.AppendNumber(packet.MaximumQoS, 1).AppendNumber(packet.RetainAvailable, 0).
			AppendNumber(packet.MaximumPacketSize, 200)
		refused := 0
		at.server.refuse = func(c *packet.Connect, _ bool) *packet.Connack {
			if c.Will.Retain {
				refused++
				return &packet.Connack{ReasonCode: packet.RetainNotSupported}
			}
			return nil
		}
		at.start()
		at.online()
		if refused != 1 {
			t.Errorf("the Will was refused %d times", refused)
		}
		at.publish(&broker.Message{TopicName: "t/a", Payload: []byte("1"), QoS: 2, Retain: true})
		at.publish(&broker.Message{TopicName: "t/a", Payload: make([]byte, 300), QoS: 1})
		at.publish(&broker.Message{TopicName: "t/a", Payload: make([]byte, 300), QoS: 2})
		at.publish(&broker.Message{TopicName: "t/a", Payload: []byte("2"), QoS: 2})
		at.until("acknowledged", func() bool { return at.uplink.Status().Acknowledged == 2 })
		if got := at.server.payloads("farm/t/a"); !slices.Equal(got, []string{"1", "2"}) {
			t.Errorf("got %q", got)
		}
		if p := at.server.last("farm/t/a"); p.QoS != 1 || p.Retain {
			t.Errorf("got %+v", p)
		}
		if s := at.uplink.Status(); s.Refused != 2 || s.Downgraded != 2 || len(at.log.matching("dropped")) != 1 {
			t.Errorf("status %+v, log %q", s, at.log.lines)
		}
	})
}

// TestRefusedForGood: one message that the Server will never take does not hold up the others.
func TestRefusedForGood(t *testing.T) {
	for _, qos := range []byte{1, 2} {
		play(t, func(t *testing.T, at *station) {
			at.server.answer = func(p *packet.Publish) (packet.ReasonCode, bool) {
				if string(p.TopicName) == "farm/t/3" {
					return packet.NotAuthorized, true
				}
				return packet.Success, true
			}
			at.start()
			at.online()
			at.publishMany(0, 30, qos)
			at.until("all settled", func() bool { s := at.uplink.Status(); return s.Acknowledged == 27 && s.Refused == 3 })
			if lines := at.log.matching("for good"); len(lines) != 1 {
				t.Errorf("log %q", lines)
			}
			at.server.cut()
			at.online()
			time.Sleep(time.Minute)
			if s := at.uplink.Status(); s.Repeated != 0 {
				t.Errorf("sent again: %+v", s)
			}
		})
	}
}

// TestNoRoomUpstream: Quota exceeded passes; the message is sent again later, and order holds.
func TestNoRoomUpstream(t *testing.T) {
	for _, qos := range []byte{1, 2} {
		play(t, func(t *testing.T, at *station) {
			full := true
			at.server.answer = func(*packet.Publish) (packet.ReasonCode, bool) {
				if full {
					return packet.QuotaExceeded, true
				}
				return packet.Success, true
			}
			at.start()
			at.online()
			at.publishMany(0, 100, qos)
			time.Sleep(10 * time.Minute)
			at.server.with(func() {
				if n := len(at.server.sent); n > 200 {
					t.Errorf("%d attempts for 100 messages in ten minutes", n)
				}
				full = false
			})
			at.taken(100)
			at.until("acknowledged", func() bool { return at.uplink.Status().Acknowledged == 100 })
			at.arrived(100, true)
			if s := at.uplink.Status(); s.Connections != 1 || s.Refused != 0 || s.Deferred == 0 {
				t.Errorf("status %+v", s)
			}
		})
	}
}

func TestExpiry(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.server.down = true
		at.start()
		at.publish(&broker.Message{TopicName: "t/a", Payload: []byte("short"), QoS: 1, HasExpiry: true, Expiry: 60})
		at.publish(&broker.Message{TopicName: "t/a", Payload: []byte("long"), QoS: 1, HasExpiry: true, Expiry: 7200})
		time.Sleep(time.Hour)
		at.server.with(func() { at.server.down = false })
		at.online()
		at.until("upstream", func() bool { return len(at.server.payloads("farm/t/a")) > 0 })
		if got := at.server.payloads("farm/t/a"); !slices.Equal(got, []string{"long"}) {
			t.Errorf("got %q", got)
		}
		left, ok := at.server.last("farm/t/a").Properties.MessageExpiryInterval()
		if !ok || left > 3600 || left < 3000 {
			t.Errorf("%d s are left of the expiry", left)
		}
	})
}

// TestUnknownPubrec: the Server asks for a message that is not on its way. It gets rid of it, and the connection stays.
func TestUnknownPubrec(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.start()
		at.online()
		at.server.send(&packet.Ack{Type: packet.PUBREC, PacketID: 77}, &packet.Ack{Type: packet.PUBREC, PacketID: 61440},
			&packet.Ack{Type: packet.PUBREC, PacketID: 65000}, &packet.Ack{Type: packet.PUBACK, PacketID: 78},
			&packet.Ack{Type: packet.PUBCOMP, PacketID: 9000})
		synctest.Wait()
		at.server.with(func() {
			if len(at.server.releases) != 3 {
				t.Fatalf("got %+v", at.server.releases)
			}
			for i, id := range []uint16{77, 61440, 65000} {
				if a := at.server.releases[i]; a.PacketID != id || a.ReasonCode != packet.PacketIdentifierNotFound {
					t.Errorf("got %+v", a)
				}
			}
		})
		if s := at.uplink.Status(); s.Connections != 1 || !s.Online || s.UnknownAcks != 5 {
			t.Errorf("status %+v", s)
		}
	})
}

// TestStrayPubcomp: a PUBCOMP without our PUBREL ends nothing.
func TestStrayPubcomp(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.start()
		at.online()
		at.server.with(func() { at.server.answer = func(*packet.Publish) (packet.ReasonCode, bool) { return 0, false } })
		at.publishMany(0, 1, 2)
		synctest.Wait()
		at.server.send(&packet.Ack{Type: packet.PUBCOMP, PacketID: at.server.sent[len(at.server.sent)-1].PacketID})
		synctest.Wait()
		if s := at.uplink.Status(); s.Backlog["all"] != 1 || s.UnknownAcks != 1 {
			t.Errorf("status %+v", s)
		}
	})
}

// TestIdentifierInUse: the Server holds an id from an exchange that we know nothing of. It is freed, and the message goes on.
func TestIdentifierInUse(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.start()
		at.online()
		at.server.with(func() {
			at.server.answer = func(p *packet.Publish) (packet.ReasonCode, bool) {
				if at.server.held[p.PacketID] && !p.Dup {
					return packet.PacketIdentifierInUse, true
				}
				return packet.Success, true
			}
			at.server.held[3] = true
		})
		at.publishMany(0, 10, 2)
		at.until("all settled", func() bool { return at.uplink.Status().Backlog["all"] == 0 })
		at.taken(10)
		if s := at.uplink.Status(); s.Deferred != 1 || s.Connections != 1 {
			t.Errorf("status %+v", s)
		}
		if n := len(at.server.held); n != 0 {
			t.Errorf("the server still holds %d ids", n)
		}
	})
}

// TestNoRoomForOneStream: the Server has no room for what one stream carries; the others go on, over reconnects too.
func TestNoRoomForOneStream(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = []config.Stream{stream("a", "t/1"), stream("b", "t/2", "t/3")}
		at.server.answer = func(p *packet.Publish) (packet.ReasonCode, bool) {
			if string(p.TopicName) == "farm/t/1" {
				return packet.QuotaExceeded, true
			}
			return packet.Success, true
		}
		at.start()
		at.online()
		for i := range 4 {
			at.publishMany(i*50, 50, 2)
			time.Sleep(time.Minute)
			if s := at.uplink.Status(); s.Backlog["b"] != 0 || s.Backlog["a"] != uint64(5*(i+1)) {
				t.Errorf("round %d: status %+v", i, s)
			}
			at.server.cut()
			at.online()
		}
		at.server.with(func() { at.server.answer = nil })
		at.taken(60)
		if got := at.server.payloads("farm/t/1"); !slices.IsSortedFunc(got, func(a, b string) int { return len(a)*1000 - len(b)*1000 + strings.Compare(a, b) }) {
			t.Errorf("out of order: %q", got)
		}
	})
}
