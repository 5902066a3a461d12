package broker_test

import (
	"testing"

	"skerry/broker"
	"skerry/broker/packet"
)

// TestTakeOver connects twice with one ClientID: the first connection is closed and its handle refused. [MQTT-3.1.4-3]
func TestTakeOver(t *testing.T) {
	versions(t, func(t *testing.T, at *site, v packet.Version) {
		old := at.connect("c", keep(broker.Never), version(v))
		old.subscribe("a", 1)
		now := at.connect("c", keep(broker.Never), version(v))
		wantCode(t, "the old connection is closed with", old.closedWith(), packet.SessionTakenOver)
		wantCode(t, "the new connection is closed with", now.closedWith(), 0)
		if !now.SessionPresent {
			t.Error("SessionPresent = false")
		}
		now.publish("a", "1", 1)

		_, code := old.Publish(message("a", "2", 1), nil)
		wantCode(t, "Publish", code, packet.SessionTakenOver)
		_, code = old.Receive(1, message("a", "2", 2), nil)
		wantCode(t, "Receive", code, packet.SessionTakenOver)
		_, code = old.Release(1)
		wantCode(t, "Release", code, packet.SessionTakenOver)
		codes, _ := old.Subscribe([]broker.Subscription{{TopicFilter: "b"}}, nil)
		wantCode(t, "Subscribe", codes[0], packet.SessionTakenOver)
		codes, _ = old.Unsubscribe([]string{"a"})
		wantCode(t, "Unsubscribe", codes[0], packet.SessionTakenOver)
		wantCode(t, "Ack", old.Ack(1), packet.SessionTakenOver)
		_, code = old.Received(1)
		wantCode(t, "Received", code, packet.SessionTakenOver)
		if old.Waiting() || len(old.take(1)) != 0 || old.ForgetHeld() != 0 {
			t.Error("the old handle still works")
		}
		if r := old.Disconnect(broker.DisconnectOptions{}); r != 0 {
			t.Error("the old handle ended something")
		}
		now.expect("a 1 q1")
	})
}

// TestTakeOverGivesUnacknowledgedMessagesToTheNewConnection. [MQTT-4.4.0-1]
func TestTakeOverGivesUnacknowledgedMessagesToTheNewConnection(t *testing.T) {
	versions(t, func(t *testing.T, at *site, v packet.Version) {
		old := at.connect("c", keep(broker.Never), version(v))
		old.subscribe("a", 2)
		old.publish("a", "1", 1)
		old.publish("a", "2", 2)
		if got := old.take(2); len(got) != 2 {
			t.Fatalf("%d deliveries", len(got))
		}
		now := at.connect("c", keep(broker.Never), version(v))
		now.expect("a 1 q1 dup", "a 2 q2 dup")
	})
}

func TestTakeOverOfAVolatileSession(t *testing.T) {
	versions(t, func(t *testing.T, at *site, v packet.Version) {
		old := at.connect("c", version(v))
		old.subscribe("a", 1)
		old.publish("a", "1", 1)
		now := at.connect("c", version(v))
		if now.SessionPresent {
			t.Error("SessionPresent, though the session ended with its connection")
		}
		if code := now.send(message("a", "2", 1)); code != packet.NoMatchingSubscribers {
			t.Errorf("publish: %v: the subscription has survived", code)
		}
		now.expect()
	})
}
