package queue

import (
	"encoding/binary"
	"maps"
	"math"
	"slices"

	"skerry/queue/slotlog"
)

// The values of a checkpoint, and of recState. More fields may follow those that this version knows.

// What a recState record sets.
const (
	stateSession = 1
	stateJourney = 2
)

// Flags of a session's state.
const (
	sessionSecond = 0x01
	sessionHurt   = 0x02
	sessionDoubt  = 0x04
)

func (l load) append(dst []byte) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(dst, l.messages), l.bytes)
}

// append writes the reasons that occurred.
func (d *Drops) append(dst []byte) []byte {
	n := 0
	for _, count := range d {
		if count != 0 {
			n++
		}
	}
	dst = binary.AppendUvarint(dst, uint64(n))
	for why, count := range d {
		if count != 0 {
			dst = binary.AppendUvarint(binary.AppendUvarint(dst, uint64(why)), count)
		}
	}
	return dst
}

func (s spans) append(dst []byte, at uint64) []byte {
	return appendSpans(binary.AppendUvarint(dst, uint64(len(s))), at, s)
}

func (st Stamp) append(dst []byte) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(dst, uint64(st.Boot)), milliseconds(st.At))
}

// append writes everything but the marks: they belong to segments.
func (x *sessionState) append(dst []byte) []byte {
	r := sessionRecord{x.number, x.o}
	dst = r.append(dst)
	flags := byte(0)
	if x.second {
		flags |= sessionSecond
	}
	if x.hurt {
		flags |= sessionHurt
	}
	if x.doubt {
		flags |= sessionDoubt
	}
	dst = append(dst, flags)
	dst = binary.AppendUvarint(dst, x.base)
	dst = binary.AppendUvarint(dst, x.next)
	for _, s := range []spans{x.complete, x.received(), x.sweeps} {
		dst = s.append(dst, 0)
	}
	dst = binary.AppendUvarint(dst, uint64(len(x.held)))
	for _, id := range slices.Sorted(maps.Keys(x.held)) {
		dst = binary.AppendUvarint(dst, uint64(id))
	}
	dst = x.acked.append(x.logged.append(dst))
	return x.kept.append(x.drops.append(dst), 0)
}

// received is what PUBREC came for: an older version knows of nothing that is kept.
func (x *sessionState) received() spans {
	all := slices.Clone(x.released)
	for _, r := range x.kept {
		all.add(r)
	}
	return all
}

func decodeSessionState(b []byte) (*sessionState, bool) {
	d := decoder{b: b}
	r := d.session()
	x := newSessionState(r.number, r.o)
	flags := d.byte()
	x.second, x.hurt, x.doubt = flags&sessionSecond != 0, flags&sessionHurt != 0, flags&sessionDoubt != 0
	x.base, x.next = d.uvarint(), d.uvarint()
	x.complete, x.released, x.sweeps = d.spans(0), d.spans(0), d.spans(0)
	for n := d.uvarint(); n > 0 && !d.bad; n-- {
		x.hold(uint16(d.uvarint()))
	}
	x.logged, x.acked, x.drops = d.load(), d.load(), d.drops()
	if len(d.b) > 0 { // older versions write no more
		x.kept = d.spans(0)
	}
	for _, r := range x.kept {
		x.released.cut(r)
	}
	return x, !d.bad && r.number != 0 && r.number < volatileNumber && x.base != 0 && x.base <= x.next
}

// append writes what follows the session and the segment.
func (k *mark) append(dst []byte) []byte {
	for _, n := range []uint64{k.lowest, k.highest - k.lowest, k.count, k.bytes} {
		dst = binary.AppendUvarint(dst, n)
	}
	return binary.AppendUvarint(k.last.append(k.first.append(dst)), uint64(k.longest))
}

func decodeMark(segment uint64, b []byte) (mark, bool) {
	d := decoder{b: b}
	k := mark{segment: segment, lowest: d.uvarint()}
	k.highest = k.lowest + d.uvarint()
	k.count, k.bytes = d.uvarint(), d.uvarint()
	k.first, k.last = d.stamp(), d.stamp()
	if len(d.b) > 0 { // the first stores had no more
		k.longest = longest(min(d.uvarint(), math.MaxUint32+1))
	}
	return k, !d.bad && k.lowest != 0 && k.highest >= k.lowest && k.highest != 1<<64-1
}

const journeyDamaged = 0x01

