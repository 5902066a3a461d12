package queue_test

import (
	"testing"

	"skerry/queue"
	"skerry/queue/vfs"
)

// TestMessagesWritten counts messages that have a place in the log: not sessions, not acknowledgements, not what was elided.
func TestMessagesWritten(t *testing.T) {
	s, _ := open(t, vfs.NewDisk(), small)
	x := create(t, s, queue.SessionOptions{})
	x.Resume(0)
	commit(t, s)
	publish(t, s, message("a"), at(x, 1))
	publish(t, s, own(message("b")), at(x, 1))
	publish(t, s, own(message("elided")), at(x, 1))
	ds := next(t, x, "a", "b", "elided")
	ack(t, x, ds[2])
	commit(t, s)
	ack(t, x, ds[:2]...)
	b := s.NewBatch()
	b.Put(1, "fact", []byte{1})
	b.Publish(message("c"), []queue.Target{at(x, 1)})
	apply(t, s, b)
	commit(t, s)
	if st := s.Stats(); st.Messages != 3 || st.Records <= st.Messages || st.Elided != 1 {
		t.Errorf("%+v", st)
	}
}
