package queue_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"skerry/queue"
	"skerry/queue/vfs"
)

func TestFactsAndBatches(t *testing.T) {
	disk := vfs.NewDisk()
	s, _ := open(t, disk, small)
	b := s.NewBatch()
	if r := apply(t, s, b); r != 0 {
		t.Errorf("receipt %d for nothing", r)
	}
	x := b.Create(queue.SessionOptions{PacketIDs: queue.Range{First: 100, Count: 10}, Window: 5})
	b.Put(1, "a", []byte("1"))
	b.Put(1, "b", []byte("2"))
	b.Put(2, "a", nil)
	b.Publish(message("in the batch"), []queue.Target{at(x, 1)})
	b.Publish(retain(message("kept")), nil)
	if s.Session(x.Number()) != nil {
		t.Error("the session exists before the batch is applied")
	}
	apply(t, s, b)
	if s.Session(x.Number()) != x {
		t.Error("the session does not exist")
	}
	b = s.NewBatch()
	b.Delete(1, "a")
	b.Delete(9, "never was")
	apply(t, s, b)
	check := func(rec *queue.Recovery) {
		t.Helper()
		if got := slices.Collect(maps.Keys(maps.Collect(s.Facts(1)))); !slices.Equal(got, []string{"b"}) {
			t.Errorf("facts %q", got)
		}
		if v, ok := s.Fact(1, "b"); !ok || string(v) != "2" {
			t.Errorf("fact b: %q, %t", v, ok)
		}
		if v, ok := s.Fact(2, "a"); !ok || len(v) != 0 {
			t.Errorf("empty fact: %q, %t", v, ok)
		}
		if got := len(slices.Collect(s.Sessions())); got != 1 {
			t.Errorf("%d sessions", got)
		}
	}
	check(nil)
	closeStore(t, s)
	s, rec := open(t, disk, small)
	check(rec)
	if len(rec.Retained) != 1 || string(rec.Retained[0].Payload) != "kept" {
		t.Errorf("retained %v", rec.Retained)
	}
	x = s.Session(x.Number())
	x.Resume(0)
	commit(t, s)
	if ds := next(t, x, "in the batch"); ds[0].PacketID != 100 {
		t.Errorf("packet id %d", ds[0].PacketID)
	}
}

func TestMessageSurvivesWhole(t *testing.T) {
	disk := vfs.NewDisk()
	s, _ := open(t, disk, small)
	x := create(t, s, queue.SessionOptions{})
	m := &queue.Message{
		TopicName: "a/ü", Properties: []byte{1, 0, 3}, Payload: []byte("x"), QoS: 2, Origin: queue.Gateway,
		Expiry: 1 << 31, HasExpiry: true, Unresolved: true,
	}
	publish(t, s, m, queue.Target{Session: x, QoS: 1, Retain: true, SubscriptionIDs: []uint32{1, 268435455}})
	closeStore(t, s)
	s, _ = open(t, disk, small)
	x = s.Session(x.Number())
	x.Resume(0)
	x.Next(nil, 0)
	commit(t, s)
	d := x.Next(nil, 1)[0]
	g := d.Message
	if g.TopicName != m.TopicName || string(g.Properties) != string(m.Properties) || string(g.Payload) != "x" || g.QoS != 2 || g.Origin != queue.Gateway ||
		g.Expiry != m.Expiry || !g.HasExpiry || !g.Unresolved || g.Retain || g.Stamp.Boot != m.Stamp.Boot || g.Stamp.At < m.Stamp.At {
		t.Errorf("got %+v, want %+v", g, m)
	}
	if d.QoS != 1 || !d.Retain || !slices.Equal(d.SubscriptionIDs, []uint32{1, 268435455}) {
		t.Errorf("delivery %+v", d)
	}
}

// TestAge plays runs of a station: a day under one kernel with a restart of the process, then a power cut, and so
// on.
func TestAge(t *testing.T) {
	disk := vfs.NewDisk()
	var clock time.Duration
	openAt := func(kernel byte, at time.Duration) (*queue.Store, *queue.Session) {
		clock = at
		o := small
		o.Boot = queue.Boot{ID: [16]byte{kernel}, Clock: func() time.Duration { return clock }}
		s, _ := open(t, disk, o)
		x := s.Session(1)
		if x == nil {
			x = create(t, s, queue.SessionOptions{})
		}
		return s, x
	}
	s, x := openAt(1, time.Hour)
	m := message("old")
	publish(t, s, m, at(x, 1))
	closeStore(t, s)
	about := func(want time.Duration) {
		t.Helper()
		if age := s.Age(m); age > want+time.Minute || age < want-time.Second {
			t.Errorf("age %v, want %v", age, want)
		}
	}
	s, x = openAt(1, 3*time.Hour) // the same kernel: exact
	x.Resume(0)
	x.Next(nil, 0)
	commit(t, s)
	m = x.Next(nil, 1)[0].Message
	about(2 * time.Hour)
	publish(t, s, message("proves 3 h"), at(x, 1))
	closeStore(t, s)
	s, x = openAt(2, 10*time.Minute) // another one: from 1 h to 3 h, and ten minutes
	about(2*time.Hour + 10*time.Minute)
	publish(t, s, message("proves 10 min"), at(x, 1))
	closeStore(t, s)
	s, _ = openAt(3, 5*time.Minute)
	about(2*time.Hour + 15*time.Minute)
	if s.Age(&queue.Message{}) != 0 || s.Since(queue.Stamp{Boot: 99}) != 0 || s.Since(s.Now()) > time.Minute {
		t.Error("an age out of nothing")
	}
	closeStore(t, s)
}
