package queue

import (
	"cmp"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"skerry/queue/slotlog"
)

// skipOrdinals is how far each session's ordinals jump after a loss of power. If the card lied about a flush, the
// packet ids of what it forgot may be known to receivers; they must not name other messages until PUBREL has freed
// them.
const skipOrdinals = 2048

// Recovery is what Open found.
type Recovery struct {
	Retained []*Message // the latest per topic, deletions applied, in log order
	Report   Report
}

// A Report says what replay met.
type Report struct {
	Unclean     bool // the last run did not close the log
	PowerLost   bool // and the kernel was started since: packet ids are skipped and swept
	Segments    int
	Records     int
	Messages    int
	TornBlocks  int      // of the last, unacknowledged group, cut off
	Damaged     int      // ranges in the middle that could not be read
	LostRecords uint64   // in them, as far as known
	Unknown     int      // records that this version does not know or cannot read
	Quarantined []string // copies of damaged slots
	Duration    time.Duration
}

// replay is the state of one pass over the log.
type replay struct {
	s        *Store
	report   Report
	retained map[string]retained
	marks    map[uint64][]mark // by session
	seen     map[uint64]*spans // ordinals, by session
	last     byte              // type of the last record
}

type retained struct {
	m *Message
	n int // order
}

// mark is where a session's first message in a segment is, and the highest ordinal it has there.
type mark struct {
	segment uint64
	at      slotlog.Position
	highest uint64
}

func (s *Store) recover() *Recovery {
	p := &replay{s: s, retained: map[string]retained{}, marks: map[uint64][]mark{}, seen: map[uint64]*spans{}}
	rep := s.log.Replay(p.record)
	s.boot = s.log.Boot()
	p.report.Segments, p.report.Records, p.report.TornBlocks = s.log.Segments(), rep.Records, rep.Torn
	p.report.Damaged, p.report.LostRecords = rep.Damaged, rep.Lost
	p.report.Unclean = rep.Records > 0 && p.last != recEnd
	if n := len(s.runs); p.report.Unclean && (n == 0 || !s.runs[n-1].known() || s.runs[n-1].id != s.o.Boot.ID) {
		p.report.PowerLost, s.skipped = true, true
		s.skip(skipOrdinals)
	}
	for _, x := range s.sessions {
		if rep.Damaged > 0 && x.second {
			x.sweepHoles(p.seen[x.number])
		}
		x.recovered(p.marks[x.number])
	}
	for _, segment := range rep.Segments {
		path, err := s.log.Quarantine(segment, filepath.Join(s.dir, "quarantine"))
		if err == nil && path != "" {
			p.report.Quarantined = append(p.report.Quarantined, path)
		}
	}
	return &Recovery{Retained: p.retainedMessages(), Report: p.report}
}

func (p *replay) retainedMessages() []*Message {
	all := slices.SortedFunc(maps.Values(p.retained), func(a, b retained) int { return cmp.Compare(a.n, b.n) })
	messages := make([]*Message, len(all))
	for i, r := range all {
		messages[i] = r.m
	}
	return messages
}

// record applies one record. What is unknown or malformed is counted: a record that must not be skipped would have
// raised the format.
func (p *replay) record(r slotlog.Record) {
	p.last = r.Type
	if !p.apply(r) && r.Type&skippable == 0 {
		p.report.Unknown++
	}
}

func (p *replay) apply(r slotlog.Record) bool {
	switch r.Type {
	case recMessage:
		return p.message(r)
	case recBatch:
		return p.batch(r)
	case recAcked:
		return p.acked(r.Body)
	case recReceived:
		return p.received(r.Body)
	case recRelease:
		return p.release(r.Body)
	case recSession, recSessionEnd:
		return p.session(r.Type, r.Body)
	case recPut, recDelete:
		return p.fact(r.Type, r.Body)
	case recBoot:
		return p.boot(r.Body)
	case recTime, recEnd:
		t, ok := decodeTime(r.Body)
		if ok {
			p.s.runs.note(r.Boot, t.at)
		}
		return ok
	}
	return false
}

// batch is all or nothing: it is looked through before any of it is applied.
func (p *replay) batch(r slotlog.Record) (ok bool) {
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
			whole = p.apply(part) && whole
		}
	}
	return whole
}

func (p *replay) message(r slotlog.Record) bool {
	m, ok := decodeMessage(r.Body, r.Boot)
	if !ok {
		return false
	}
	p.report.Messages++
	if m.boot == r.Boot {
		p.s.runs.note(r.Boot, m.at)
	}
	if m.flags&flagRetain != 0 {
		p.retain(&m)
	}
	if by := p.s.sessions[m.by.session]; by != nil {
		by.hold(m.by.packetID, held{logged: true})
	}
	for t := range m.eachTarget(nil) {
		p.used(t.session)
		if x := p.s.sessions[t.session]; x != nil {
			x.next = max(x.next, t.ordinal+1)
			x.second = x.second || t.flags&targetQoS == 2
			p.mark(t, r.At)
			p.see(t)
		}
	}
	return true
}

