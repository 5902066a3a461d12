package queue

import (
	"math/rand/v2"
	"testing"
	"time"

	"skerry/queue/vfs"
)

// What happens between two steps of a commit, or of a turn of reading. A test that uses only what is exported cannot be there
// at that moment.

func begun(t *testing.T, disk *vfs.Disk, kernel byte) *Store {
	t.Helper()
	s, _, err := Open(disk, "q", Options{
		SlotSize: 16 << 10, BlockSize: 1024, Boot: Boot{ID: [16]byte{kernel}, Clock: func() time.Duration { return time.Hour }},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func owe(t *testing.T, s *Store, x *Session, qos byte, payload string) {
	t.Helper()
	m := &Message{TopicName: "t", Payload: []byte(payload), QoS: qos}
	if _, err := s.Publish(m, []Target{{Session: x, QoS: qos}}); err != nil {
		t.Fatal(err)
	}
}

func committed(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Commit(); err != nil {
		t.Fatal(err)
	}
}

func made(t *testing.T, s *Store) *Session {
	t.Helper()
	b := s.NewBatch()
	x := b.Create(SessionOptions{})
	if _, err := s.Apply(b); err != nil {
		t.Fatal(err)
	}
	return x
}

// TestDroppedWhileCommitting: a limit drops a QoS 2 delivery that was sent before the restart while a group is on its way to
// the disk. The record that says so comes with the next group; until then the segment of the message is needed: after a loss
// of power the delivery is owed again.
func TestDroppedWhileCommitting(t *testing.T) {
	disk := vfs.NewDisk()
	s := begun(t, disk, 1)
	x, y := made(t, s), made(t, s)
	y.Resume(0)
	owe(t, s, x, 2, "sent")
	for range 100 { // fills segment 1
		owe(t, s, y, 1, string(make([]byte, 300)))
		committed(t, s)
		for _, d := range y.Next(nil, 10) {
			y.Ack(d.PacketID)
		}
	}
	_ = s.Close()

	s = begun(t, disk, 1)
	x, y = s.Session(x.Number()), s.Session(y.Number())
	if !s.needed()[1] {
		t.Fatal("nothing of segment 1 is needed")
	}
	owe(t, s, y, 1, "something to write")
	x.SetLimits(Limits{Messages: 1, WhenFull: DropOldest})
	x.mu.Lock()
	x.markDirty()
	x.mu.Unlock()
	g, dirty, err := s.begin(all)
	if err != nil || len(dirty) != 1 {
		t.Fatal(err, len(dirty))
	}
	owe(t, s, x, 1, "takes its place")
	if x.Stats().Dropped[DroppedMessages] != 1 {
		t.Fatalf("%+v", x.Stats())
	}
	acks := s.encode(g, dirty)
	if err := s.flush(); err != nil {
		t.Fatal(err)
	}
	s.booted = true
	s.finish(g, acks)
	if !s.needed()[1] {
		t.Error("segment 1 may be freed before the record is durable that its message is not needed")
	}
	after := begun(t, disk.Crash(rand.New(rand.NewPCG(1, 1)), vfs.Honest), 2)
	back := after.Session(x.Number())
	back.Resume(0)
	committed(t, after)
	if ds := back.Next(nil, 1); len(ds) != 1 || ds[0].Release || string(ds[0].Message.Payload) != "sent" {
		t.Errorf("after a loss of power: %+v", ds)
	}
	committed(t, s)
	if s.needed()[1] {
		t.Error("segment 1 is needed when the record is durable")
	}
}

// TestDroppedWhileReading: what a limit drops while a turn of reading is under way does not come back with what was read.
func TestDroppedWhileReading(t *testing.T) {
	s := begun(t, vfs.NewDisk(), 1)
	x := made(t, s)
	x.o.RingMessages = 1
	for _, payload := range []string{"in the ring", "read, and dropped", "read, and dropped too", "stays"} {
		owe(t, s, x, 1, payload)
	}
	committed(t, s)
	from, want := x.cursor, x.want
	batch, to := s.readTurn(x, from, s.log.End(), want)
	if len(batch) != 3 || !x.spilled {
		t.Fatalf("%d were read", len(batch))
	}
	x.SetLimits(Limits{Messages: 2, WhenFull: DropOldest})
	owe(t, s, x, 1, "new")
	x.filling = true
	x.refill(batch, from, to, want)
	if x.ring.len() != 1 || string(x.ring.at(0).m.Payload) != "stays" {
		t.Errorf("%d in the ring, first %+v", x.ring.len(), x.ring.at(0))
	}
}

// TestCutWhileReading: what a session loses of its memory while a turn of reading for it is under way is not in what was
// read, and must not be passed over.
func TestCutWhileReading(t *testing.T) {
	s := begun(t, vfs.NewDisk(), 1)
	x := made(t, s)
	x.o.RingMessages = 2
	x.Resume(0)
	payloads := []string{"0", "1", "2", "3", "4"}
	for _, payload := range payloads {
		owe(t, s, x, 1, payload)
	}
	committed(t, s)
	x.cursor = x.notBehind(1) // as if it stood where it will stand
	from, want := x.cursor, x.want
	batch, to := s.readTurn(x, from, s.log.End(), want)
	s.offline.Store(1)
	x.Suspend()
	x.Resume(0)
	x.refill(batch, from, to, want)
	got := ""
	for range 10 {
		committed(t, s)
		for _, d := range x.Next(nil, 10) {
			got += string(d.Message.Payload)
			x.Ack(d.PacketID)
		}
	}
	if got != "01234" {
		t.Errorf("got %q", got)
	}
}
