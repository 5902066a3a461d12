package queuetest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"skerry/queue"
)

// facts are changed in batches, one after the other: what the store has is what one of them left.
type facts struct {
	w       *world
	put     uint64 // batches so far
	acked   uint64 // of them durable
	receipt queue.Receipt
}

const keys = 5

// change applies the next batch: two facts that must stay alike, and one of a few that come and go.
func (f *facts) change() {
	if f.receipt != 0 {
		return
	}
	w := f.w
	v := f.put + 1
	number := binary.AppendUvarint(nil, v)
	b := w.s.NewBatch()
	b.Put(factSpace, "a", number)
	b.Put(factSpace, "between", make([]byte, w.r.IntN(w.large()))) // a block ends between the two, and a write may tear there
	if v%3 == 0 {
		b.Delete(factSpace, key(v))
	} else {
		b.Put(factSpace, key(v), number)
	}
	b.Put(factSpace, "b", number)
	r, err := w.s.Apply(b)
	if w.busy(err) || w.refused(err) {
		return
	}
	if err != nil {
		w.breaks("apply: %w", err)
	}
	f.put, f.receipt = v, r
}

func key(v uint64) string { return fmt.Sprint("key", v%keys) }

func (f *facts) committed() {
	if f.receipt != 0 && f.w.s.Durable() >= f.receipt {
		f.acked, f.receipt = f.put, 0
	}
}

// check compares every fact with what the batch left that the store says was the last.
func (f *facts) check() {
	w := f.w
	a, b := f.get("a"), f.get("b")
	if a != b || a < f.acked || a > f.put {
		w.breaks("facts %d and %d after %d was acknowledged and %d put", a, b, f.acked, f.put)
	}
	if w.lossy() {
		f.put = max(f.put, a) // what could not be read once may be there again the next time
		return
	}
	f.put, f.acked = a, a
	found := map[string][]byte{}
	for k, v := range w.s.Facts(factSpace) {
		if strings.HasPrefix(k, "key") {
			found[k] = v
		}
	}
	for v := a; v > 0 && v+keys > a; v-- {
		got, ok := found[key(v)]
		if ok != (v%3 != 0) || ok && !bytes.Equal(got, binary.AppendUvarint(nil, v)) {
			w.breaks("fact %s is %v, %t after change %d of %d", key(v), got, ok, v, a)
		}
		delete(found, key(v))
	}
	if len(found) > 0 {
		w.breaks("facts %v that nobody put", found)
	}
}

func (f *facts) get(key string) uint64 {
	v, _ := f.w.s.Fact(factSpace, key)
	n, _ := binary.Uvarint(v)
	return n
}

// large is the size of what is large in this world: about half of what a record may have.
func (w *world) large() int { return int(w.Options.SlotSize / 8) }