func (j *journey) append(dst []byte) []byte {
	flags := byte(0)
	if j.damaged {
		flags |= journeyDamaged
	}
	dst = append(dst, flags, j.last)
	dst = binary.AppendUvarint(dst, uint64(j.boot))
	dst = binary.AppendUvarint(dst, j.session)
	dst = binary.AppendUvarint(dst, j.order)
	dst = binary.AppendUvarint(dst, uint64(len(j.runs)))
	for i := range j.runs {
		dst = j.runs[i].append(dst)
	}
	return dst
}

// Flags of a run.
const (
	runDated = 0x01
	runMoved = 0x02
)

func (u *run) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(u.boot))
	dst = append(dst, u.id[:]...)
	dst = binary.AppendUvarint(dst, milliseconds(u.first))
	dst = binary.AppendUvarint(dst, milliseconds(u.last))
	flags := byte(0)
	if u.moved {
		flags |= runMoved
	}
	if !u.dates.known {
		return append(dst, flags)
	}
	dst = binary.AppendVarint(append(dst, flags|runDated), u.dates.low.Milliseconds())
	return binary.AppendVarint(dst, u.dates.high.Milliseconds())
}

func decodeJourney(b []byte) (j journey, ok bool) {
	d := decoder{b: b}
	j.damaged = d.byte()&journeyDamaged != 0
	j.last, j.boot, j.session, j.order = d.byte(), uint32(d.uvarint()), d.uvarint(), d.uvarint()
	for n := d.uvarint(); n > 0 && !d.bad; n-- {
		j.runs = append(j.runs, d.run())
	}
	return j, !d.bad && j.session < volatileNumber
}

func (d *decoder) run() run {
	u := run{boot: uint32(d.uvarint())}
	copy(u.id[:], d.take(len(u.id)))
	u.first, u.last = d.millis(), d.millis()
	flags := d.byte()
	u.moved = flags&runMoved != 0
	if flags&runDated != 0 {
		u.dates = dates{true, d.date(), d.date()}
	}
	return u
}

// appendRetained writes a retained message, without targets.
func appendRetained(dst []byte, order uint64, boot uint32, m *messageRecord) []byte {
	dst = binary.AppendUvarint(dst, order)
	dst = binary.AppendUvarint(dst, uint64(boot))
	return append(dst, m.body...)
}

func decodeRetained(b []byte) (order uint64, boot uint32, m messageRecord, ok bool) {
	d := decoder{b: b}
	order, boot = d.uvarint(), uint32(d.uvarint())
	m, ok = decodeMessage(d.b, boot)
	return order, boot, m, ok && !d.bad && m.flags&flagRetain != 0
}

// applyState sets what a record of an import says.
func (g *image) applyState(b []byte) bool {
	d := decoder{b: b}
	switch d.byte() {
	case stateSession:
		x, ok := decodeSessionState(d.b)
		if ok {
			if old := g.find(x.number); old != nil {
				x.marks = old.marks
			}
			g.sessions[x.number] = x
			g.used(x.number)
		}
		return ok
	case stateJourney:
		j, ok := decodeJourney(d.b)
		if ok {
			j.last = g.last
			j.boot, j.session, j.order = max(j.boot, g.boot), max(j.session, g.session), max(j.order, g.order)
			g.journey = j
		}
		return ok
	}
	return false
}

// headState is what the head of a checkpoint says beside what it covers.
type headState struct {
	covered slotlog.Extent
	journey journey
}

func (st *headState) append(dst []byte) []byte {
	return st.journey.append(appendString(dst, appendExtent(nil, &st.covered)))
}

func decodeState(b []byte) (st headState, ok bool) {
	d := decoder{b: b}
	extent, whole := decodeExtent(d.bytes())
	j, ok := decodeJourney(d.b)
	return headState{extent, j}, ok && whole && !d.bad
}

func appendExtent(dst []byte, e *slotlog.Extent) []byte {
	for _, n := range []uint64{e.Segment, e.First.Chunk, uint64(e.First.Offset), e.End.Chunk, uint64(e.End.Offset), e.FirstSeq, e.NextSeq} {
		dst = binary.AppendUvarint(dst, n)
	}
	return dst
}

func decodeExtent(b []byte) (e slotlog.Extent, ok bool) {
	d := decoder{b: b}
	e.Segment = d.uvarint()
	e.First = slotlog.Position{Chunk: d.uvarint(), Offset: d.int()}
	e.End = slotlog.Position{Chunk: d.uvarint(), Offset: d.int()}
	e.FirstSeq, e.NextSeq = d.uvarint(), d.uvarint()
	return e, !d.bad
}
