package queue

import (
	"fmt"
	"testing"
	"time"

	"skerry/queue/vfs"
)

// TestCutKeepsCount: what was cut counts for limits about as it did in memory, with what came behind it; and a PUBREC whose record is
// not durable is not taken for acknowledged.
func TestCutKeepsCount(t *testing.T) {
	s := begun(t, vfs.NewDisk(), 1)
	x := made(t, s)
	s.offline.Store(1)
	x.SetLimits(Limits{Bytes: 1 << 20})
	x.Resume(0)
	for n := range 60 {
		owe(t, s, x, 2, string(make([]byte, 100*(n%7))))
	}
	committed(t, s)
	x.Next(nil, 3)
	r, ok := x.Received(2)
	if !ok {
		t.Fatal("packet id 2 is not in flight")
	}
	weight := x.flight.at(1).weight
	x.Suspend()
	owe(t, s, x, 2, "came later")
	if x.flight.len() != 0 || x.ring.len() != 0 || x.bytes != 0 || x.want != 1 {
		t.Fatalf("%d in flight and %d wait, %d bytes; the log is read from ordinal %d on", x.flight.len(), x.ring.len(), x.bytes, x.want)
	}
	if x.gave != r || x.given != (load{1, uint64(weight)}) {
		t.Errorf("given is %+v with receipt %d, want 1 message of %d bytes with %d", x.given, x.gave, weight, r)
	}
	sum := uint64(0)
	for g := range x.unread(x.want, x.next) {
		sum += x.bytesOf(g)
	}
	if off := int64(sum) - int64(x.load.bytes); x.load.messages != 60 || off < -1000 || off > 1000 {
		t.Errorf("%d bytes are only in the log, owed are %+v", sum, x.load)
	}
}

// TestCutPassesWhatExpired: what had expired behind something in flight is not read again, nor counted twice.
func TestCutPassesWhatExpired(t *testing.T) {
	now := time.Hour
	s, _, err := Open(vfs.NewDisk(), "q", Options{OfflineBytes: 1, Boot: Boot{ID: [16]byte{1}, Clock: func() time.Duration { return now }}})
	if err != nil {
		t.Fatal(err)
	}
	x := made(t, s)
	x.Resume(0)
	for n := range 6 {
		m := &Message{TopicName: "t", Payload: fmt.Append(nil, n), QoS: 1, HasExpiry: n%2 == 1, Expiry: 10}
		if _, err := s.Publish(m, []Target{{Session: x, QoS: 1}}); err != nil {
			t.Fatal(err)
		}
	}
	committed(t, s)
	now += time.Minute
	s.clock.sync()
	for range 2 {
		got := ""
		for range 3 {
			for _, d := range x.Next(nil, 10) {
				got += string(d.Message.Payload)
			}
			committed(t, s)
		}
		if st := x.Stats(); got != "024" || st.Dropped[DroppedExpired] != 3 || st.Messages != 3 {
			t.Fatalf("got %q, %+v", got, st)
		}
		x.Suspend()
		if x.flight.len() != 0 {
			t.Fatalf("%d in flight", x.flight.len())
		}
		x.Resume(0)
	}
}

// TestCutMayHaveBeenSent: a limit drops what was in flight at QoS 2 and has been cut: PUBREL frees its packet id, however long
// the store has been running.
func TestCutMayHaveBeenSent(t *testing.T) {
	s := begun(t, vfs.NewDisk(), 1)
	b := s.NewBatch()
	x := b.Create(SessionOptions{PacketIDs: Range{First: 1, Count: 5}})
	if _, err := s.Apply(b); err != nil {
		t.Fatal(err)
	}
	s.offline.Store(1)
	x.Resume(0)
	for n := range 23 {
		owe(t, s, x, 2, fmt.Sprint(n+1))
		committed(t, s)
		for _, d := range x.Next(nil, 10) {
			if n < 20 {
				x.Ack(d.PacketID)
			}
		}
		committed(t, s)
	}
	x.Suspend()
	x.SetLimits(Limits{Messages: 3, WhenFull: DropOldest})
	owe(t, s, x, 2, "24")
	x.Resume(0)
	got := ""
	for range 4 {
		committed(t, s)
		for _, d := range x.Next(nil, 10) {
			if d.Release {
				got += fmt.Sprint(" PUBREL ", d.PacketID)
			} else {
				got += fmt.Sprint(" ", string(d.Message.Payload))
			}
		}
	}
	if want := " PUBREL 1 22 23 24"; got != want {
		t.Errorf("got%s, want%s", got, want)
	}
}

// TestShareBecomesSmaller: sessions that have no connection give memory back when there are many more of them.
func TestShareBecomesSmaller(t *testing.T) {
	s := begun(t, vfs.NewDisk(), 1)
	x := made(t, s)
	for range 10 {
		owe(t, s, x, 1, string(make([]byte, 3000)))
		committed(t, s)
	}
	before := x.bytes
	b := s.NewBatch()
	for range offlineTotal/before*3 + 1 {
		b.Create(SessionOptions{})
		if len(b.created) == 40 {
			if _, err := s.Apply(b); err != nil {
				t.Fatal(err)
			}
			committed(t, s)
			b = s.NewBatch()
		}
	}
	if x.bytes > before/2 || x.Stats().Messages != 10 {
		t.Errorf("%d bytes in memory, %d before; %+v", x.bytes, before, x.Stats())
	}
}