// used keeps the number of a session whose record was lost to damage from being given to another one.
func (p *replay) used(session uint64) {
	if session > p.s.sessionNumber.Load() && session < volatileNumber {
		p.s.sessionNumber.Store(session)
	}
}

func (p *replay) retain(m *messageRecord) {
	if len(m.payload) == 0 {
		delete(p.retained, string(m.topic))
		return
	}
	p.retained[string(m.topic)] = retained{m.message(), p.report.Messages}
}

func (p *replay) mark(t targetRecord, at slotlog.Position) {
	marks := p.marks[t.session]
	_, segment := p.s.log.FirstOfSegment(at)
	if n := len(marks); n > 0 && marks[n-1].segment == segment {
		marks[n-1].highest = max(marks[n-1].highest, t.ordinal)
		return
	}
	p.marks[t.session] = append(marks, mark{segment, at, t.ordinal})
}

func (p *replay) see(t targetRecord) {
	s := p.seen[t.session]
	if s == nil {
		s = new(spans)
		p.seen[t.session] = s
	}
	s.add(span{t.ordinal, t.ordinal + 1})
}

func (p *replay) acked(b []byte) bool {
	r, ok := decodeAcked(b)
	if x := p.s.sessions[r.session]; ok && x != nil {
		x.pulled, x.complete = r.base, r.above
		x.released.cutBelow(r.base)
		x.sweeps.cutBelow(r.base)
		x.next = max(x.next, r.base)
		if n := len(r.above); n > 0 {
			x.next = max(x.next, r.above[n-1].to)
		}
	}
	return ok
}

func (p *replay) received(b []byte) bool {
	r, ok := decodeRun(b)
	if x := p.s.sessions[r.session]; ok && x != nil {
		x.released.add(span{r.first, r.first + r.count})
	}
	return ok
}

func (p *replay) release(b []byte) bool {
	d := decoder{b: b}
	x := p.s.sessions[d.uvarint()]
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

func (p *replay) session(typ byte, b []byte) bool {
	if typ == recSession {
		r, ok := decodeSession(b)
		if ok {
			p.s.sessions[r.number] = newSession(p.s, r.number, true, r.o)
			p.used(r.number)
		}
		return ok
	}
	r, ok := decodeRun(b)
	if ok {
		delete(p.s.sessions, r.session)
		delete(p.marks, r.session)
		p.used(r.session)
	}
	return ok
}

func (p *replay) fact(typ byte, b []byte) bool {
	r, ok := decodeFact(b)
	switch {
	case !ok:
	case typ == recPut:
		p.s.setFact(r.space, string(r.key), slices.Clone(r.value))
	default:
		delete(p.s.facts[r.space], string(r.key))
	}
	return ok
}

func (p *replay) boot(b []byte) bool {
	r, ok := decodeBoot(b)
	if ok {
		p.s.runs = append(p.s.runs, run{boot: r.number, id: r.id, first: r.at, last: r.at})
		if r.flags&bootPowerLost != 0 {
			p.s.skip(r.skip)
		}
	}
	return ok
}

// skip leaves a hole in the ordinals of every session. Where QoS 2 is used, the hole is swept: PUBREL for each of
// its packet ids.
func (s *Store) skip(n uint64) {
	for _, x := range s.sessions {
		hole := span{x.next, x.next + min(n, uint64(x.o.PacketIDs.Count)/4)}
		x.next = hole.to
		if x.second {
			x.sweeps.add(hole)
		}
	}
}

// sweepHoles has PUBREL free the packet ids of deliveries whose message was lost to damage. They count as
// acknowledged, but the receiver may hold them.
func (x *Session) sweepHoles(seen *spans) {
	if seen == nil {
		return
	}
	for _, hole := range seen.gaps(x.pulled, x.next) {
		x.sweeps.add(hole)
	}
}

// recovered makes a session ready after replay: what is not acknowledged is read from the log, from the first
// segment that has any of it.
func (x *Session) recovered(marks []mark) {
	x.dupBelow, x.want = x.next, x.pulled
	x.next = max(x.next, x.pulled)
	if x.second {
		x.reuse = reuse{any: true, low: x.pulled, last: x.next}
	}
	for _, m := range marks {
		if m.highest >= x.pulled {
			x.spilled, x.cursor = true, m.at
			return
		}
	}
	x.pulled = max(x.pulled, x.firstSweep())
}

// firstSweep is the lowest ordinal that is to be swept, or the next one.
func (x *Session) firstSweep() uint64 {
	if len(x.sweeps) > 0 {
		return x.sweeps[0].from
	}
	return x.next
}
