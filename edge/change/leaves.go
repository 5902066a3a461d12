package change

import (
	"encoding/binary"
	"hash/maphash"
	"maps"
	"math"
	"slices"

	"skerry/broker/filter"
)

// leaves are what a payload says: its numbers in order, and a sum over all else, the names and places among it.
type leaves struct {
	numbers []float64
	sum     uint64
}

// seed makes the sums differ from one run to the next: nobody can choose payloads of one sum.
var seed = maphash.MakeSeed()

// same tells whether two payloads say the same, numbers within the deadband.
func (l leaves) same(o leaves, deadband float64) bool {
	return l.sum == o.sum && slices.EqualFunc(l.numbers, o.numbers, func(x, y float64) bool {
		return math.Abs(x-y) <= deadband || x == y || math.IsNaN(x) && math.IsNaN(y)
	})
}

// leavesOf reads a message.
func leavesOf(s *filter.Subject, ignore []string) leaves {
	r := reader{ignore: ignore}
	r.hash.SetSeed(seed)
	if data := s.Saw("data"); data != nil {
		r.read(data)
	} else {
		r.text('p', string(s.Payload))
	}
	return leaves{r.numbers, r.hash.Sum64()}
}

// reader walks through a payload.
type reader struct {
	hash    maphash.Hash
	numbers []float64
	ignore  []string
}

func (r *reader) read(v any) {
	switch v := v.(type) {
	case map[string]any:
		r.mark('m')
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if !slices.Contains(r.ignore, name) {
				r.text('n', name)
				r.read(v[name])
			}
		}
		r.mark('.')
	case []any:
		r.mark('l')
		for _, x := range v {
			r.read(x)
		}
		r.mark('.')
	case string:
		r.text('s', v)
	case bool:
		if v {
			r.mark('t')
		} else {
			r.mark('f')
		}
	case float64:
		r.mark('d')
		r.numbers = append(r.numbers, v)
	default: // null; numbers that are not finite
		r.mark('0')
	}
}

// mark writes what kind of leaf or node comes: without it, a text could look like a list.
func (r *reader) mark(kind byte) { r.hash.WriteByte(kind) }

func (r *reader) text(kind byte, s string) {
	r.mark(kind)
	var n [8]byte
	binary.LittleEndian.PutUint64(n[:], uint64(len(s)))
	r.hash.Write(n[:])
	r.hash.WriteString(s)
}
