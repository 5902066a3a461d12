package slotlog

import (
	"errors"
	"fmt"

	"skerry/queue/vfs"
)

// markers is how many copies of the marker a boot writes when it resumes a segment.
const markers = 2

// begin readies the log for the first group of this Open: it goes on in the last segment where that is safe and has
// room for the group, or begins a new one.
func (l *Log) begin(bytes int) error {
	t := l.last
	l.last = nil
	if !l.canResume(t) {
		return l.roll()
	}
	if int64(bytes) <= l.roomAfter(t) {
		return l.resume(t)
	}
	if t.next+len(t.unproven) <= t.s.places { // or else the last group stays unproven
		if f, err := l.again(t, nil); err == nil {
			f.Close()
		}
	}
	return l.roll()
}

// canResume: not in a slot of which something could not be read, in one of an older format, or behind which the
// checkpoint, or perhaps a slot that cannot be read, has gone on.
func (l *Log) canResume(t *tail) bool {
	return t != nil && t.sure && !l.lied && !l.comeback && t.s.agreed && t.s.header.incompat&resumable != 0 && !t.s.failed && t.s.table != nil
}

// roomAfter is how many bytes of records go behind the markers.
func (l *Log) roomAfter(t *tail) int64 {
	return int64(max(0, t.s.places-t.next-len(t.unproven)-markers) * l.capacity())
}

// resume goes on in the last segment. The markers lie above everything that was ever written of it, and are durable
// before anything else is: they say where the log ended, so that what a torn group left behind that point is dead from
// here on. That the chunk there may be part-filled is part of what they say: nothing is added to it. The last group is
// written once more with them.
func (l *Log) resume(t *tail) error {
	s := t.s
	m := marker(s, l.boot, s.end, l.w.seq)
	f, err := l.again(t, &m)
	if err != nil {
		return fmt.Errorf("resume %s: %w", l.name(s.slot), err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.w = writer{
		s: s, file: f, seq: l.w.seq, next: t.next + len(t.unproven) + markers, at: s.end.Chunk + 1, place: -1, stale: -1,
		durable: s.end,
	}
	s.end = Position{Chunk: s.end.Chunk + 1}
	l.room = l.space()
	return nil
}

// again writes the last group once more, and the marker if there is one, to places that were never used.
func (l *Log) again(t *tail, m *block) (vfs.File, error) {
	f, err := l.fs.Open(l.name(t.s.slot))
	if err != nil {
		return nil, err
	}
	run, err := l.copies(f, t.s, t.unproven)
	if err == nil && m != nil {
		for range markers {
			run = append(run, make([]byte, l.o.BlockSize)...)
			m.put(run[len(run)-l.o.BlockSize:], l.seed)
		}
	}
	if err == nil {
		_, err = f.WriteAt(run, l.offset(t.next))
	}
	if err == nil {
		err = f.Sync()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		f.Close()
		t.s.failed = true
		return nil, err
	}
	l.stats.Flushes++
	l.stats.Bytes += uint64(len(run))
	return f, nil
}

// copies reads the blocks at some places, one behind the other.
func (l *Log) copies(f vfs.File, s *segment, places []uint16) ([]byte, error) {
	run := make([]byte, len(places)*l.o.BlockSize, (len(places)+markers)*l.o.BlockSize)
	for i, place := range places {
		b := run[i*l.o.BlockSize : (i+1)*l.o.BlockSize]
		if _, err := f.ReadAt(b, l.offset(int(place))); err != nil {
			return nil, err
		}
		if x, ok := decodeBlock(b, l.seed); !ok || x.segment != s.number {
			return nil, errors.New("the last group cannot be read any more")
		}
	}
	return run, nil
}
