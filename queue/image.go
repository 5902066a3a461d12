package queue

import (
	"slices"

	"skerry/queue/slotlog"
)

// image is what the log says up to some record: a pure result of the records, in order, with no live session in it.
// Open builds the store from one; a checkpoint is one on the disk.
type image struct {
	sessions map[uint64]*sessionState
	fetch    func(number uint64) *sessionState // finds sessions that are not in the map yet; nil: all are
	fetchAll func()
	keep     keeper
	segment  uint64        // that is being replayed
	at       messageRecord // the last message that is retained: one place for all

	journey
	messages int // applied by this image
	unknown  int
}

// journey is what the log says of the store as a whole.
type journey struct {
	runs    runs
	boot    uint32 // the highest number of an Open
	session uint64 // the highest number ever given to a session
	order   uint64 // messages so far: the order of retained ones
	last    byte   // type of the last record
	damaged bool   // something was lost since all packet ids were last skipped
}

// keeper holds what an image does not look into: facts and retained messages.
type keeper interface {
	putFact(space byte, key string, value []byte)
	deleteFact(space byte, key string)
	retain(order uint64, boot uint32, m *messageRecord)
	unretain(topic []byte)
}

func newImage(k keeper) *image {
	return &image{sessions: map[uint64]*sessionState{}, keep: k}
}

// replay applies what read yields.
func (g *image) replay(read func(yield func(slotlog.Record)) slotlog.Replayed) slotlog.Replayed {
	gaps := 0
	rep := read(func(r slotlog.Record) {
		if r.Gap {
			gaps++
			g.hurt()
		}
		g.segment = r.Segment
		g.record(r)
	})
	if rep.Damaged > gaps { // at the very end
		g.hurt()
	}
	return rep
}

// record applies one record. What is unknown or malformed is counted: a record that must not be skipped would have
// raised the format.
func (g *image) record(r slotlog.Record) {
	g.last, g.boot = r.Type, max(g.boot, r.Boot)
	if !g.apply(r) && r.Type&skippable == 0 {
		g.unknown++
	}
}

func (g *image) apply(r slotlog.Record) bool {
	switch r.Type {
	case recMessage:
		return g.message(r)
	case recBatch:
		return g.batch(r)
	case recAcked:
		return g.acked(r.Body)
	case recReceived:
		return g.received(r.Body)
	case recTaken:
		return g.taken(r.Body)
	case recRelease:
		return g.release(r.Body)
	case recSession, recSessionEnd:
		return g.applySession(r.Type, r.Body)
	case recPut, recDelete:
		return g.fact(r.Type, r.Body)
	case recBoot:
		return g.applyBoot(r.Body)
	case recTime, recEnd:
		t, ok := decodeTime(r.Body)
		if ok {
			g.runs.noteTime(r.Boot, t)
		}
		return ok
	case recState:
		return g.applyState(r.Body)
	}
	return false
}

// batch is all or nothing: it is looked through before any of it is applied.
func (g *image) batch(r slotlog.Record) (ok bool) {
	for range eachRecord(r.Body, &ok) {
		continue
	}
	if !ok {
		return false
	}
	whole := true
	for typ, body := range eachRecord(r.Body, &ok) {
		if typ != recBatch {
			part := r
			part.Type, part.Body = typ, body
			whole = g.apply(part) && whole
		}
	}
	return whole
}

func (g *image) message(r slotlog.Record) bool {
	m, ok := decodeMessage(r.Body, r.Boot) // on the stack: a checkpoint reads as many as are published
	if !ok {
		return false
	}
	g.messages++
	g.order++
	if m.boot == r.Boot {
		g.runs.note(r.Boot, m.at)
	}
	switch {
	case m.flags&flagRetain == 0:
	case len(m.payload) == 0:
		g.keep.unretain(m.topic)
	default:
		g.at = m
		g.keep.retain(g.order, r.Boot, &g.at)
	}
	if m.by.session != 0 {
		if by := g.find(m.by.session); by != nil {
			by.hold(m.by.packetID)
		}
	}
	for t := range m.eachTarget(nil) {
		g.used(t.session)
		if x := g.find(t.session); x != nil {
			x.owe(g.segment, &m, &t)
		}
	}
	return true
}

// used keeps the number of a session whose record was lost to damage from being given to another one.
func (g *image) used(session uint64) {
	if session < volatileNumber {
		g.session = max(g.session, session)
	}
}

func (g *image) find(number uint64) *sessionState {
	x, ok := g.sessions[number]
	if !ok && g.fetch != nil {
		x = g.fetch(number)
		g.sessions[number] = x // nil too: it is looked for once
	}
	return x
}

func (g *image) acked(b []byte) bool {
	r, ok := decodeAcked(b)
	if x := g.find(r.session); ok && x != nil {
		x.acknowledge(&r)
	}
	return ok
}

func (g *image) received(b []byte) bool {
	r, bytes, what, ok := decodeReceived(b)
	if x := g.find(r.session); ok && x != nil {
		x.receive(span{r.first, r.first + r.count}, bytes, what)
	}
	return ok
}

func (g *image) taken(b []byte) bool {
	r, bytes, _, ok := decodeReceived(b)
	if x := g.find(r.session); ok && x != nil {
		x.take(span{r.first, r.first + r.count}, bytes)
	}
	return ok
}

func (g *image) release(b []byte) bool {
	d := decoder{b: b}
	x := g.find(d.uvarint())
	if x == nil || d.bad {
		return !d.bad
	}
	if len(d.b) == 0 {
		x.held = nil
	}
	for len(d.b) > 0 {
		delete(x.held, uint16(d.uvarint()))
	}
	return !d.bad
}

func (g *image) applySession(typ byte, b []byte) bool {
	if typ == recSession {
		r, ok := decodeSession(b)
		if ok {
			g.sessions[r.number] = newSessionState(r.number, r.o)
			g.used(r.number)
		}
		return ok
	}
	r, ok := decodeRun(b)
	if ok {
		g.sessions[r.session] = nil
		g.used(r.session)
	}
	return ok
}

func (g *image) fact(typ byte, b []byte) bool {
	r, ok := decodeFact(b)
	switch {
	case !ok:
	case typ == recPut:
		g.keep.putFact(r.space, string(r.key), slices.Clone(r.value))
	default:
		g.keep.deleteFact(r.space, string(r.key))
	}
	return ok
}

func (g *image) applyBoot(b []byte) bool {
	r, ok := decodeBoot(b)
	if ok {
		g.runs = append(g.runs, run{boot: r.number, id: r.id, first: r.at, last: r.at, moved: r.flags&bootMoved != 0})
		g.runs.prune()
		if r.flags&bootPowerLost != 0 {
			g.skip(r.skip)
		}
	}
	return ok
}

// skip leaves a hole in the ordinals of every session. Where QoS 2 is used, the hole is swept: PUBREL for each of its
// packet ids.
func (g *image) skip(n uint64) {
	g.damaged = false
	g.each(func(x *sessionState) { x.skip(n) })
}

// hurt takes note that records were lost here: what they said is unknown.
func (g *image) hurt() {
	g.damaged = true
	g.each(func(x *sessionState) { x.hurt = true })
}

func (g *image) each(f func(*sessionState)) {
	if g.fetchAll != nil {
		g.fetchAll()
	}
	for _, x := range g.sessions {
		if x != nil {
			f(x)
		}
	}
}
