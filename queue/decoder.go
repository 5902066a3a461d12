package queue

import (
	"encoding/binary"
	"math"
	"time"
)

// decoder takes fields off the front of b; once something is missing, bad stays set and all fields are zero.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) take(n int) []byte {
	if n < 0 || n > len(d.b) {
		d.b, d.bad = nil, true
		return nil
	}
	p := d.b[:n]
	d.b = d.b[n:]
	return p
}

func (d *decoder) byte() byte {
	if p := d.take(1); p != nil {
		return p[0]
	}
	return 0
}

func (d *decoder) uvarint() uint64 {
	if len(d.b) > 0 && d.b[0] < 0x80 { // most are small
		v := d.b[0]
		d.b = d.b[1:]
		return uint64(v)
	}
	return d.largeUvarint()
}

func (d *decoder) largeUvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.b, d.bad = nil, true
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.b, d.bad = nil, true
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) int() int { return int(min(d.uvarint(), math.MaxInt32)) }

func (d *decoder) bytes() []byte {
	n := d.uvarint()
	if n > uint64(len(d.b)) {
		n = math.MaxInt32
	}
	return d.take(int(n))
}

// uvarints takes n of them, undecoded.
func (d *decoder) uvarints(n uint64) []byte {
	b := d.b
	for ; n > 0 && !d.bad; n-- {
		d.uvarint()
	}
	return b[:len(b)-len(d.b)]
}

func (d *decoder) millis() time.Duration {
	const most = math.MaxInt64 / uint64(time.Millisecond)
	return time.Duration(min(d.uvarint(), most)) * time.Millisecond
}

// span is a run that does not begin below `at`.
func (d *decoder) span(at uint64) span {
	s := span{from: at + d.uvarint()}
	s.to = s.from + d.uvarint()
	if s.from < at || s.to <= s.from {
		d.b, d.bad = nil, true
	}
	return s
}

// spans takes a number of runs, and those.
func (d *decoder) spans(at uint64) (all spans) {
	for n := d.uvarint(); n > 0 && !d.bad; n-- {
		s := d.span(at)
		all = append(all, s)
		at = s.to
	}
	return all
}

func (d *decoder) load() load { return load{d.uvarint(), d.uvarint()} }

// drops takes pairs of a reason and a number. Reasons of a later version are left out.
func (d *decoder) drops() (all Drops) {
	for n := d.uvarint(); n > 0 && !d.bad; n-- {
		why, count := d.uvarint(), d.uvarint()
		if why < reasons {
			all[why] = count
		}
	}
	return all
}

func (d *decoder) stamp() Stamp { return Stamp{uint32(d.uvarint()), d.millis()} }

// date takes milliseconds before or after 1970.
func (d *decoder) date() time.Duration {
	const most = 1 << 43
	v := d.varint()
	if v < -most || v > most {
		d.b, d.bad = nil, true
		return 0
	}
	return time.Duration(v) * time.Millisecond
}
