package queue

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"skerry/queue/checkpoint"
	"skerry/queue/slotlog"
	"skerry/queue/vfs"
)

// checkpointer advances the checkpoints by replaying sealed segments from the disk, and frees what both of them cover
// and nobody is owed. It shares no lock with those who publish and deliver.
type checkpointer struct {
	s    *Store
	fs   vfs.FS
	kick chan struct{} // a segment was sealed, or a mark is not needed any more

	halted   atomic.Bool // Run is about to return
	idleTurn atomic.Bool // the last turn of poll found that nothing is to be done
	failing  atomic.Bool // the last one could not be written

	mu      sync.Mutex // one turn at a time; guards the following
	files   [2]checkpointFile
	ballast ballast
	alone   bool      // the store was opened without a checkpoint, and none was made since: the log has all that it holds
	news    *news     // what the file that was written last has learned; nil: nothing that is worth keeping
	backlog bool      // there was one that is worth giving the second spare back
	drained bool      // and nothing of it is left
	flushes uint64    // of the log, when it was last looked at
	moved   time.Time // when it had changed
}

// checkpointFile is one of the two.
type checkpointFile struct {
	name    string
	good    bool // it could be read and is of this log
	uuid    slotlog.UUID
	covered uint64 // the last segment in it
	written time.Time
	flushes uint64 // of the log, when it was written
}

const (
	// Before the newer file has stood for so long, or so many flushes, the older one is not touched: a disk that lies
	// about flushes must not be able to lose both.
	settleTime    = 2 * time.Second
	settleFlushes = 16
	// idleTime without a commit makes it worth an extra checkpoint to give a single segment back.
	idleTime = 2 * time.Second
	// atOnce bounds what one transaction holds in memory.
	atOnce = 8
)

func (c *checkpointer) init(s *Store, fs vfs.FS) {
	c.s, c.fs, c.kick = s, fs, make(chan struct{}, 1)
	for i, name := range []string{"ckpt-a.db", "ckpt-b.db"} {
		c.files[i] = checkpointFile{name: filepath.Join(s.dir, name)}
	}
}

// run takes a turn whenever there may be something to do.
func (c *checkpointer) run(ctx context.Context) {
	c.halted.Store(false)
	defer context.AfterFunc(ctx, func() { c.halted.Store(true) })()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.kick:
		case <-timer.C:
		}
		if again := c.turn(); again > 0 {
			timer.Reset(again)
		}
	}
}

// poll is for those who have no goroutine for run: it takes a turn if the last one was not the last, or something
// happened since.
func (c *checkpointer) poll() {
	select {
	case <-c.kick:
	default:
		if c.idleTurn.Load() {
			return
		}
	}
	c.idleTurn.Store(c.turn() == 0)
}

// turn does what can be done now. It returns after how long there will be more to do; 0: only when something happens.
func (c *checkpointer) turn() (again time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.s.Err() != nil {
		return 0
	}
	for range 2 {
		c.free()
		sealed := c.s.log.Sealed()
		if len(sealed) == 0 {
			c.ballast.take()
			return 0
		}
		wait, worth := c.worth(sealed)
		if !worth || wait > 0 {
			c.ballast.take()
			return wait
		}
		if !c.advance(sealed) {
			return 0
		}
	}
	c.free()
	return settleTime
}

// worth tells whether the older file should be advanced now, or after a while.
func (c *checkpointer) worth(sealed []slotlog.Extent) (wait time.Duration, worth bool) {
	last := sealed[len(sealed)-1].Segment
	older, newer := c.order()
	if older.good && older.covered >= last {
		return 0, false
	}
	idle := c.idle()
	if newer.good && newer.covered >= last && older.good {
		switch n := c.frees(sealed, older.covered); {
		case n == 0:
			return 0, false
		case n == 1 && idle < idleTime && !c.pressed():
			return idleTime - idle, false
		}
	}
	if !c.pressed() {
		wait = c.settling(newer)
	}
	return wait, true
}

