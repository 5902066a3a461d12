package slotlog

import (
	"errors"
	"fmt"

	"skerry/queue/vfs"
)

// ErrTooLarge: a record is larger than MaxRecord.
var ErrTooLarge = errors.New("record too large")

// writer is the state of Commit. It changes only after what it describes is durable.
type writer struct {
	s     *segment // nil: the next group begins a segment
	file  vfs.File
	seq   uint64 // of the next record
	next  int    // the first place never used in this slot
	tail  []byte // durable records of the part-filled chunk
	at    uint64 // that chunk
	place int    // of its durable copy; -1: the chunk is empty
	stale int    // a place whose content is not needed any more; -1: none

	durable Position // what the blocks of the next group say was durable before it

	tailFirst uint16 // firstRec of the tail
	tailSeq   uint64 // seq of the tail

	stream, scratch []byte
}

// Commit makes the group durable. A group may be cut in two where slots end; a record is not. On an error nothing
// is known about the group, and the log must not be written any more: Commit has already tried a new slot.
func (l *Log) Commit(g *Group) error {
	for i, start := range g.starts {
		if end := g.end(i); end-start > l.MaxRecord()+16 {
			return fmt.Errorf("record of %d bytes: %w", end-start, ErrTooLarge)
		}
	}
	for from := 0; from < len(g.starts); {
		n, err := l.fit(g, from)
		if err == nil {
			err = l.write(g, from, n)
		}
		if err != nil {
			if n, err = l.move(g, from, err); err != nil {
				return err
			}
		}
		from += n
	}
	return nil
}

func (g *Group) end(i int) int {
	if i+1 < len(g.starts) {
		return g.starts[i+1]
	}
	return len(g.buf)
}

// move takes a group that could not be written to a new slot, because a failed write must never be tried again in
// its place: the kernel has marked the pages clean.
func (l *Log) move(g *Group, from int, cause error) (int, error) {
	l.mu.Lock()
	l.stats.Moved++
	l.mu.Unlock()
	if err := l.roll(); err != nil {
		return 0, errors.Join(cause, err)
	}
	n, err := l.fit(g, from)
	if err == nil {
		err = l.write(g, from, n)
	}
	if err != nil {
		return 0, errors.Join(cause, err)
	}
	return n, nil
}

// fit returns how many records from `from` on go into this slot; it begins a new one if none does, or if the rest
// of a small group would be torn apart for nothing.
func (l *Log) fit(g *Group, from int) (int, error) {
	bytes := len(g.buf) - g.starts[from]
	if l.w.s == nil {
		if err := l.begin(bytes); err != nil {
			return 0, err
		}
	}
	room := int(l.space())
	if bytes > room && (bytes <= l.MaxRecord() || g.end(from)-g.starts[from] > room) {
		if err := l.roll(); err != nil {
			return 0, err
		}
		room = int(l.space())
	}
	limit := g.starts[from] + room
	n := 0
	for from+n < len(g.starts) && g.end(from+n) <= limit {
		n++
	}
	return n, nil
}

// write makes records [from, from+n) durable in the current slot.
func (l *Log) write(g *Group, from, n int) error {
	starts := g.starts[from : from+n]
	data := g.buf[starts[0]:g.end(from+n-1)]
	blocks, places := l.layout(data, starts)
	err := l.writeBlocks(places, blocks)
	if err == nil {
		err = l.w.file.Sync()
	}
	if err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.w.s.failed = true
		return fmt.Errorf("commit to %s: %w", l.name(l.w.s.slot), err)
	}
	l.advance(blocks, places, len(starts))
	return nil
}

// layout cuts tail+data into blocks and gives each a place. The first one, if part of it is durable, goes to the
// stale place of its pair.
func (l *Log) layout(data []byte, starts []int) ([]block, []int) {
	w, room := &l.w, l.capacity()
	total := len(w.tail) + len(data)
	blocks := make([]block, (total+room-1)/room)
	places := make([]int, len(blocks))
	next := w.next
	w.stream = append(append(w.stream[:0], w.tail...), data...)
	for i := range blocks {
		blocks[i] = block{
			firstRec: noRecord, segment: w.s.number, chunk: w.at + uint64(i), group: w.seq, boot: l.boot, life: w.s.life,
			durable: w.durable.Chunk, durableUsed: uint16(w.durable.Offset),
			payload: w.stream[i*room : min((i+1)*room, total)],
		}
		if i == 0 && w.place >= 0 && w.stale >= 0 {
			places[i] = w.stale
		} else {
			places[i] = next
			next++
		}
	}
	l.number(blocks, starts)
	return blocks, places
}

// number fills in firstRec and seq.
func (l *Log) number(blocks []block, starts []int) {
	w, room := &l.w, l.capacity()
	if len(w.tail) > 0 {
		blocks[0].firstRec, blocks[0].seq = w.tailFirst, w.tailSeq
	}
	for k, start := range starts {
		at := len(w.tail) + start - starts[0]
		b := &blocks[at/room]
		if b.firstRec == noRecord {
			b.firstRec = uint16(at % room)
			b.seq = w.seq + uint64(k)
		}
	}
	following := w.seq + uint64(len(starts))
	for i := len(blocks) - 1; i >= 0; i-- {
		if blocks[i].firstRec == noRecord {
			blocks[i].seq = following
		}
		following = blocks[i].seq
	}
}

// writeBlocks writes runs of neighbouring places with one write each.
func (l *Log) writeBlocks(places []int, blocks []block) error {
	size := l.o.BlockSize
	if need := len(blocks) * size; cap(l.w.scratch) < need {
		l.w.scratch = make([]byte, need)
	}
	for i := 0; i < len(blocks); {
		k := i
		for ; k < len(blocks) && places[k] == places[i]+k-i; k++ {
			blocks[k].put(l.w.scratch[(k-i)*size:(k-i+1)*size], l.seed)
		}
		if _, err := l.w.file.WriteAt(l.w.scratch[:(k-i)*size], l.offset(places[i])); err != nil {
			return err
		}
		i = k
	}
	return nil
}

// advance takes over what became durable.
func (l *Log) advance(blocks []block, places []int, records int) {
	w, n := &l.w, len(blocks)
	last := blocks[n-1]
	old := w.place
	for _, p := range places {
		w.next = max(w.next, p+1)
	}
	if old >= 0 {
		w.stale = old // its chunk has a newer copy now
	}
	w.seq += uint64(records)
	w.at, w.place = last.chunk, places[n-1]
	w.tail = append(w.tail[:0], last.payload...)
	w.tailFirst, w.tailSeq = last.firstRec, last.seq
	const keep = 1 << 20
	if cap(w.scratch) > keep { // an unusually large group
		w.stream, w.scratch = nil, nil
	}
	if len(w.tail) == l.capacity() {
		w.at, w.place, w.tail = w.at+1, -1, w.tail[:0]
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, b := range blocks {
		k := int(b.chunk - w.s.firstChunk)
		if k == len(w.s.table) {
			w.s.table = append(w.s.table, entry{})
		}
		w.s.table[k] = entry{uint16(places[i]), uint16(len(b.payload)), uint16(l.capacity())}
	}
	w.s.end = Position{last.chunk, len(last.payload)}
	w.durable = w.s.end
	l.room = l.space()
	l.stats.Flushes++
	l.stats.Bytes += uint64(n * l.o.BlockSize)
}
