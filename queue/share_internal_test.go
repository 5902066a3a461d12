package queue

import (
	"testing"

	"skerry/queue/vfs"
)

// What a share says of its acknowledgements in one group must not cover a delivery that is bound in the next one: if that is
// lost, nobody would be owed the message.
func TestShareIsNotAheadOfItsBindings(t *testing.T) {
	s, _, err := Open(vfs.NewDisk(), "q", Options{SlotSize: 64 << 10, BlockSize: 1024})
	if err != nil {
		t.Fatal(err)
	}
	b := s.NewBatch()
	x, member := b.Create(SessionOptions{Shared: true}), b.Create(SessionOptions{})
	if _, err := s.Apply(b); err != nil {
		t.Fatal(err)
	}
	x.Resume(0)
	member.Resume(0)
	for _, qos := range []byte{1, 2, 2} {
		if _, err := s.Publish(&Message{TopicName: "t", QoS: qos}, []Target{{Session: x, QoS: 1}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Commit(); err != nil {
		t.Fatal(err)
	}
	x.Give(member, &Share{QoS: 0}) // the first is complete, and is to be written
	g, dirty, err := s.begin(all)
	if err != nil || g == nil {
		t.Fatal(err)
	}
	for range 2 { // while that group is on its way
		if x.Give(member, &Share{QoS: 2}) != Gave {
			t.Fatal("nothing was given")
		}
	}
	if acks := s.encode(g, dirty); len(acks) != 1 || acks[0].base != 2 || acks[0].cleared.below != 2 {
		t.Errorf("the share says that all below %+v is complete", acks)
	}
}
