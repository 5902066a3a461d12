package canary

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"skerry/queue/vfs"
)

// ErrNoRound: no round was begun here, or the last one was checked already.
var ErrNoRound = errors.New("there is no round to check")

// A Verdict is what a round came to.
type Verdict struct {
	Round     int      `json:"round"`
	Rounds    int      `json:"rounds,omitempty"` // how many are meant to be
	Confirmed uint64   `json:"confirmed"`        // as it was told to Check
	Found     uint64   `json:"found"`            // the highest number that is there
	Lost      uint64   `json:"lost,omitempty"`   // confirmed canaries of the ring of which an older one is there
	FirstLost uint64   `json:"first_lost,omitempty"`
	Shorter   uint64   `json:"shorter,omitempty"` // confirmed canaries that the growing file has not
	Garbled   int      `json:"garbled,omitempty"` // blocks that were confirmed and not being written, and are rubbish
	Still     int      `json:"still,omitempty"`   // of them, those that were never written since they were laid down
	Torn      int      `json:"torn,omitempty"`    // blocks that were being written, torn between sectors; as it may be
	Rubbish   int      `json:"rubbish,omitempty"` // likewise, with rubbish in them
	Missing   []string `json:"missing,omitempty"` // files that are gone or unreadable, though they were confirmed
	Restarted bool     `json:"restarted"`         // the kernel was started since
}

// Lied tells whether the device has confirmed what it did not keep.
func (v *Verdict) Lied() bool { return v.Lost > 0 || v.Shorter > 0 || len(v.Missing) > 0 }

// Harmed tells whether the device has damaged what nobody was writing.
func (v *Verdict) Harmed() bool { return v.Garbled > 0 }

// Kept tells whether nothing is wrong.
func (v *Verdict) Kept() bool { return !v.Lied() && !v.Harmed() }

// Check looks what is left of the round in dir, of which at least the canaries up to a number were confirmed. It changes
// nothing.
func Check(f vfs.FS, dir string, confirmed uint64, boot string) (*Verdict, error) {
	done, open, err := results(f, dir)
	if err != nil {
		return nil, err
	}
	if err := readable(f, dir); err != nil {
		return nil, err
	}
	v := &Verdict{Round: len(done) + 1, Confirmed: confirmed}
	d, s, err := describe(f, dir)
	if gone := errors.Is(err, fs.ErrNotExist); !open && (!gone || confirmed == 0 || !begun(f, dir)) {
		return nil, ErrNoRound
	}
	if err != nil {
		v.miss("round", err)
		return v, nil
	}
	v.Restarted, v.Rounds = d.Boot != boot, d.Rounds
	v.checkRing(f, dir, s)
	v.checkGrowth(f, dir, s)
	return v, nil
}

// readable looks whether the one who checks may read what was written: who may not has not lost it.
func readable(f vfs.FS, dir string) error {
	names, _ := f.List(dir)
	for _, name := range names {
		if name != "ring" && name != "round" && !strings.HasPrefix(name, "grow-") {
			continue
		}
		file, err := f.Open(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrPermission) {
			return fmt.Errorf("%w (hint: check as the user who wrote)", err)
		}
		if err == nil {
			file.Close()
		}
	}
	return nil
}

// begun tells whether there is something of a round that has no description.
func begun(f vfs.FS, dir string) bool {
	names, _ := f.List(dir)
	return slices.Contains(names, "ring")
}

func (v *Verdict) miss(name string, err error) {
	v.Missing = append(v.Missing, fmt.Sprintf("%s: %v", name, err))
}

// Keep notes the verdict in dir, so that the next round can begin.
func (v *Verdict) Keep(f vfs.FS, dir string) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return put(f, filepath.Join(dir, fmt.Sprintf("result-%06d", v.Round)), text)
}

// Results are the verdicts of all rounds in dir.
func Results(f vfs.FS, dir string) ([]Verdict, error) {
	done, _, err := results(f, dir)
	return done, err
}

// place is what a place of the ring holds.
type place struct {
	canary
	block []byte // nil: a whole canary
}

