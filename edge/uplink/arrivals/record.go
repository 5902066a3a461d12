package arrivals

import (
	"encoding/binary"
	"math"
)

// version of a record.
const version = 1

// source is what is known of a stream of a gateway.
type source struct {
	gateway, stream string
	used            uint64  // number of the latest block, counted over all sources
	run             uint64  // blocks in a row of the latest epoch
	clash           bool    // two epochs alternate
	epochs          []epoch // the latest last
}

type epoch struct {
	id    uint64
	aside bool // only primers have come of it
	set
}

// append encodes a source: the version, names, used, run, flags, and the epochs; numbers as uvarints, texts and lists behind their length, an epoch's id in 8
// bytes, of a span how far it begins above the least that it could, and its length less one.
func (s *source) append(b []byte) []byte {
	b = append(b, version)
	for _, text := range []string{s.gateway, s.stream} {
		b = append(binary.AppendUvarint(b, uint64(len(text))), text...)
	}
	b = binary.AppendUvarint(b, s.used)
	b = binary.AppendUvarint(b, s.run)
	b = binary.AppendUvarint(b, s.flags())
	b = binary.AppendUvarint(b, uint64(len(s.epochs)))
	for i := range s.epochs {
		b = s.epochs[i].append(b)
	}
	return b
}

// flags are 1 in a clash, and two to the power of its place, from 1, for each epoch of which only primers have come.
func (s *source) flags() (f uint64) {
	if s.clash {
		f = 1
	}
	for i := range s.epochs {
		if s.epochs[i].aside {
			f |= 2 << i
		}
	}
	return f
}

func (e *epoch) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, e.id)
	b = binary.AppendUvarint(b, e.floor)
	b = binary.AppendUvarint(b, uint64(len(e.spans)))
	least := e.floor
	for _, p := range e.spans {
		b = binary.AppendUvarint(b, p.first-least)
		b = binary.AppendUvarint(b, p.last-p.first)
		least = p.last + 2
	}
	return b
}

// decode reads a record; nil if it is damaged.
func decode(b []byte) *source {
	r := reader{rest: b}
	if r.number(math.MaxUint64) != version {
		return nil
	}
	s := &source{gateway: r.text(), stream: r.text(), used: r.number(math.MaxInt64), run: r.number(math.MaxInt64)}
	flags := r.number(1<<(Recent+1) - 1)
	s.clash = flags&1 != 0
	for i := range r.number(Recent) {
		e := r.epoch()
		e.aside = flags&(2<<i) != 0
		s.epochs = append(s.epochs, e)
	}
	if r.bad || len(r.rest) > 0 || len(s.epochs) == 0 || flags != s.flags() {
		return nil
	}
	return s
}

// reader takes a record apart. After the first thing that does not fit it gives zeros.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) number(most uint64) uint64 {
	v, n := binary.Uvarint(r.rest)
	if r.bad || n <= 0 || v > most {
		r.bad = true
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *reader) bytes(n uint64) []byte {
	if r.bad || n > uint64(len(r.rest)) {
		r.bad = true
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) text() string { return string(r.bytes(r.number(math.MaxUint16))) }

func (r *reader) epoch() (e epoch) {
	if id := r.bytes(8); id != nil {
		e.id = binary.LittleEndian.Uint64(id)
	}
	e.floor = r.number(math.MaxUint64)
	least := e.floor
	n := r.number(Spans)
	for i := range n {
		first := least + r.number(math.MaxUint64-least)
		last := first + r.number(math.MaxUint64-first)
		if i+1 < n && last > math.MaxUint64-2 {
			r.bad = true
		}
		if r.bad {
			return epoch{}
		}
		e.spans = append(e.spans, span{first, last})
		least = last + 2
	}
	e.raise(0) // a damaged record may have a span that touches its floor
	return e
}
