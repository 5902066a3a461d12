package queue

import (
	"math/rand/v2"
	"testing"

	"skerry/queue/vfs"
)

// TestEndingIsMarked: segments that the checkpoints cover for the first time while the end of a session waits for its commit are
// needed by that session: a power cut brings it back.
func TestEndingIsMarked(t *testing.T) {
	disk := vfs.NewDisk()
	s, _, err := Open(disk, "q", Options{SlotSize: 16 << 10, BlockSize: 1024})
	if err != nil {
		t.Fatal(err)
	}
	s.running.Store(true) // Commit leaves the checkpoints alone
	b := s.NewBatch()
	x := b.Create(SessionOptions{})
	if _, err := s.Apply(b); err != nil {
		t.Fatal(err)
	}
	const n = 200
	for range n {
		if _, err := s.Publish(&Message{TopicName: "t", Payload: make([]byte, 200), QoS: 1}, []Target{{Session: x, QoS: 1}}); err != nil {
			t.Fatal(err)
		}
		if err := s.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	b = s.NewBatch()
	b.End(x)
	if _, err := s.Apply(b); err != nil {
		t.Fatal(err)
	}
	s.pressed.Store(true) // both files are written at once
	for range 4 {
		s.checkpointer.turn()
	}
	if st := s.Stats(); st.Freed != 0 || st.Checkpoints < 2 {
		t.Errorf("%+v", st)
	}
	s, _, err = Open(disk.Crash(rand.New(rand.NewPCG(1, 1)), vfs.Honest), "q", Options{})
	if err != nil {
		t.Fatal(err)
	}
	x = s.Session(x.Number())
	x.Resume(0)
	got := 0
	for idle := 0; idle < 3; idle++ {
		for _, d := range x.Next(nil, 100) {
			x.Ack(d.PacketID)
			got, idle = got+1, 0
		}
		if err := s.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	if got != n {
		t.Errorf("%d of %d messages are left", got, n)
	}
}
