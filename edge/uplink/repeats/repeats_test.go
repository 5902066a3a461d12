package repeats_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"skerry/edge/uplink/repeats"
)

// disk is where the pages lie.
type disk [repeats.Pages][]byte

func (d *disk) read(page int) []byte { return d[page] }

func id(n int) []byte { return fmt.Append(nil, n) }

// come has a command come, and be stored.
func (d *disk) come(m *repeats.Memory, n int) {
	page, content := m.With("cmd/a", id(n))
	d[page] = content
	m.Add("cmd/a", id(n))
}

// What has come is known, also after a restart at any time, until enough others have come; then it is forgotten.
func TestKnown(t *testing.T) {
	var d disk
	m := repeats.New(d.read)
	r := rand.New(rand.NewPCG(1, 1))
	for n := range 5000 {
		if m.Known("cmd/a", id(n)) {
			t.Fatalf("%d is known, and has not come", n)
		}
		d.come(m, n)
		if r.IntN(20) == 0 {
			m = repeats.New(d.read)
		}
		for _, back := range []int{0, 1, 63, 64, 500, repeats.Least - 1} {
			if n >= back && !m.Known("cmd/a", id(n-back)) {
				t.Fatalf("after %d, %d is not known any more", n, n-back)
			}
		}
		if old := n - repeats.Least - 64; old >= 0 && m.Known("cmd/a", id(old)) {
			t.Fatalf("after %d, %d is still known", n, old)
		}
	}
	for page, b := range d {
		if len(b) > 8+64*8 {
			t.Errorf("page %d has %d bytes", page, len(b))
		}
	}
}

// What was not stored, because the power went, comes as new.
func TestNotStored(t *testing.T) {
	var d disk
	m := repeats.New(d.read)
	d.come(m, 1)
	m.With("cmd/a", id(2))
	if m.Known("cmd/a", id(2)) {
		t.Error("what was not added is known")
	}
	m.Add("cmd/a", id(3)) // and not stored
	m = repeats.New(d.read)
	if !m.Known("cmd/a", id(1)) || m.Known("cmd/a", id(3)) {
		t.Error("other ids are known than were stored")
	}
	d.come(m, 4)
	if m = repeats.New(d.read); !m.Known("cmd/a", id(1)) || !m.Known("cmd/a", id(4)) {
		t.Error("an id was lost")
	}
}

func TestTopics(t *testing.T) {
	m := repeats.New(func(int) []byte { return nil })
	m.Add("cmd/a", []byte("1"))
	if m.Known("cmd/b", []byte("1")) || m.Known("cmd/", []byte("a1")) || !m.Known("cmd/a", []byte("1")) {
		t.Error("ids belong to their topic")
	}
}

// Pages that are damaged are forgotten, and nothing else happens.
func FuzzPages(f *testing.F) {
	var d disk
	m := repeats.New(d.read)
	for n := range 100 {
		d.come(m, n)
	}
	f.Add(d[0], d[1], 5)
	f.Fuzz(func(t *testing.T, x, y []byte, more int) {
		d := disk{0: x, 1: y, repeats.Pages - 1: y}
		m := repeats.New(d.read)
		for n := range min(max(more, 0), 3000) {
			d.come(m, n)
		}
		m = repeats.New(d.read)
		if n := min(more, 3000) - 1; n >= 0 && !m.Known("cmd/a", id(n)) {
			t.Error("the latest id is not known")
		}
	})
}
