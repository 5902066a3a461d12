package broker_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
)

func TestPublishCodes(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		c := at.connect("c")
		c.subscribe("#", 2)
		inside := at.connect("inside", with(func(o *broker.ConnectOptions) { o.Internal = true }))
		for _, tc := range []struct {
			name  string
			by    *client
			topic string
			qos   byte
			want  packet.ReasonCode
		}{
			{"delivered", c, "a/b", 1, packet.Success},
			{"nobody there", c, "$other", 1, packet.NoMatchingSubscribers},
			{"empty", c, "", 1, packet.TopicNameInvalid},
			{"plus", c, "a/+", 1, packet.TopicNameInvalid},
			{"hash", c, "#", 1, packet.TopicNameInvalid},
			{"null character", c, "a\x00", 1, packet.TopicNameInvalid},
			{"too deep", c, strings.Repeat("a/", 300), 0, packet.TopicNameInvalid},
			{"QoS 3", c, "a", 3, packet.QoSNotSupported},
			{"$SYS by a Client", c, "$SYS/broker/uptime", 0, packet.NotAuthorized},
			{"$skerry by a Client", c, "$skerry/verbatim/cloud/x", 0, packet.NotAuthorized},
			{"the state of a bridge", c, "$SYS/broker/connection/bridge/state", 0, packet.NoMatchingSubscribers},
			{"$share by a Client", c, "$share/g/a", 0, packet.NotAuthorized},
			{"$SYS from inside", inside, "$SYS/broker/uptime", 0, packet.NoMatchingSubscribers},
		} {
			_, code := tc.by.Publish(message(tc.topic, "x", tc.qos), nil)
			wantCode(t, tc.name, code, tc.want)
			if _, code = tc.by.Receive(1, message(tc.topic, "x", tc.qos), nil); code != tc.want {
				t.Errorf("Receive, %s: got %v, want %v", tc.name, code, tc.want)
			}
			tc.by.Release(1)
		}
	})
}

// TestExactlyOnceIn: a PUBLISH of QoS 2 that comes again is not published again until PUBREL. [MQTT-4.3.3-10]
func TestExactlyOnceIn(t *testing.T) {
	versions(t, func(t *testing.T, at *site, v packet.Version) {
		for _, expiry := range []uint32{0, broker.Never} {
			s := at.connect("s", version(v), clean)
			s.subscribe("a", 2)
			p := at.connect("p", keep(expiry), version(v), clean)
			receive := func(payload string) {
				r, code := p.Receive(5, message("a", payload, 2), nil)
				if code.IsError() {
					t.Fatal(code)
				}
				at.settle(r)
			}
			receive("1")
			receive("1")
			if expiry != 0 {
				p.lose()
				p = at.connect("p", keep(expiry), version(v))
				receive("1")
			}
			r, code := p.Release(5)
			wantCode(t, "PUBREL", code, packet.Success)
			at.settle(r)
			_, code = p.Release(5)
			wantCode(t, "PUBREL again", code, packet.PacketIdentifierNotFound)
			receive("2")
			s.expect("a 1 q2", "a 2 q2")
		}
	})
}

// TestExactlyOnceInOverAPowerCut: the message and the held packet id are durable together.
func TestExactlyOnceInOverAPowerCut(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		at.connect("s", keep(broker.Never)).subscribe("a", 2)
		p := at.connect("p", keep(broker.Never))
		r, _ := p.Receive(9, message("a", "1", 2), nil)
		at.settle(r)
		at.reboot(time.Minute)
		p = at.connect("p", keep(broker.Never))
		r, _ = p.Receive(9, message("a", "1", 2), nil)
		at.settle(r)
		r, code := p.Release(9)
		wantCode(t, "PUBREL", code, packet.Success)
		at.settle(r)
		at.connect("s", keep(broker.Never)).expect("a 1 q2 dup") // nobody knows whether it was sent before

		at.reboot(time.Minute)
		p = at.connect("p", keep(broker.Never))
		r, _ = p.Receive(9, message("a", "2", 2), nil)
		at.settle(r)
		at.connect("s", keep(broker.Never)).expect("a 2 q2")
	})
}

func TestForgetHeld(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		s := at.connect("s")
		s.subscribe("a", 2)
		p := at.connect("p", keep(broker.Never))
		for i := range 2 {
			r, _ := p.Receive(1, message("a", fmt.Sprint(i), 2), nil)
			at.settle(r)
			at.settle(p.ForgetHeld())
		}
		s.expect("a 0 q2", "a 1 q2")
	})
}

func TestOfflineQueueing(t *testing.T) {
	versions(t, func(t *testing.T, at *site, v packet.Version) {
		s := at.connect("s", keep(broker.Never), version(v))
		s.subscribe("a", 2)
		s.lose()
		p := at.connect("p", version(v))
		for i := range 3 {
			p.publish("a", fmt.Sprint("qos ", i), byte(i))
		}
		at.connect("s", keep(broker.Never), version(v)).expect("a qos 1 q1", "a qos 2 q2")
	})
}

// TestOfflineQueueingOverAPowerCut: PUBACK and PUBREC were given, so the messages are there.
func TestOfflineQueueingOverAPowerCut(t *testing.T) {
	versions(t, func(t *testing.T, at *site, v packet.Version) {
		s := at.connect("s", keep(broker.Never), version(v))
		s.subscribe("a", 2)
		s.lose()
		p := at.connect("p", version(v))
		var want []string
		for i := range 200 {
			p.publish("a", fmt.Sprint(i), byte(1+i%2))
			want = append(want, fmt.Sprintf("a %d q%d dup", i, 1+i%2))
		}
		at.reboot(time.Hour)
		s = at.connect("s", keep(broker.Never), version(v))
		if !s.SessionPresent {
			t.Fatal("session lost")
		}
		s.expect(want...)
	})
}

