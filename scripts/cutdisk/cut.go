package cutdisk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"

	"golang.org/x/sys/unix"
)

// sector is what a device writes as a whole.
const sector = 512

// A Cutter makes the disks that power cuts leave, for rising cuts of one Trace.
type Cutter struct {
	trace   *Trace
	lies    int
	durable []byte // what is certain at the cut
	applied int    // ops in it
	whole   []int64
}

// NewCutter begins before the first op. At each of its cuts the last so many flushes before it were lies: they did nothing.
func (t *Trace) NewCutter(lies int) *Cutter {
	return &Cutter{trace: t, lies: lies, durable: bytes.Clone(t.Base), whole: vitals(t.Base)}
}

// Uncovered is the number of writes before a cut that no flush covers.
func (t *Trace) Uncovered(cut int) int {
	n := 0
	for i := t.certain(cut, 0); i < cut; i++ {
		if t.ops[i].kind != opFlush {
			n++
		}
	}
	return n
}

// certain is the number of ops at the beginning that a flush before the cut covers; the last lies flushes do not count.
func (t *Trace) certain(cut, lies int) int {
	for i := cut - 1; i >= 0; i-- {
		if t.ops[i].kind != opFlush {
			continue
		}
		if lies == 0 {
			return t.ops[i].covers
		}
		lies--
	}
	return 0
}

// Cut makes disk what a power cut after so many ops left of it. A garbling device may leave rubbish in every sector of a write
// that was under way. disk must be as large as the Trace's.
func (c *Cutter) Cut(disk []byte, cut int, garble bool, chance *rand.Rand) {
	certain := c.trace.certain(cut, c.lies)
	for ; c.applied < certain; c.applied++ {
		apply(c.durable, &c.trace.ops[c.applied])
	}
	restore(disk, c.durable)
	// Most cuts mix what became of each write. Some lose or keep all of them, which mixing would nearly never do.
	mood := chance.IntN(8)
	for i := certain; i < cut; i++ {
		o := &c.trace.ops[i]
		switch {
		case mood == 0 || o.kind == opFlush:
		case mood == 1 || o.kind == opDiscard && chance.IntN(2) == 0:
			apply(disk, o)
		case o.kind == opWrite:
			c.harm(disk, o, garble, chance)
		}
	}
}

// restore copies what differs. Most of a disk does not.
func restore(disk, from []byte) {
	const step = 256 << 10
	for at := 0; at < len(disk); at += step {
		end := min(at+step, len(disk))
		if !bytes.Equal(disk[at:end], from[at:end]) {
			copy(disk[at:end], from[at:end])
		}
	}
}

func apply(disk []byte, o *op) {
	switch o.kind {
	case opWrite:
		copy(disk[o.at:], o.data)
	case opDiscard:
		clear(disk[o.at : o.at+o.length])
	}
}

// harm does to disk what became of one write.
func (c *Cutter) harm(disk []byte, o *op, garble bool, chance *rand.Rand) {
	fates := 3
	if garble {
		fates++
	}
	if c.atomic(o) {
		fates = 2
	}
	switch chance.IntN(fates) {
	case 0: // dropped
	case 1:
		apply(disk, o)
	case 2:
		for at := 0; at < len(o.data); at += sector {
			if chance.IntN(2) == 0 {
				copy(disk[o.at+int64(at):], o.data[at:min(at+sector, len(o.data))])
			}
		}
	case 3:
		rubbish(disk[o.at:o.at+int64(len(o.data))], chance)
	}
}

func (c *Cutter) atomic(o *op) bool {
	for _, at := range c.whole {
		if o.at <= at && at < o.at+int64(len(o.data)) {
			return true
		}
	}
	return false
}

func rubbish(b []byte, chance *rand.Rand) {
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, chance.Uint64())
		b = b[8:]
	}
}

// A Scratch is a disk in memory that is filled, mounted and thrown away again and again.
type Scratch struct {
	Disk []byte // may be changed while it is not mounted
	file *os.File
}

// NewScratch makes a disk of zeros.
func NewScratch(size int64) (*Scratch, error) {
	f, err := memory("scratch", size)
	if err != nil {
		return nil, err
	}
	b, err := mapped(f, size)
	return &Scratch{Disk: b, file: f}, err
}

// Close gives the memory back.
func (s *Scratch) Close() error {
	return errors.Join(unix.Munmap(s.Disk), s.file.Close())
}

// Mount mounts the file system on it at folder. repaired: that was possible only after e2fsck, which a board runs when it starts.
func (s *Scratch) Mount(folder string) (repaired bool, err error) {
	if mountLoop(s.file, folder) == nil {
		return false, nil
	}
	if err := s.Repair(); err != nil {
		return false, err
	}
	return true, mountLoop(s.file, folder)
}

// Repair runs e2fsck, as a board does when it starts. The file system must not be mounted.
func (s *Scratch) Repair() error { return fsck(s.file) }
