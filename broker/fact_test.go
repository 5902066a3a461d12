package broker

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"skerry/queue"
)

// The facts are tested inside the package: outside they can only be seen through a restart.

func TestSessionFact(t *testing.T) {
	for _, f := range []sessionFact{
		{},
		{number: 1<<64 - 1, expiry: Never, user: "alice", group: "cloud"},
		{number: 300, expiry: 60, away: queue.Stamp{Boot: 7, At: 3 * time.Hour}, user: string([]byte{0, 255}), door: "lan"},
	} {
		got, ok := decodeSession(f.encode())
		if !ok || got != f {
			t.Errorf("%+v became %+v (%v)", f, got, ok)
		}
	}
}

func TestWillFact(t *testing.T) {
	for _, f := range []willFact{
		{will: Will{Message: &Message{TopicName: "a", Properties: []byte{}, Payload: []byte{}}}},
		{user: "alice", keepAlive: time.Minute, will: Will{Delay: 1<<32 - 1, Message: &Message{
			TopicName: "a/b", Properties: []byte{1, 2}, Payload: []byte("gone"), QoS: 2, Retain: true,
			Origin: queue.Gateway, Expiry: 60, HasExpiry: true,
		}}, door: "lan"},
	} {
		got, ok := decodeWill(f.encode())
		if !ok || !reflect.DeepEqual(got, f) {
			t.Errorf("%+v became %+v (%v)", f, got, ok)
		}
	}
}

func TestSubscriptionFact(t *testing.T) {
	for _, sub := range []*subscription{
		{filter: "a"},
		{filter: "a b/#", qos: 2, noLocal: true, retainAsPublished: true, ids: []uint32{maxSubscriptionID}},
	} {
		got, ok := decodeSubscription(nil, sub.filter, sub.encode())
		if !ok || !bytes.Equal(got.encode(), sub.encode()) || got.qos != sub.qos || got.noLocal != sub.noLocal {
			t.Errorf("%+v became %+v (%v)", sub, got, ok)
		}
		number, filter, ok := parseSubscriptionKey(subscriptionKey(1<<64-1, sub.filter))
		if !ok || number != 1<<64-1 || filter != sub.filter {
			t.Errorf("key of %q became %d %q (%v)", sub.filter, number, filter, ok)
		}
	}
}

// FuzzFacts: a damaged fact is refused, or is a fact that encodes to what it was read from.
func FuzzFacts(f *testing.F) {
	session := sessionFact{number: 300, expiry: 60, away: queue.Stamp{Boot: 7, At: time.Hour}, user: "alice", group: "g"}
	will := willFact{user: "u", keepAlive: time.Minute, will: Will{Delay: 5, Message: &Message{TopicName: "a", Payload: []byte("x"), QoS: 1}}}
	f.Add(session.encode(), "7 a/b")
	f.Add(will.encode(), "zz #")
	f.Add((&subscription{qos: 1, ids: []uint32{300}}).encode(), " ")
	f.Fuzz(func(t *testing.T, value []byte, key string) {
		if s, ok := decodeSession(value); ok {
			if again, ok := decodeSession(s.encode()); !ok || again != s {
				t.Errorf("session %+v became %+v", s, again)
			}
		}
		if w, ok := decodeWill(value); ok {
			if again, ok := decodeWill(w.encode()); !ok || !reflect.DeepEqual(again, w) {
				t.Errorf("will %+v became %+v", w, again)
			}
		}
		if sub, ok := decodeSubscription(nil, key, value); ok {
			if again, ok := decodeSubscription(nil, key, sub.encode()); !ok || !reflect.DeepEqual(again.ids, sub.ids) || again.qos != sub.qos {
				t.Errorf("subscription %+v became %+v", sub, again)
			}
		}
		if n, filter, ok := parseSubscriptionKey(key); ok {
			if m, again, ok := parseSubscriptionKey(subscriptionKey(n, filter)); !ok || m != n || again != filter {
				t.Errorf("key %q became %d %q", key, m, again)
			}
		}
	})
}
