package slotlog

import (
	"bytes"
	"io"

	"skerry/queue/vfs"
)

// placed is a valid block that a scan met, without its payload.
type placed struct {
	block
	place, used uint16
}

// scanned is what lies in a slot.
type scanned struct {
	blocks     []placed
	unreadable int // places that gave an error, not rubbish
	rubbish    int // places that hold neither a block of this log nor zeros
}

// scan reads all blocks of a slot. A place that cannot be read counts as damaged.
func (l *Log) scan(f vfs.File, places int) (s scanned) {
	const atOnce = 16
	buf := make([]byte, atOnce*l.o.BlockSize)
	for place := 0; place < places; place += atOnce {
		run := buf[:min(atOnce, places-place)*l.o.BlockSize]
		n, err := f.ReadAt(run, l.offset(place))
		if err != nil && err != io.EOF {
			n = l.readEach(f, run, place, &s)
		}
		for i := 0; (i+1)*l.o.BlockSize <= n; i++ {
			at := run[i*l.o.BlockSize : (i+1)*l.o.BlockSize]
			b, ok := decodeBlock(at, l.seed)
			if !ok {
				if len(bytes.TrimLeft(at, "\x00")) > 0 {
					s.rubbish++
				}
				continue
			}
			used := uint16(len(b.payload))
			b.payload = nil
			s.blocks = append(s.blocks, placed{b, uint16(place + i), used})
		}
	}
	return s
}

// offset of a place in its slot.
func (l *Log) offset(place int) int64 { return int64(place+1) * int64(l.o.BlockSize) }

// readEach reads block by block after a read of several failed, so that one bad sector hides one block only.
func (l *Log) readEach(f vfs.File, run []byte, place int, s *scanned) int {
	for at := 0; at < len(run); at += l.o.BlockSize {
		b := run[at : at+l.o.BlockSize]
		if _, err := f.ReadAt(b, l.offset(place)+int64(at)); err != nil && err != io.EOF {
			clear(b)
			s.unreadable++
		}
	}
	return len(run)
}

// of keeps the blocks of one life of one segment.
func (s scanned) of(segment uint64, life uint16) scanned {
	kept := scanned{unreadable: s.unreadable, rubbish: s.rubbish}
	for _, b := range s.blocks {
		if b.segment == segment && b.life == life {
			kept.blocks = append(kept.blocks, b)
		}
	}
	return kept
}

// next is the first place above all blocks.
func (s scanned) next() (place int) {
	for _, b := range s.blocks {
		place = max(place, int(b.place)+1)
	}
	return place
}

// boot is the highest that wrote any of the blocks.
func (s scanned) boot() (boot uint32) {
	for _, b := range s.blocks {
		boot = max(boot, b.boot)
	}
	return boot
}
