package canary

import (
	"crypto/rand"
	"encoding/hex"
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

// ErrUnchecked: the round before was not checked yet; a new one would wipe out what it left.
var ErrUnchecked = errors.New("the round before was not checked yet")

const (
	mostAtOnce = 16      // canaries of a step
	recordSize = 4096    // of a growing file: with a smaller one the block of the last records would be written again
	stripe     = 8       // blocks of the ring that are written, then as many that are not
	growTo     = 4 << 20 // bytes of a growing file
)

// description is what a check must know of a round.
type description struct {
	ID     string `json:"id"`
	Number int    `json:"round"`
	Blocks uint64 `json:"blocks"` // of the ring
	Boot   string `json:"boot"`   // the kernel's
	Rounds int    `json:"rounds,omitempty"`
}

// shape is where the canaries of a round lie.
type shape struct {
	round  id
	blocks uint64
}

// ring is how many places are written again and again.
func (s shape) ring() uint64 { return s.blocks / 2 }

// placeOf is the place of the i-th of them, and canaryOf the canary of a number.
func (s shape) placeOf(i uint64) uint64 { return i/stripe*2*stripe + i%stripe }

func (s shape) canaryOf(number uint64) canary {
	return canary{s.placeOf((number - 1) % s.ring()), number}
}

// before is the canary that lay there before.
func (s shape) before(c canary) canary {
	c.number -= min(c.number, s.ring())
	return c
}

// A Round writes canaries until the power goes.
type Round struct {
	Number int // from 1

	shape
	fs   vfs.FS
	dir  string
	last uint64 // confirmed
	ring vfs.File

	grow   vfs.File
	grown  int64
	growth int // number of the growing file
}

// Options of a round.
type Options struct {
	Size int64  // of the ring, in steps of 64 KiB; default 32 MiB
	Boot string // the kernel's boot id: a check then knows whether the machine was started in between

	Rounds int  // how many are meant to be; noted for the check
	Forget bool // a round before that was not checked
}

// Check tells what is wrong with the options.
func (o Options) Check() error {
	const unit = 2 * stripe * blockSize
	if o.Size != 0 && (o.Size < 4*unit || o.Size%unit != 0) {
		return fmt.Errorf("size %d: must be a multiple of %d bytes, and at least four times that", o.Size, unit)
	}
	return nil
}

// Begin lays the canaries of a new round in dir, and syncs them. dir is made; nothing else should be in it.
func Begin(f vfs.FS, dir string, o Options) (*Round, error) {
	if o.Size == 0 {
		o.Size = 32 << 20
	}
	if err := o.Check(); err != nil {
		return nil, err
	}
	if err := f.MkdirAll(dir); err != nil {
		return nil, err
	}
	done, open, err := results(f, dir)
	if err != nil {
		return nil, err
	}
	if open && !o.Forget {
		return nil, ErrUnchecked
	}
	r := &Round{Number: len(done) + 1, fs: f, dir: dir, shape: shape{blocks: uint64(o.Size / blockSize)}}
	_, _ = rand.Read(r.round[:]) // never fails
	return r, r.layDown(description{hex.EncodeToString(r.round[:]), r.Number, r.blocks, o.Boot, o.Rounds})
}

// layDown makes the files. The description comes last: a round without one has not begun.
func (r *Round) layDown(d description) (err error) {
	if err := r.wipe(); err != nil {
		return err
	}
	if r.ring, err = r.fs.Create(filepath.Join(r.dir, "ring")); err != nil {
		return err
	}
	if err := r.ring.Allocate(int64(r.blocks) * blockSize); err != nil {
		return err
	}
	buf := make([]byte, 0, 2*stripe*blockSize)
	for place := range r.blocks {
		buf = append(buf, canary{place: place}.block(r.round, blockSize)...)
		if len(buf) == cap(buf) {
			if _, err := r.ring.WriteAt(buf, int64(place+1)*blockSize-int64(len(buf))); err != nil {
				return err
			}
			buf = buf[:0]
		}
	}
	if err := r.ring.Sync(); err != nil {
		return err
	}
	if err := r.growAnew(); err != nil {
		return err
	}
	text, err := json.Marshal(d)
	if err != nil {
		return err
	}
	return put(r.fs, filepath.Join(r.dir, "round"), text)
}

// wipe removes what the round before has left, but for the results.
func (r *Round) wipe() error {
	names, err := r.fs.List(r.dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if name == "ring" || name == "round" || strings.HasPrefix(name, "grow-") {
			if err := r.fs.Remove(filepath.Join(r.dir, name)); err != nil {
				return err
			}
		}
	}
	return r.fs.SyncDir(r.dir)
}

// put makes a small file, durably.
func put(f vfs.FS, path string, text []byte) error {
	to, err := f.Create(path)
	if err != nil {
		return err
	}
	_, err = to.WriteAt(text, 0)
	return errors.Join(err, to.Sync(), to.Close(), f.SyncDir(filepath.Dir(path)))
}

// growAnew goes on with a new growing file, and removes the one before the last.
func (r *Round) growAnew() (err error) {
	if r.grow != nil {
		if err := r.grow.Close(); err != nil {
			return err
		}
	}
	r.growth++
	r.grown = 0
	if r.grow, err = r.fs.Create(filepath.Join(r.dir, growName(r.growth))); err != nil {
		return err
	}
	if err := r.fs.SyncDir(r.dir); err != nil {
		return err
	}
	if r.growth > 2 {
		return r.fs.Remove(filepath.Join(r.dir, growName(r.growth-2)))
	}
	return nil
}

func growName(n int) string { return fmt.Sprintf("grow-%06d", n) }

// Step writes 1 to 16 canaries, syncs them, and returns the number of the last: it and all before it are confirmed.
func (r *Round) Step(canaries int) (confirmed uint64, err error) {
	canaries = min(max(canaries, 1), mostAtOnce)
	for at := 0; at < canaries; {
		c := r.canaryOf(r.last + 1 + uint64(at))
		b := c.block(r.round, blockSize)
		first := c.place
		for at++; at < canaries; at++ {
			next := r.canaryOf(r.last + 1 + uint64(at))
			if next.place != c.place+1 {
				break
			}
			c = next
			b = append(b, c.block(r.round, blockSize)...)
		}
		if _, err := r.ring.WriteAt(b, int64(first)*blockSize); err != nil {
			return 0, err
		}
	}
	if err := r.ring.Sync(); err != nil {
		return 0, err
	}
	last := r.last + uint64(canaries)
	if err := r.append(canary{r.last + 1, last}); err != nil {
		return 0, err
	}
	r.last = last
	return last, nil
}

// append notes the step in the growing file.
func (r *Round) append(step canary) error {
	if r.grown+recordSize > growTo {
		if err := r.growAnew(); err != nil {
			return err
		}
	}
	if _, err := r.grow.WriteAt(step.block(r.round, recordSize), r.grown); err != nil {
		return err
	}
	r.grown += recordSize
	return r.grow.Sync()
}

// Close gives the files back.
func (r *Round) Close() error {
	var errs []error
	for _, f := range []vfs.File{r.ring, r.grow} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

// describe reads the description of the round in dir.
func describe(f vfs.FS, dir string) (d description, s shape, err error) {
	text, err := readAll(f, filepath.Join(dir, "round"))
	if err != nil {
		return d, s, err
	}
	if err := json.Unmarshal(text, &d); err != nil {
		return d, s, err
	}
	b, err := hex.DecodeString(d.ID)
	if err != nil || len(b) != len(s.round) || d.Blocks == 0 || d.Blocks%(2*stripe) != 0 || d.Blocks > 1<<32 {
		return d, s, errors.New("it describes no round")
	}
	s = shape{id(b), d.Blocks}
	return d, s, nil
}

func readAll(f vfs.FS, path string) ([]byte, error) {
	from, err := f.Open(path)
	if err != nil {
		return nil, err
	}
	defer from.Close()
	size, err := from.Size()
	if err != nil {
		return nil, err
	}
	b := make([]byte, min(size, 64<<10))
	n, err := from.ReadAt(b, 0)
	if err == io.EOF {
		err = nil
	}
	return b[:n], err
}

// results reads what earlier rounds came to; open: there is a round behind the last of them.
func results(f vfs.FS, dir string) (done []Verdict, open bool, err error) {
	names, err := f.List(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, false, err
	}
	for _, name := range names {
		if !strings.HasPrefix(name, "result-") {
			continue
		}
		text, err := readAll(f, filepath.Join(dir, name))
		if err != nil {
			return nil, false, err
		}
		var v Verdict
		if json.Unmarshal(text, &v) != nil {
			v = Verdict{Missing: []string{name}} // it was confirmed too
		}
		done = append(done, v)
	}
	if slices.Contains(names, "round") {
		d, _, err := describe(f, dir)
		open = err != nil || d.Number > len(done)
	}
	return done, open, nil
}
