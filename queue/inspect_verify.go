package queue

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"skerry/queue/checkpoint"
	"skerry/queue/slotlog"
)

// A Finding is one thing that Verify has found.
type Finding struct {
	Where string // file, or session
	What  string
	Bad   bool // damage of today; else only worth knowing
}

// Verified sums a verification up.
type Verified struct {
	Slots       int // files of the log
	Spares      int // of them
	Records     int // read
	Messages    int // of them
	Damaged     int // ranges that could not be read
	Lost        uint64
	Checkpoints int    // that could be read
	Deliveries  uint64 // that wait and were found in the log; only if the store is not in use
	Missing     uint64 // that wait and were not
	Live        bool   // the store was in use: deliveries were not counted
}

// Verify reads everything there is: each segment, checkpoint and, if the store is not running, each delivery that waits. It
// changes nothing and may be called beside everything else. An error is one of found, or the end of ctx.
func (s *Store) Verify(ctx context.Context, found func(Finding) error) (Verified, error) {
	s.pin()
	defer s.unpin()
	v := &verification{s: s, ctx: ctx, found: found, sum: Verified{Live: s.running.Load()}}
	for _, step := range []func() error{v.slots, v.checkpoints, v.log, v.deliveries, v.quarantine} {
		if err := step(); err != nil {
			return v.sum, err
		}
	}
	return v.sum, nil
}

type verification struct {
	s     *Store
	ctx   context.Context
	found func(Finding) error
	sum   Verified
	names map[uint64]string // slot of a segment
	seen  map[uint64]uint64 // deliveries that wait, by session
	owed  map[uint64]spans  // ordinals that wait, by session; nil: not looked for
}

func (v *verification) say(bad bool, where, format string, args ...any) error {
	return v.found(Finding{Where: where, What: fmt.Sprintf(format, args...), Bad: bad})
}

func (v *verification) slots() error {
	v.names = map[uint64]string{}
	known := map[string]bool{}
	for _, slot := range v.s.log.Slots() {
		known[slot.Name] = true
		v.names[slot.Segment] = slot.Name
		v.sum.Slots++
		if slot.Spare {
			v.sum.Spares++
		}
		if !slot.Header {
			if err := v.say(true, slot.Name, "its header, or the copy of it, is damaged"); err != nil {
				return err
			}
		}
	}
	names, err := v.s.checkpointer.fs.List(filepath.Join(v.s.dir, "log"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return v.say(true, "log", "cannot be listed: %v", err)
	}
	for _, name := range names {
		if !known[name] && !v.sum.Live { // a live log may be making it
			if err := v.say(false, name, "belongs to another store, or was never used; it is left alone"); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkpoints reads both files from one end to the other.
func (v *verification) checkpoints() error {
	c := &v.s.checkpointer
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.files {
		name := filepath.Base(c.files[i].name)
		h, err := checkpoint.Read(c.fs, c.files[i].name, nil)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case errors.Is(err, checkpoint.ErrUnfinished):
			err = v.say(false, name, "was begun and never finished, as on a full disk; it is not used and will be made again")
		case errors.Is(err, checkpoint.ErrUnreadable):
			err = v.say(true, name, "%v; it will be made again", err)
		case err != nil:
			err = v.say(true, name, "cannot be read: %v; it will be made again", err)
		case h.UUID != v.s.log.UUID():
			err = v.say(true, name, "belongs to another store; it is not used")
		default:
			v.sum.Checkpoints++
			err = v.say(false, name, "good; covers the log up to segment %d", h.Covered)
		}
		if err != nil {
			return err
		}
	}
	if v.sum.Checkpoints == 0 && v.s.incomplete() {
		return v.say(true, "checkpoints", "there is none that can be used, and parts of the log are gone: sessions and retained messages that only checkpoints held are lost")
	}
	return nil
}

// log reads all segments in order.
func (v *verification) log() (failed error) {
	v.expect()
	r := v.s.log.NewReader()
	defer r.Close()
	end := v.s.log.End()
	damaged, lost, last := 0, uint64(0), slotlog.Position{}
	note := func(segment uint64, to slotlog.Position) {
		if r.Damaged > damaged {
			failed = v.say(true, v.slotOf(r, segment), "damaged: nothing could be read from chunk %d to %d; %s missing, as far as known",
				last.Chunk, to.Chunk, records(r.Lost-lost))
			damaged, lost = r.Damaged, r.Lost
		}
	}
	r.Read(v.s.log.Start(), func(rec slotlog.Record) bool {
		if !rec.At.Before(end) {
			return false
		}
		note(rec.Segment, rec.At)
		last = rec.At
		if v.sum.Records++; v.sum.Records%1024 == 0 && v.ctx.Err() != nil {
			failed = context.Cause(v.ctx)
		}
		eachMessage(rec, v.message)
		return failed == nil
	})
	if failed == nil {
		note(0, end)
	}
	v.sum.Damaged, v.sum.Lost = r.Damaged, r.Lost
	return failed
}

func records(n uint64) string {
	if n == 1 {
		return "1 record is"
	}
	return fmt.Sprintf("%d records are", n)
}

// slotOf names the slot of the damage that was met last.
func (v *verification) slotOf(r *slotlog.Reader, segment uint64) string {
	if hurt := r.DamagedSegments(); len(hurt) > 0 {
		segment = hurt[len(hurt)-1]
	}
	if name := v.names[segment]; name != "" {
		return name
	}
	return fmt.Sprintf("segment %d", segment)
}

// expect notes what waits. In a store that is running it changes too fast to be compared.
func (v *verification) expect() {
	if v.sum.Live {
		return
	}
	v.owed, v.seen = map[uint64]spans{}, map[uint64]uint64{}
	for x := range v.s.Sessions() {
		x.mu.Lock()
		var owed spans
		if x.spilled {
			for g := range x.unread(x.want, x.next) {
				owed.add(g)
			}
		}
		x.mu.Unlock()
		v.owed[x.number] = owed
	}
}

func (v *verification) message(m *messageRecord) {
	v.sum.Messages++
	for t := range m.eachTarget(nil) {
		if v.owed[t.session].has(t.ordinal) {
			v.seen[t.session]++
		}
	}
}

// deliveries compares what waits with what was found. Of a session that was hurt by damage before it is not known exactly
// what waits.
func (v *verification) deliveries() error {
	for x := range v.s.Sessions() {
		if v.sum.Live {
			break
		}
		x.mu.Lock()
		waiting, hurt := x.load.messages, x.hurt
		messages, _ := x.inMemory()
		x.mu.Unlock()
		seen := v.seen[x.number] + messages
		v.sum.Deliveries += seen
		if seen >= waiting {
			continue
		}
		v.sum.Missing += waiting - seen
		if err := v.say(!hurt, fmt.Sprintf("session %d", x.number), "%d of %d messages that wait are not in the log", waiting-seen, waiting); err != nil {
			return err
		}
	}
	return nil
}

// quarantine tells what was set aside before.
func (v *verification) quarantine() error {
	names, err := v.s.checkpointer.fs.List(filepath.Join(v.s.dir, "quarantine"))
	if err != nil {
		return nil // there is none
	}
	slices.Sort(names)
	for _, name := range names {
		if err := v.say(false, filepath.Join("quarantine", name), "the copy of a slot that was damaged before"); err != nil {
			return err
		}
	}
	return nil
}
