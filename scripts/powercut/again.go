package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	"skerry/scripts/cutdisk"
)

// live lets the daemon start on the disk of a point and the witnesses go on, on a device that records from the mount on: what a
// start writes can be cut then as well. The error is a broken promise, or one of the laboratory.
func (b *bench) live(p point) (r *recording, err error) {
	dir, err := os.MkdirTemp(filepath.Dir(b.folder), "again-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := b.boot.Next(); err != nil {
		return nil, err
	}
	disk, err := cutdisk.Open(dir, cutdisk.Options{Base: b.scratch.Disk, Trace: true})
	if err != nil {
		return nil, fmt.Errorf("after the first cut: %w", err)
	}
	r = &recording{}
	err = b.record(r, p, dir, disk)
	if err := errors.Join(err, disk.Close()); err != nil {
		return nil, fmt.Errorf("after the first cut: %w", err)
	}
	r.trace, err = disk.Trace()
	return r, err
}

// record keeps what the witnesses of a point live through.
func (b *bench) record(r *recording, p point, dir string, disk *cutdisk.Disk) error {
	s := *b.station
	s.config = filepath.Join(dir, filepath.Base(s.config))
	if err := s.configure(disk.Folder, b.block); err != nil {
		return err
	}
	if err := s.start(); err != nil {
		return err
	}
	defer s.kill()
	w := b.witnesses(p)
	defer w.close()
	for _, x := range w.pubs {
		x.clock = disk.Op
	}
	for _, x := range w.subs {
		x.clock = disk.Op
	}
	err := w.settle()
	for i, x := range w.pubs {
		r.publishers[i] = x.events
	}
	for i, x := range w.subs {
		r.subscribers[i] = x.events
	}
	return err
}

// chooseEarly picks a cut, rather one from the time of the start.
func (r *recording) chooseEarly(seed uint64) int {
	f := rand.New(rand.NewPCG(seed, 2)).Float64()
	return 1 + int(f*f*float64(r.trace.Len()))
}