// idle is how long nothing was written to the log.
func (c *checkpointer) idle() time.Duration {
	if n := c.s.log.Stats().Flushes; n != c.flushes || c.moved.IsZero() {
		c.flushes, c.moved = n, time.Now()
	}
	return time.Since(c.moved)
}

func (c *checkpointer) settling(newer *checkpointFile) time.Duration {
	if newer.written.IsZero() || c.s.log.Stats().Flushes-newer.flushes >= settleFlushes {
		return 0
	}
	return max(0, settleTime-time.Since(newer.written))
}

// pressed tells whether space is short.
func (c *checkpointer) pressed() bool {
	r := c.s.log.Room()
	return r.Err != nil || r.Spare+r.Growth < reserve || c.s.pressed.Load()
}

// order gives the file that is to be written next first.
func (c *checkpointer) order() (older, newer *checkpointFile) {
	a, b := &c.files[0], &c.files[1]
	if !b.good || a.good && b.covered <= a.covered {
		return b, a
	}
	return a, b
}

// advance brings the older file up to the last sealed segment, and lets the live sessions know what is where. It
// returns false if it could not be written: that is tried again when the next segment is sealed.
func (c *checkpointer) advance(sealed []slotlog.Extent) bool {
	older, newer := c.order()
	last := sealed[len(sealed)-1].Segment
	if newer.good && older.covered < newer.covered && !whole(sealed, older.covered, newer.covered) {
		older.good = false
	}
	for !c.halted.Load() && (!older.good || older.covered < last) {
		a := &advance{c: c, file: older, other: newer, sealed: sealed}
		err := a.write()
		if older.good && (errors.Is(err, errCopy) || errors.Is(err, checkpoint.ErrUnreadable)) {
			older.good = false // it is made again
			continue
		}
		if c.ballast.drop(err) {
			continue
		}
		c.report(err)
		if err != nil {
			return false
		}
		c.alone = false
		c.news = a.news.kept()
		older.good, older.covered, older.uuid = true, a.to, c.s.log.UUID()
		older.written, older.flushes = time.Now(), c.s.log.Stats().Flushes
		c.s.checkpoints.Add(1)
		c.s.checkpointBytes.Add(uint64(a.written))
		c.s.noteDamage(a.rep.Segments, a.rep.Lost)
		c.publish(a)
	}
	return true
}

// whole tells whether the log still has all segments between two. If not, the disk has forgotten some that it had
// confirmed, and only the newer file knows what was in them.
func whole(sealed []slotlog.Extent, from, to uint64) bool {
	n := uint64(0)
	for _, e := range sealed {
		if e.Segment > from && e.Segment <= to {
			n++
		}
	}
	return n == to-from
}

// report logs when checkpoints begin to fail, and when they work again.
func (c *checkpointer) report(err error) {
	switch {
	case err != nil:
		c.s.checkpointFailures.Add(1)
		switch {
		case c.failing.Load():
		case errors.Is(err, errBoth):
			c.s.o.Log.Error("no checkpoint of the store is left", "error", err)
		default:
			c.s.o.Log.Warn("a checkpoint of the store could not be written; nothing is lost, but its space does not come back until one can be", "error", err)
		}
	case c.failing.Load():
		c.s.o.Log.Info("checkpoints of the store can be written again")
	}
	c.failing.Store(err != nil)
}

// publish tells the live sessions, and those whose end is not durable, what the segments that are covered now for the first time hold for them.
func (c *checkpointer) publish(a *advance) {
	s := c.s
	marked := s.marked.Load()
	for number, st := range a.g.sessions {
		x := s.known(number)
		if x == nil || st == nil {
			continue
		}
		x.mu.Lock()
		for _, k := range st.marks {
			if k.segment > marked && k.needed(&x.cleared) {
				x.setMark(k)
			}
		}
		x.mu.Unlock()
	}
	s.marked.Store(max(marked, a.to))
	s.roomChanged()
}

// covered is the last segment that both files cover.
func (c *checkpointer) covered() uint64 {
	if !c.files[0].good || !c.files[1].good {
		return 0
	}
	return min(c.files[0].covered, c.files[1].covered)
}
