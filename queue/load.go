package queue

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"skerry/queue/checkpoint"
	"skerry/queue/slotlog"
)

// loaded is a checkpoint in memory.
type loaded struct {
	*image
	contents *contents
	state    headState
	extents  []slotlog.Extent
	marks    map[uint64][]mark
}

func newLoaded() *loaded {
	c := newContents()
	return &loaded{image: newImage(c), contents: c, marks: map[uint64][]mark{}}
}

// load reads a whole checkpoint.
func (c *checkpointer) load(name string) (*loaded, error) {
	l := newLoaded()
	h, err := checkpoint.Read(c.fs, name, l.pair)
	if err != nil {
		return nil, err
	}
	st, ok := decodeState(h.State)
	if !ok || st.covered.Segment != h.Covered {
		return nil, fmt.Errorf("%w: its state", checkpoint.ErrUnreadable)
	}
	l.state, l.journey = st, st.journey
	for number, marks := range l.marks {
		x := l.sessions[number]
		if x == nil {
			return nil, fmt.Errorf("%w: marks of no session", checkpoint.ErrUnreadable)
		}
		x.marks = marks
	}
	return l, nil
}

func (l *loaded) pair(b checkpoint.Bucket, key, value []byte) bool {
	switch b {
	case checkpoint.Sessions:
		x, ok := decodeSessionState(value)
		if ok {
			l.sessions[x.number] = x
		}
		return ok && bytes.Equal(key, numberKey(x.number))
	case checkpoint.Marks:
		session, segment, ok := cutMarkKey(key)
		k, whole := decodeMark(segment, value)
		l.marks[session] = append(l.marks[session], k)
		return ok && whole
	case checkpoint.Facts:
		return l.fact(key, value)
	case checkpoint.Retained:
		order, boot, m, ok := decodeRetained(value)
		if ok {
			l.contents.retain(order, boot, &m)
		}
		return ok
	case checkpoint.Extents:
		e, ok := decodeExtent(value)
		l.extents = append(l.extents, e)
		return ok
	}
	return false
}

func (l *loaded) fact(key, value []byte) bool {
	if len(key) < 2 {
		return false
	}
	name := string(key[2:])
	if key[1] != 0 {
		d := decoder{b: value}
		name = string(d.bytes())
		if d.bad {
			return false
		}
		value = d.b
	}
	l.contents.putFact(key[0], name, slices.Clone(value))
	return true
}

// readHeads looks at both files before anything is touched: one of a newer format is ErrFormat.
func (c *checkpointer) readHeads(r *Report) error {
	for i := range c.files {
		f := &c.files[i]
		h, err := checkpoint.ReadHead(c.fs, f.name)
		switch {
		case errors.Is(err, checkpoint.ErrFormat):
			return fmt.Errorf("%w (%s: %w)", ErrFormat, f.name, err)
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			r.unreadable(f.name, err)
		default:
			c.sync(f.name)
			f.good, f.covered, f.uuid, f.written = true, h.Covered, h.UUID, time.Now()
		}
	}
	return nil
}

// sync has a file on the disk that was read. After a kill it may be in the page cache only, and segments are freed by
// what it says. Whether that worked need not be known: the log is synced too, and there it is.
func (c *checkpointer) sync(name string) {
	f, err := c.fs.Open(name)
	if err != nil {
		return
	}
	defer f.Close()
	_ = f.Sync()
}

func (r *Report) unreadable(name string, err error) {
	r.UnreadableCheckpoints = append(r.UnreadableCheckpoints, fmt.Sprintf("%s: %v", filepath.Base(name), err))
}

// choose loads the newest checkpoint of a log that can be read, and looks through the other one. A log of which
// nothing is left to tell its identity is taken for that of the checkpoint.
func (c *checkpointer) choose(u slotlog.UUID, r *Report) (*loaded, slotlog.Checkpoint) {
	_, newer := c.order()
	if newer.good && u == (slotlog.UUID{}) {
		u = newer.uuid
	}
	var best *loaded
	for range c.files {
		older, f := c.order()
		if !f.good || best != nil {
			f = older
		}
		if !f.good {
			break
		}
		l, err := c.loadOf(f, u, best == nil)
		switch {
		case err != nil:
			f.good = false
			r.unreadable(f.name, err)
		case best == nil:
			best = l
			r.Checkpoint, r.Covered = filepath.Base(f.name), f.covered
		}
	}
	if best == nil || best.state.covered.Segment == 0 {
		return newLoaded(), slotlog.Checkpoint{}
	}
	return best, slotlog.Checkpoint{UUID: u, Boot: best.boot, Covered: best.state.covered, Known: best.extents}
}

// loadOf loads a checkpoint, or only makes sure that it could be.
func (c *checkpointer) loadOf(f *checkpointFile, u slotlog.UUID, whole bool) (*loaded, error) {
	switch {
	case f.uuid != u:
		return nil, errors.New("it belongs to another log")
	case f.covered == 0:
		return nil, errors.New("it covers nothing")
	}
	if whole {
		return c.load(f.name)
	}
	_, err := checkpoint.Read(c.fs, f.name, nil)
	return nil, err
}
