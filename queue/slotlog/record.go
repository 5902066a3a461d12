package slotlog

import "encoding/binary"

// A Position is where a record starts, or where the next one will.
type Position struct {
	Chunk  uint64
	Offset int
}

// Before orders positions.
func (p Position) Before(q Position) bool {
	return p.Chunk < q.Chunk || p.Chunk == q.Chunk && p.Offset < q.Offset
}

// A Record as a Reader gives it. Body is only valid until the next one.
type Record struct {
	Type byte
	Body []byte
	At   Position
	Boot uint32 // number of the Open that wrote it

	Segment uint64
	Gap     bool // something could not be read between the record before and this one
}

// A Group collects records for one commit. Records are numbered in order through the whole log.
type Group struct {
	buf    []byte
	starts []int
}

// Append adds a record. Type 0 is not a record.
func (g *Group) Append(typ byte, body []byte) {
	g.starts = append(g.starts, len(g.buf))
	g.buf = AppendRecord(g.buf, typ, body)
}

// Len is the number of records.
func (g *Group) Len() int { return len(g.starts) }

// Reset empties the group and keeps its memory, unless it is unusually large.
func (g *Group) Reset() {
	const keep = 1 << 20
	if cap(g.buf) > keep {
		g.buf, g.starts = nil, nil
	}
	g.buf, g.starts = g.buf[:0], g.starts[:0]
}

// AppendRecord frames a record: type, length, body.
func AppendRecord(dst []byte, typ byte, body []byte) []byte {
	dst = append(dst, typ)
	dst = binary.AppendUvarint(dst, uint64(len(body)))
	return append(dst, body...)
}

type framing int

const (
	whole framing = iota
	short         // the rest is in the next chunk
	bad
)

// CutRecord takes the first record off b. ok is false if b does not begin with a whole record.
func CutRecord(b []byte) (typ byte, body, rest []byte, ok bool) {
	typ, body, n, f := cut(b, len(b))
	if f != whole {
		return 0, nil, nil, false
	}
	return typ, body, b[n:], true
}

// cut looks at the record at the beginning of b; n is its framed length. A body longer than limit is not believed.
func cut(b []byte, limit int) (typ byte, body []byte, n int, f framing) {
	if len(b) == 0 {
		return 0, nil, 0, short
	}
	if b[0] == 0 {
		return 0, nil, 0, bad
	}
	size, k := binary.Uvarint(b[1:])
	switch {
	case k == 0 && len(b) > binary.MaxVarintLen64 || k < 0 || size > uint64(limit):
		return 0, nil, 0, bad
	case k == 0 || uint64(len(b)-1-k) < size:
		return 0, nil, 0, short
	}
	n = 1 + k + int(size)
	return b[0], b[1+k : n], n, whole
}
