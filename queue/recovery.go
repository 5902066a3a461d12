package queue

import (
	"cmp"
	"maps"
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
	Lied        bool // the checkpoint, or later blocks, know of more than there is: the disk confirmed a flush that it did not do
	Segments    int
	Records     int      // replayed: those after the checkpoint
	Messages    int      // of them
	TornBlocks  int      // of the last, unacknowledged group, cut off
	Damaged     int      // ranges in the middle that could not be read
	LostRecords uint64   // in them, as far as known
	Unknown     int      // records that this version does not know or cannot read
	Quarantined []string // copies of damaged slots
	Duration    time.Duration

	Checkpoint            string   // the file that was used; "": the whole log was replayed
	Covered               uint64   // the last segment it covers
	UnreadableCheckpoints []string // files that could not be used, and why; they are made again
	Forgotten             bool     // none could be used, and the log lacks segments: what only checkpoints held is lost
}

// contents keeps facts and retained messages in memory.
type contents struct {
	facts    map[byte]map[string][]byte
	retained map[string]retained
}

type retained struct {
	m     *Message
	order uint64
}

func newContents() *contents {
	return &contents{facts: map[byte]map[string][]byte{}, retained: map[string]retained{}}
}

func (c *contents) putFact(space byte, key string, value []byte) {
	if c.facts[space] == nil {
		c.facts[space] = map[string][]byte{}
	}
	c.facts[space][key] = value
}

func (c *contents) deleteFact(space byte, key string) { delete(c.facts[space], key) }

func (c *contents) retain(order uint64, _ uint32, m *messageRecord) {
	c.retained[string(m.topic)] = retained{m.message(), order}
}

func (c *contents) unretain(topic []byte) { delete(c.retained, string(topic)) }

// messages are the retained ones in log order.
func (c *contents) messages() []*Message {
	all := slices.SortedFunc(maps.Values(c.retained), func(a, b retained) int { return cmp.Compare(a.order, b.order) })
	messages := make([]*Message, len(all))
	for i, r := range all {
		messages[i] = r.m
	}
	return messages
}

// recover replays what the checkpoint does not cover, and builds the sessions.
func (s *Store) recover(from *loaded, report Report) *Recovery {
	g := from.image
	rep := s.replay(g, report.Covered+1)
	report.Segments, report.Records, report.TornBlocks = s.log.Segments(), rep.Records, rep.Torn
	report.Damaged, report.LostRecords = rep.Damaged, rep.Lost
	report.Forgotten = report.Checkpoint == "" && s.incomplete()
	if _, first := s.log.FirstOfSegment(s.log.Start()); report.Checkpoint == "" && first > 1 {
		report.Damaged++ // what was freed was in the checkpoints only
		g.hurt()
	}
	report.Messages, report.Unknown = g.messages, g.unknown
	if report.Lied = s.log.Lied(); report.Lied {
		g.hurt()
	}
	report.Unclean = g.last != 0 && g.last != recEnd
	n := len(g.runs)
	otherKernel := n == 0 || !g.runs[n-1].known() || g.runs[n-1].id != s.o.Boot.ID
	report.PowerLost = report.Unclean && otherKernel
	if report.PowerLost || report.Lied || g.damaged {
		s.skipped = true
		g.skip(skipOrdinals)
	}
	s.boot = s.log.Boot()
	s.runs, s.facts = g.runs, from.contents.facts
	s.sessionNumber.Store(g.session)
	for _, x := range g.sessions {
		if x != nil {
			s.sessions[x.number] = s.build(x)
		}
	}
	s.shareOffline()
	if sealed := s.log.Sealed(); len(sealed) > 0 {
		s.marked.Store(sealed[len(sealed)-1].Segment)
	}
	for _, n := range rep.Segments {
		if path := s.setAside(n); s.damage.first(n) && path != "" {
			report.Quarantined = append(report.Quarantined, path)
		}
	}
	s.damaged.Store(uint64(report.Damaged))
	s.lostRecords.Store(rep.Lost)
	s.lied.Store(report.Lied)
	return &Recovery{Retained: from.contents.messages(), Report: report}
}

// incomplete tells whether the log lacks segments: they were freed, and what was in them is in the checkpoints only; or a slot is gone.
func (s *Store) incomplete() bool {
	_, last := s.log.FirstOfSegment(s.log.End())
	return uint64(s.log.Segments()) < last
}

// replay applies the log from a segment on.
func (s *Store) replay(g *image, from uint64) slotlog.Replayed {
	return g.replay(func(yield func(slotlog.Record)) slotlog.Replayed { return s.log.ReplayFrom(from, yield) })
}

// build makes a live session. What is not acknowledged is read from the log, from the first segment that has any of
// it. Where only PUBREL is left, the message is not needed any more: its segment may be gone.
func (s *Store) build(st *sessionState) *Session {
	x := newSession(s, st.number, true, st.o)
	x.next, x.pulled, x.want, x.dupBelow = st.next, st.base, st.base, st.next
	x.complete, x.released, x.kept = st.complete, st.released, st.kept
	x.base, x.second, x.hurt, x.doubt = st.base, st.second, st.hurt, st.doubt
	for id := range st.held {
		x.hold(id, held{logged: true})
	}
	x.logged = st.logged
	if drops := st.drops; drops != (Drops{}) {
		x.drops = &drops
	}
	x.full.drops = st.drops.byLimits()
	x.load = st.logged
	x.load.sub(st.acked)
	x.cleared = st.cleared()
	x.marks = slices.DeleteFunc(st.marks, func(k mark) bool { return !k.needed(&x.cleared) })
	x.missKept()
	for _, r := range x.released {
		for _, left := range st.complete.gaps(max(r.from, st.base), r.to) {
			x.sweeps.add(left)
		}
	}
	x.reuse.base, _ = x.complete.gap(x.pulled)
	due, again := st.sweep()
	for _, s := range due {
		x.sweeps.add(s)
	}
	for _, s := range again { // complete, but no restart knows yet that its packet id may be used
		x.complete.add(s)
	}
	if x.second {
		x.reuse.any, x.reuse.low, x.reuse.last = true, x.reuse.base, x.next
	}
	if len(x.marks) > 0 {
		x.spilled = true
		x.cursor, _ = s.log.FirstOf(x.marks[0].segment)
		return x
	}
	if x.hurt {
		x.sweepGaps(x.pulled, x.next)
	}
	x.pulled = max(x.pulled, x.firstSweep())
	return x
}

// sweepGaps has PUBREL free the packet ids of deliveries whose message was lost to damage. They count as
// acknowledged, but the receiver may hold them.
func (x *Session) sweepGaps(from, to uint64) {
	if !x.second {
		return
	}
	for _, gap := range x.complete.gaps(from, min(to, x.dupBelow)) {
		x.sweeps.add(gap)
	}
}

// sweepDoubt comes before the first message of a session: PUBREL frees the packet ids that were skipped.
func (x *Session) sweepDoubt() {
	turn := x.o.lastTurn(x.next)
	x.doubt, x.complete, x.pulled = false, nil, turn.from
	x.sweeps.add(turn)
}

// firstSweep is the lowest ordinal that is to be swept, or the next one.
func (x *Session) firstSweep() uint64 {
	if len(x.sweeps) > 0 {
		return x.sweeps[0].from
	}
	return x.next
}