func (v *Verdict) checkRing(f vfs.FS, dir string, s shape) {
	file, err := f.Open(filepath.Join(dir, "ring"))
	if err != nil {
		v.miss("ring", err)
		return
	}
	defer file.Close()
	if size, err := file.Size(); err != nil || size < int64(s.blocks)*blockSize {
		v.miss("ring", cmp.Or(err, errors.New("shorter than it was")))
		return
	}
	ring := make([]place, s.ring())
	for n := range s.blocks {
		p := readPlace(file, s, n)
		if n%(2*stripe) >= stripe {
			if p.block != nil || p.number != 0 {
				v.Garbled++
				v.Still++
			}
			continue
		}
		ring[n/(2*stripe)*stripe+n%stripe] = p
		v.Found = max(v.Found, p.number)
	}
	for i, p := range ring {
		if p.block == nil {
			v.whole(s, uint64(i), p)
		}
	}
	for i, p := range ring {
		if p.block != nil {
			v.broken(s, uint64(i), p)
		}
	}
}

// readPlace reads one block. What cannot be read, and a canary of another place, is as good as rubbish.
func readPlace(f vfs.File, s shape, n uint64) place {
	b := make([]byte, blockSize)
	if _, err := f.ReadAt(b, int64(n)*blockSize); err != nil && err != io.EOF {
		return place{block: b[:0]}
	}
	c, ok := read(b, s.round)
	if ok && c.place == n && (c.number == 0 || s.canaryOf(c.number) == c) {
		return place{canary: c}
	}
	return place{block: b}
}

// due is the number that a place of the ring must at least hold.
func (v *Verdict) due(s shape, i uint64) uint64 {
	if v.Confirmed <= i {
		return 0
	}
	return v.Confirmed - (v.Confirmed-1-i)%s.ring()
}

// whole looks whether a whole canary is an old one.
func (v *Verdict) whole(s shape, i uint64, p place) {
	due := v.due(s, i)
	if p.number < due {
		v.lose(due)
	}
}

// broken tells what was being written from what was confirmed, and that again from what the device forgot.
func (v *Verdict) broken(s shape, i uint64, p place) {
	for number := max(v.Confirmed, v.Found-min(v.Found, mostAtOnce)) + 1; number <= max(v.Confirmed, v.Found)+mostAtOnce; number++ {
		if c := s.canaryOf(number); c.place == s.placeOf(i) {
			if len(p.block) > 0 && mixed(p.block, s.round, c, s.before(c)) {
				v.Torn++
			} else {
				v.Rubbish++
			}
			return
		}
	}
	due := v.due(s, i)
	torn := due > 0 && mixed(p.block, s.round, s.canaryOf(due), s.before(s.canaryOf(due)))
	if torn || v.FirstLost > 0 && due >= v.FirstLost { // what it had confirmed was still being written
		v.lose(due)
		return
	}
	v.Garbled++
}

func (v *Verdict) lose(number uint64) {
	v.Lost++
	if v.FirstLost == 0 || number < v.FirstLost {
		v.FirstLost = number
	}
}

// checkGrowth follows the growing files to their end. Where one begins the one before must have ended.
func (v *Verdict) checkGrowth(f vfs.FS, dir string, s shape) {
	names, err := f.List(dir)
	if err != nil {
		v.miss("directory", err)
		return
	}
	var reached uint64
	for _, name := range names {
		if !strings.HasPrefix(name, "grow-") {
			continue
		}
		first, last := v.checkGrown(f, filepath.Join(dir, name), s)
		if reached > 0 && first > reached+1 {
			v.Shorter += min(first-1, v.Confirmed) - min(reached, v.Confirmed)
		}
		reached = max(reached, last)
	}
	v.Shorter += v.Confirmed - min(reached, v.Confirmed)
}

// checkGrown gives the first and the last number of a growing file. A broken record with whole ones behind it was not being
// written.
func (v *Verdict) checkGrown(f vfs.FS, path string, s shape) (first, last uint64) {
	file, err := f.Open(path)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			v.miss(filepath.Base(path), err)
		}
		return 0, 0
	}
	defer file.Close()
	size, err := file.Size()
	if err != nil {
		v.miss(filepath.Base(path), err)
		return 0, 0
	}
	b := make([]byte, recordSize)
	broken := 0
	for at := int64(0); at+recordSize <= size; at += recordSize {
		_, err := file.ReadAt(b, at)
		c, ok := read(b, s.round)
		if err != nil || !ok {
			broken++
			continue
		}
		if first == 0 {
			first = c.place
		}
		v.Garbled += broken
		broken, last = 0, c.number
	}
	return first, last
}
