package uplink

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"skerry/broker"
)

func TestNeedless(t *testing.T) {
	plain := broker.Message{TopicName: "t"}
	expires := broker.Message{TopicName: "t", HasExpiry: true}
	tests := []struct {
		name       string
		old, newer broker.Delivery
		want       bool
	}{
		{"alike", broker.Delivery{Message: &plain, QoS: 1}, broker.Delivery{Message: &plain, QoS: 1}, true},
		{"less QoS", broker.Delivery{Message: &plain, QoS: 2}, broker.Delivery{Message: &plain, QoS: 1}, true},
		{"nothing promised", broker.Delivery{Message: &plain, QoS: 1}, broker.Delivery{Message: &plain}, false},
		{"nothing promised to either", broker.Delivery{Message: &plain}, broker.Delivery{Message: &plain}, true},
		{"retained", broker.Delivery{Message: &plain, Retain: true, QoS: 1}, broker.Delivery{Message: &plain, QoS: 1}, false},
		{"retained now", broker.Delivery{Message: &plain, QoS: 1}, broker.Delivery{Message: &plain, Retain: true, QoS: 1}, true},
		{"expires", broker.Delivery{Message: &plain, QoS: 1}, broker.Delivery{Message: &expires, QoS: 1}, false},
		{"both expire", broker.Delivery{Message: &expires, QoS: 1}, broker.Delivery{Message: &expires, QoS: 1}, true},
	}
	for _, test := range tests {
		if got := needless(&test.old, &test.newer); got != test.want {
			t.Errorf("%s: needless %v", test.name, got)
		}
	}
}

// TestLatest compares with a model what is held, over many messages of all kinds, some of which are sent.
func TestLatest(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	k := newLatest()
	var model []*broker.Delivery
	pinned := map[*broker.Message]bool{}
	for ordinal := uint64(1); ordinal < 20_000; ordinal++ {
		d := &broker.Delivery{QoS: byte(r.IntN(3)), Retain: r.IntN(3) == 0, Message: &broker.Message{TopicName: fmt.Sprint(r.IntN(8)), Payload: make([]byte, r.IntN(9)), HasExpiry: r.IntN(5) == 0}}
		if d.QoS > 0 {
			d.Ordinal = ordinal
		}
		pinned[d.Message] = r.IntN(20) == 0
		gone := k.add(d, pinned[d.Message])
		kept := model[:0:0]
		for _, old := range model {
			if pinned[old.Message] || old.Message.TopicName != d.Message.TopicName || !needless(old, d) {
				kept = append(kept, old)
			}
		}
		if len(gone) != len(model)-len(kept) {
			t.Fatalf("%d messages became needless, want %d", len(gone), len(model)-len(kept))
		}
		model = append(kept, d)
		for len(model) > 0 && r.IntN(3) == 0 {
			k.sent()
			model = model[1:]
		}
		same(t, k, model)
	}
	for len(model) > 0 {
		k.sent()
		model = model[1:]
	}
	if same(t, k, model); len(k.topic) > 8 || k.bytes != 0 || k.owed != 0 {
		t.Errorf("nothing is held, but %d topics, %d bytes, %d messages", len(k.topic), k.bytes, k.owed)
	}
}

func same(t *testing.T, k *latest, model []*broker.Delivery) {
	t.Helper()
	owed := 0
	for i, d := range model {
		if i >= len(k.list) || k.list[i].Message != d.Message {
			t.Fatalf("message %d of %d is not the one", i, len(model))
		}
		if d.QoS > 0 {
			owed++
		}
	}
	if len(k.list) != len(model) || k.owed != owed {
		t.Fatalf("%d messages are held and %d owed, want %d and %d", len(k.list), k.owed, len(model), owed)
	}
}
