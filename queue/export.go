package queue

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"maps"
	"slices"
	"time"

	"skerry/queue/slotlog"
)

// ErrDamaged: the log has damage, so an export is not all that there was.
var ErrDamaged = errors.New("part of the store could not be read; the export holds the rest")

// Export gives the content of the store as lines of JSON, each with its end: facts, sessions with the state of their
// deliveries, the messages they are owed, retained messages. It is what the disk holds at this moment, as a restart
// would find it, pending things included; what is published meanwhile is not in it. final says that the store does not go
// on: whoever imports it then uses the very packet ids that come next; otherwise ids that may be used here until then are
// freed first. Messages hold what people wrote: handle it as the store itself. An error of emit ends it; ErrDamaged comes
// when all is through.
func (s *Store) Export(ctx context.Context, final bool, emit func(line []byte) error) (Counts, error) {
	s.pin()
	defer s.unpin()
	if err := s.commit(); err != nil { // acknowledgements that wait would be repeated
		return Counts{}, err
	}
	e := &export{s: s, ctx: ctx, emit: emit, sum: sha256.New()}
	if err := e.load(); err != nil {
		return Counts{}, err
	}
	err := e.write(final)
	if err == nil && e.damaged {
		err = ErrDamaged
	}
	return e.counts, err
}

type export struct {
	s       *Store
	ctx     context.Context
	emit    func([]byte) error
	end     slotlog.Position // what is behind it was committed later
	g       *loaded
	cleared map[uint64]cleared // by session
	damaged bool

	sum    hash.Hash
	lines  int
	counts Counts
}

// load makes an image beside the live store: the newest checkpoint, and what the log says since.
func (e *export) load() error {
	if err := e.loadCheckpoint(); err != nil {
		return err
	}
	from := e.s.log.Start()
	if covered := e.g.state.covered.Segment; covered > 0 {
		from, _ = e.s.log.FirstOf(covered + 1)
	}
	var failed error
	e.g.replay(func(yield func(slotlog.Record)) slotlog.Replayed {
		rep, err := e.read(from, yield)
		failed = err
		return rep
	})
	e.cleared = map[uint64]cleared{}
	for number, x := range e.g.sessions {
		if x != nil {
			e.cleared[number] = x.cleared()
		}
	}
	return failed
}

// loadCheckpoint takes the newest checkpoint that can be read. The end of the log is looked for in the same moment: a later
// checkpoint would know what is behind it.
func (e *export) loadCheckpoint() error {
	c := &e.s.checkpointer
	c.mu.Lock()
	defer c.mu.Unlock()
	older, newer := c.order()
	e.end = e.s.log.End()
	var errs []error
	for _, f := range []*checkpointFile{newer, older} {
		if !f.good {
			continue
		}
		g, err := c.load(f.name)
		if err == nil {
			e.g = g
			return nil
		}
		errs = append(errs, fmt.Errorf("read the checkpoint %s: %w", f.name, err))
	}
	e.g = newLoaded()
	return errors.Join(errs...)
}

// read gives the records from a position to the end.
func (e *export) read(from slotlog.Position, yield func(slotlog.Record)) (rep slotlog.Replayed, err error) {
	r := e.s.log.NewReader()
	defer r.Close()
	r.Read(from, func(rec slotlog.Record) bool {
		if !rec.At.Before(e.end) {
			return false
		}
		if rep.Records++; rep.Records%1024 == 0 && e.ctx.Err() != nil {
			err = context.Cause(e.ctx)
			return false
		}
		yield(rec)
		return true
	})
	rep.Damaged, rep.Lost, rep.Segments = r.Damaged, r.Lost, r.DamagedSegments()
	e.damaged = e.damaged || r.Damaged > 0
	return rep, err
}

// write gives all lines in their order.
func (e *export) write(final bool) error {
	skip := !final || e.g.damaged || e.s.skipped
	if err := e.line(exportLine{Head: &exportHead{Version: exportVersion, Skip: skip}}); err != nil {
		return err
	}
	if err := e.line(exportLine{Store: exportStoreOf(e.journey())}); err != nil {
		return err
	}
	for _, part := range []func() error{e.writeFacts, e.writeSessions, e.writeMessages, e.writeRetained} {
		if err := part(); err != nil {
			return err
		}
	}
	return e.line(exportLine{End: &exportEnd{Counts: e.counts, Lines: e.lines, SHA256: hex.EncodeToString(e.sum.Sum(nil)), Damaged: e.damaged}})
}

// journey ends with this very moment, so that the time until now counts in ages.
func (e *export) journey() *journey {
	j := e.g.journey
	j.runs = slices.Clone(j.runs)
	j.boot = max(j.boot, e.s.boot)
	now := e.s.Now().At
	if n := len(j.runs); n > 0 && j.runs[n-1].boot == e.s.boot {
		j.runs[n-1].last = max(j.runs[n-1].last, now)
	} else {
		j.runs = append(j.runs, run{boot: e.s.boot, id: e.s.o.Boot.ID, first: e.s.opened, last: now})
	}
	return &j
}

func (e *export) line(l exportLine) error {
	if e.ctx.Err() != nil {
		return context.Cause(e.ctx)
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(l); err != nil {
		return err
	}
	e.sum.Write(b.Bytes())
	e.lines++
	return e.emit(b.Bytes())
}

func (e *export) writeFacts() error {
	for _, space := range slices.Sorted(maps.Keys(e.g.contents.facts)) {
		facts := e.g.contents.facts[space]
		for _, key := range slices.Sorted(maps.Keys(facts)) {
			if err := e.line(exportLine{Fact: &exportFact{space, text(key), facts[key]}}); err != nil {
				return err
			}
			e.counts.Facts++
		}
	}
	return nil
}

func (e *export) writeSessions() error {
	for _, number := range slices.Sorted(maps.Keys(e.cleared)) {
		if err := e.line(exportLine{Session: exportSessionOf(e.g.sessions[number])}); err != nil {
			return err
		}
		e.counts.Sessions++
	}
	return nil
}

// writeMessages reads the log once more, for the messages that somebody is owed.
func (e *export) writeMessages() error {
	var failed error
	_, err := e.read(e.s.log.Start(), func(rec slotlog.Record) {
		eachMessage(rec, func(m *messageRecord) {
			if failed != nil {
				return
			}
			if l := exportMessageOf(m, e.age(m), e.owed); len(l.To) > 0 {
				failed = e.line(exportLine{Message: l})
				e.counts.Messages++
			}
		})
	})
	return errors.Join(failed, err)
}

// owed tells whether a session needs the message still.
func (e *export) owed(t *targetRecord) bool {
	c, ok := e.cleared[t.session]
	return ok && t.ordinal >= c.below && !c.above.has(t.ordinal)
}

func (e *export) age(m *messageRecord) time.Duration { return e.s.Since(Stamp{m.boot, m.at}) }

func (e *export) writeRetained() error {
	for _, m := range e.g.contents.messages() {
		body := appendMessage(nil, m, from{}, nil, m.Stamp.Boot)
		r, ok := decodeMessage(body, m.Stamp.Boot)
		if !ok {
			return fmt.Errorf("the retained message of %q cannot be encoded", m.TopicName)
		}
		if err := e.line(exportLine{Retained: exportMessageOf(&r, e.age(&r), func(*targetRecord) bool { return false })}); err != nil {
			return err
		}
		e.counts.Retained++
	}
	return nil
}
