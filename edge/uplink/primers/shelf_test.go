package primers_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"skerry/edge/uplink/pack"
	"skerry/edge/uplink/primers"
)

// disk is where the slots lie.
type disk map[int][]byte

func (d disk) read(slot int) []byte { return d[slot] }

func (d disk) size() (n int) {
	for _, b := range d {
		n += len(b)
	}
	return n
}

// come has a primer come, and be stored.
func (d disk) come(s *primers.Shelf, topic string, block []byte) {
	c := s.With(topic, block)
	for _, slot := range c.Gone {
		delete(d, slot)
	}
	d[c.Slot] = c.Content
	s.Keep(c)
}

// made makes a primer with a payload of so many bytes that do not pack, and gives its id.
func made(t testing.TB, sequence, length int) (block []byte, id uint32) {
	t.Helper()
	payload := make([]byte, length)
	r := rand.New(rand.NewPCG(uint64(sequence), 1))
	for i := range payload {
		payload[i] = byte(r.Uint32())
	}
	var e pack.Encoder
	e.Begin(pack.Head{Epoch: 1, Stream: "s", Keep: true}, 0)
	for i, p := range [][]byte{[]byte("1.5"), payload} {
		if err := e.Append(pack.Message{Topic: fmt.Sprint("t/", i), Payload: p, Sequence: uint64(10*sequence + i)}); err != nil {
			t.Fatal(err)
		}
	}
	block, _ = e.Seal(nil)
	p, err := pack.NewPrimer(block)
	if err != nil {
		t.Fatal(err)
	}
	return block, p.ID()
}

func TestShelf(t *testing.T) {
	d := disk{}
	s, _ := primers.New(d.read)
	var ids []uint32
	for i := range 5 {
		block, id := made(t, i, 10)
		ids = append(ids, id)
		if s.Has("a/pack/s", id) || s.Find("a/pack/s", id) != nil {
			t.Fatalf("%d is known, and has not come", i)
		}
		s.With("a/pack/s", block) // not stored
		if s.Has("a/pack/s", id) {
			t.Fatalf("%d is known, and was not stored", i)
		}
		d.come(s, "a/pack/s", block)
		d.come(s, "a/pack/s", block) // again changes nothing
	}
	for range 2 {
		for i, id := range ids {
			known := i >= len(ids)-primers.Each
			if p := s.Find("a/pack/s", id); s.Has("a/pack/s", id) != known || (p != nil) != known || known && p.ID() != id {
				t.Errorf("%d: known %v, want %v", i, s.Has("a/pack/s", id), known)
			}
			if s.Has("b/pack/s", id) || s.Find("b/pack/s", id) != nil {
				t.Error("it serves another topic")
			}
		}
		var damaged int
		if s, damaged = primers.New(d.read); damaged > 0 {
			t.Errorf("%d slots are damaged", damaged)
		}
	}
}

// TestBounds fills it: what is forgotten is the topic whose last primer is the oldest, on the disk too.
func TestBounds(t *testing.T) {
	d := disk{}
	s, _ := primers.New(d.read)
	block, id := made(t, 1, 10)
	large, largeID := made(t, 1, 6000)
	topic := func(i int) string { return fmt.Sprintf("farm/%d/pack/s", i) }
	for i := range primers.Topics + 10 {
		d.come(s, topic(i), block)
		if i%7 == 0 {
			d.come(s, topic(100), block) // is used all the time
		}
	}
	if len(d) != primers.Topics || s.Has(topic(0), id) || s.Has(topic(8), id) || !s.Has(topic(100), id) || !s.Has(topic(200), id) || !s.Has(topic(primers.Topics+9), id) {
		t.Errorf("%d slots; the wrong ones are forgotten", len(d))
	}
	for i := range 1000 {
		d.come(s, topic(i), large)
		if d.size() > primers.Bytes {
			t.Fatalf("%d bytes are stored", d.size())
		}
	}
	again, _ := primers.New(d.read)
	for _, s := range []*primers.Shelf{s, again} {
		if s.Has(topic(2000), id) || !s.Has(topic(999), largeID) || s.Find(topic(999), largeID) == nil {
			t.Error("the wrong ones are forgotten")
		}
	}
	for i := range 1000 { // more than stay in memory
		if id := largeID; again.Has(topic(i), id) && again.Find(topic(i), id) == nil {
			t.Fatalf("%d is not found", i)
		}
	}
}

// FuzzSlots: slots that are damaged are forgotten, and nothing else happens.
func FuzzSlots(f *testing.F) {
	d := disk{}
	s, _ := primers.New(d.read)
	first, firstID := made(f, 1, 10)
	next, nextID := made(f, 2, 10)
	d.come(s, "a", first)
	d.come(s, "b", next)
	f.Add(d[0], d[1])
	f.Add(bytes.Repeat([]byte{1}, 40), []byte{1, 1, 1, 'a', 1, 4, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, x, y []byte) {
		d := disk{0: x, 3: y}
		s, _ := primers.New(d.read)
		for _, topic := range []string{"a", "b", ""} {
			for _, id := range []uint32{firstID, nextID, 0} {
				if p := s.Find(topic, id); p != nil && p.ID() != id {
					t.Error("another one is found")
				}
			}
		}
		for range 5 {
			d.come(s, "a", next)
			d.come(s, "c", first)
		}
		s, _ = primers.New(d.read)
		if s.Find("a", nextID) == nil || s.Find("c", firstID) == nil {
			t.Error("what has come is not known")
		}
	})
}
