package slotlog

import (
	"cmp"
	"crypto/rand"
	"slices"
)

// identify finds out which log this is: its headers say it, or else the checkpoint, or else the checksums of its
// blocks. The block size of the log wins over the one asked for.
func (l *Log) identify(slots []slotFile) error {
	found := l.chooseUUID(slots)
	for _, s := range slots {
		if found && s.header != nil && s.header.uuid == l.uuid {
			l.o.BlockSize = int(s.header.blockSize)
		}
	}
	if err := l.o.check(); err != nil {
		return err
	}
	if found {
		l.scanHeaderless(slots)
	}
	l.ask(l.numbers(slots), found)
	if !found {
		if l.known.covered.Segment == 0 {
			l.guessUUID(slots)
		}
		l.scanHeaderless(slots)
	}
	return nil
}

func (l *Log) setUUID(u UUID) { l.uuid, l.seed = u, u.seed() }

// chooseUUID takes the identity most slots agree on, and of those with as many the one that wrote last. found is
// false if no header tells it.
func (l *Log) chooseUUID(slots []slotFile) (found bool) {
	type vote struct {
		n    int
		last uint64
	}
	votes := map[UUID]vote{}
	for _, s := range slots {
		if s.header != nil {
			v := votes[s.header.uuid]
			votes[s.header.uuid] = vote{v.n + 1, max(v.last, s.header.segment)}
		}
	}
	var best vote
	var u UUID
	for candidate, v := range votes {
		if v.n > best.n || v.n == best.n && v.last > best.last {
			best, u = v, candidate
		}
	}
	if len(votes) == 0 {
		_, _ = rand.Read(u[:]) // never fails since Go 1.24
	}
	l.setUUID(u)
	return len(votes) > 0
}

// numbers lists the segments that the slots hold.
func (l *Log) numbers(slots []slotFile) (all []uint64) {
	for _, s := range slots {
		if s.header != nil && s.header.uuid == l.uuid {
			all = append(all, s.header.segment)
		}
		for _, b := range s.blocks {
			all = append(all, b.segment)
		}
	}
	slices.SortFunc(all, cmp.Compare)
	return slices.Compact(all)
}

// guessUUID is for a log whose headers are all damaged, as when its only slot has lost its first page: the checksum of
// any block gives away the seed that all of them were made with. A torn one gives another: two must agree.
func (l *Log) guessUUID(slots []slotFile) {
	votes := map[uint32]int{}
	for _, s := range slots {
		l.eachPlace(s, func(b []byte) {
			if seed, ok := seedOf(b); ok {
				votes[seed]++
			}
		})
	}
	best := 1
	for seed, n := range votes {
		if n > best {
			best = n
			l.setUUID(uuidFor(seed))
		}
	}
}

func (l *Log) eachPlace(s slotFile, yield func([]byte)) {
	f, err := l.fs.Open(l.name(s.index))
	if err != nil {
		return
	}
	defer f.Close()
	b := make([]byte, l.o.BlockSize)
	for place := range l.places(s.size) {
		if _, err := f.ReadAt(b, l.offset(place)); err == nil {
			yield(b)
		}
	}
}
