package main

import (
	"slices"
	"testing"
)

func TestLedger(t *testing.T) {
	for _, c := range []struct {
		name           string
		exact          bool
		before, last   int
		got            []int
		broken         bool
		lost, repeated int
	}{
		{name: "all", last: 3, got: []int{1, 2, 3}},
		{name: "nothing was sent"},
		{name: "one is missing", last: 3, got: []int{1, 3}, broken: true},
		{name: "the last is missing", last: 3, got: []int{1, 2}, broken: true},
		{name: "QoS 1 twice", last: 3, got: []int{1, 2, 2, 3}},
		{name: "QoS 1 sent again from the window", last: 3, got: []int{1, 2, 1, 2, 3}},
		{name: "QoS 2 twice", exact: true, last: 3, got: []int{1, 2, 2, 3}, broken: true},
		{name: "out of order", last: 3, got: []int{1, 3, 2}, broken: true},
		{name: "never sent", last: 3, got: []int{1, 2, 3, 4}, broken: true},
		{name: "after a lie, old ones are missing", before: 2, last: 4, got: []int{3, 4}, lost: 2},
		{name: "after a lie, a new one is missing", before: 2, last: 4, got: []int{1, 2, 4}, broken: true},
		{name: "after a lie, an old one twice", exact: true, before: 2, last: 3, got: []int{1, 2, 2, 3}, repeated: 1},
		{name: "after a lie, a new one twice", exact: true, before: 2, last: 3, got: []int{1, 2, 3, 3}, broken: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := ledger{exact: c.exact, before: c.before, last: c.last}
			err := l.check(c.got)
			if (err != nil) != c.broken || err == nil && (l.lost != c.lost || l.repeated != c.repeated) {
				t.Errorf("%v, %d lost, %d repeated", err, l.lost, l.repeated)
			}
		})
	}
}

// TestStateAtACut: what a witness knew follows from its events up to the cut.
func TestStateAtACut(t *testing.T) {
	events := []event{
		{op: 1, kind: connected},
		{op: 2, kind: sent, seq: 1, id: 1},
		{op: 2, kind: sent, seq: 2, id: 2},
		{op: 5, kind: recorded, id: 1},
		{op: 7, kind: completed, id: 1},
		{op: 7, kind: sent, seq: 3, id: 1},
	}
	for _, c := range []struct {
		cut   int
		known bool
		next  int
		out   []flight
	}{
		{0, false, 1, nil},
		{1, true, 1, nil},
		{2, true, 3, []flight{{seq: 1, id: 1}, {seq: 2, id: 2}}},
		{6, true, 3, []flight{{seq: 1, id: 1, recorded: true}, {seq: 2, id: 2}}},
		{7, true, 4, []flight{{seq: 2, id: 2}, {seq: 3, id: 1}}},
	} {
		p := newPublisher(1, "")
		until(events, c.cut, p.apply)
		if p.known != c.known || p.next != c.next || !slices.Equal(p.out, c.out) {
			t.Errorf("cut %d: %+v", c.cut, p.publisherState)
		}
	}
}

func TestSubscriberAtACut(t *testing.T) {
	events := []event{
		{op: 1, kind: connected},
		{op: 1, kind: subscribed},
		{op: 3, kind: delivered, from: 1, seq: 1, id: 9},
		{op: 4, kind: released, id: 9},
		{op: 6, kind: delivered, from: 1, seq: 2, id: 10},
	}
	for _, c := range []struct{ cut, got, held int }{{0, 0, 0}, {3, 1, 1}, {5, 1, 0}, {6, 2, 1}} {
		s := newSubscriber(0, "")
		until(events, c.cut, s.apply)
		if len(s.got[1]) != c.got || len(s.held) != c.held || s.subscribed != (c.cut > 0) {
			t.Errorf("cut %d: %+v", c.cut, s.subscriberState)
		}
	}
}

func TestPayloadIsKnownByItsName(t *testing.T) {
	for _, size := range []int{1, headSize, 13, 100, 5000} {
		b := payload(1, 77, size)
		from, seq, err := read(b)
		if err != nil || from != 1 || seq != 77 || len(b) != max(size, headSize) {
			t.Errorf("size %d: %d bytes, publisher %d, message %d, %v", size, len(b), from, seq, err)
		}
		b[len(b)-1]++
		if _, _, err := read(b); err == nil && size >= 100 {
			t.Errorf("size %d: another content was taken", size)
		}
	}
}