// TestReceiveMaximum [MQTT-3.3.4-7].
func TestReceiveMaximum(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		for _, expiry := range []uint32{0, broker.Never} {
			s := at.connect("s", keep(expiry), with(func(o *broker.ConnectOptions) { o.ReceiveMaximum = 2 }))
			s.subscribe("a", 1)
			p := at.connect("p")
			for i := range 3 {
				p.publish("a", fmt.Sprint(i), 1)
			}
			got := s.take(3)
			if len(got) != 2 {
				t.Fatalf("%d deliveries with a Receive Maximum of 2", len(got))
			}
			if s.Waiting() {
				t.Error("Waiting, though the Receive Maximum is used up")
			}
			s.ack(got[:1])
			s.expect("a 2 q1")
			s.ack(got[1:])
			s.leave()
		}
	})
}

func TestAckOfUnknownPacketID(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		c := at.connect("c")
		wantCode(t, "PUBACK", c.Ack(7), packet.PacketIdentifierNotFound)
		_, code := c.Received(7)
		wantCode(t, "PUBREC", code, packet.PacketIdentifierNotFound)
	})
}

func TestMessageExpiry(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		s := at.connect("s", keep(broker.Never))
		s.subscribe("a", 1)
		s.lose()
		p := at.connect("p")
		expiring := func(payload string, seconds uint32) {
			m := message("a", payload, 1)
			m.Expiry, m.HasExpiry = seconds, true
			p.send(m)
		}
		expiring("short", 10)
		expiring("long", 100)
		p.publish("a", "for ever", 1)
		time.Sleep(30 * time.Second)
		s = at.connect("s", keep(broker.Never))
		got := s.take(3)
		if len(got) != 2 || describe(got[0]) != "a long q1" || describe(got[1]) != "a for ever q1" {
			t.Fatalf("got %v", got)
		}
		if left, ok := s.ExpiryLeft(got[0].Message); !ok || left < 69 || left > 70 {
			t.Errorf("%d s left (%v), want 70 [MQTT-3.3.2-6]", left, ok)
		}
		if _, ok := s.ExpiryLeft(got[1].Message); ok {
			t.Error("a message without expiry has one")
		}
		// What was sent once goes on until it is acknowledged.
		s.lose()
		time.Sleep(time.Hour)
		s = at.connect("s", keep(broker.Never))
		if left, ok := s.ExpiryLeft(got[0].Message); !ok || left != 0 {
			t.Errorf("%d s left (%v), want 0", left, ok)
		}
		s.expect("a long q1 dup", "a for ever q1 dup")
	})
}

// TestMessageExpiryOverBoots: only time that is known to have passed makes a message older.
func TestMessageExpiryOverBoots(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		at.connect("s", keep(broker.Never)).subscribe("a", 1)
		at.restart()
		p := at.connect("p")
		m := message("a", "x", 1)
		m.Expiry, m.HasExpiry = 60, true
		p.send(m)
		time.Sleep(40 * time.Second)
		p.publish("other", "so that the 40 s are known", 1)
		at.reboot(24 * time.Hour)
		time.Sleep(10 * time.Second)
		at.connect("s", keep(broker.Never)).expect("a x q1 dup")
	})
}

// TestMessagesExpireOverARestart: also while the program is down, as far as it is known that time has passed.
func TestMessagesExpireOverARestart(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		s := at.connect("s", keep(broker.Never))
		s.subscribe("a", 2)
		s.lose()
		p := at.connect("p")
		for i := range byte(3) {
			m := message("a", "expires", i)
			m.Expiry, m.HasExpiry = 60, true
			p.send(m)
			p.publish("a", "stays", i)
		}
		at.stop()
		time.Sleep(2 * time.Minute)
		at.start() // the same boot: its clock went on
		s = at.connect("s", keep(broker.Never))
		s.expect("a stays q1 dup", "a stays q2 dup")
	})
}

// TestOrder [MQTT-4.6.0-5], also over a lost connection.
func TestOrder(t *testing.T) {
	versions(t, func(t *testing.T, at *site, v packet.Version) {
		s := at.connect("s", keep(broker.Never), version(v))
		s.subscribe("#", 2)
		p := at.connect("p", version(v))
		var want []string
		for i := range 30 {
			p.publish("a", fmt.Sprint(i), byte(1+i%2))
			want = append(want, fmt.Sprintf("a %d q%d dup", i, 1+i%2))
		}
		if got := s.take(30); len(got) != 30 {
			t.Fatalf("%d deliveries", len(got))
		}
		s.lose()
		at.connect("s", keep(broker.Never), version(v)).expect(want...)
	})
}

// TestFlushOncePerBatch: the subscriber is flushed when the publisher flushes, once however many messages there were.
func TestFlushOncePerBatch(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		s, p := at.connect("s"), at.connect("p")
		s.subscribe("a", 0)
		before := s.flushed
		var touched broker.Touched
		for range 10 {
			p.Publish(message("a", "x", 0), &touched)
		}
		if s.flushed != before {
			t.Error("flushed before the batch ended")
		}
		touched.Flush()
		touched.Flush()
		if s.flushed != before+1 {
			t.Errorf("flushed %d times", s.flushed-before)
		}
		if got := s.take(10); len(got) != 10 {
			t.Errorf("%d deliveries", len(got))
		}
	})
}
