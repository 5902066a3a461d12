package main

import (
	"errors"
	"fmt"
	"os"

	"skerry/scripts/cutdisk"
)

// figure is what one message costs.
type figure struct {
	messages       int
	bytes, flushes float64
}

// perMessage divides what was counted.
func perMessage(c cutdisk.Counters, n int) figure {
	return figure{messages: n, bytes: float64(c.Bytes) / float64(n), flushes: float64(c.Flushes) / float64(n)}
}

// onDisk makes a new disk, lets use do something on it, and takes it away.
func (s *settings) onDisk(o cutdisk.Options, use func(*cutdisk.Disk) error) error {
	dir, err := os.MkdirTemp(s.room, "disk-")
	if err != nil {
		return err
	}
	disk, err := cutdisk.Open(dir, o)
	if err != nil {
		return err
	}
	return errors.Join(use(disk), disk.Close())
}

// between counts what reaches the device while work is done, all of it: the file system is synced before and after.
func between(disk *cutdisk.Disk, work func() error) (cutdisk.Counters, error) {
	if err := cutdisk.Sync(disk.Folder); err != nil {
		return cutdisk.Counters{}, err
	}
	before := disk.Counters()
	if err := work(); err != nil {
		return cutdisk.Counters{}, err
	}
	if err := cutdisk.Sync(disk.Folder); err != nil {
		return cutdisk.Counters{}, err
	}
	return disk.Counters().Sub(before), nil
}

// measure runs a work on a new disk: first until the store is in its steady state, then the messages that count.
func (s *settings) measure(x system, w work) (figure, error) {
	var f figure
	n := max(int(float64(x.count(w))*s.scale), w.inflight)
	o := cutdisk.Options{Size: 256 << 20, Block: x.block, Latency: s.latency()}
	err := s.onDisk(o, func(disk *cutdisk.Disk) error {
		store, err := x.open(disk.Folder, w)
		if err != nil {
			return err
		}
		defer store.close()
		if x.warm > 0 {
			err = store.run(x.warm, warmSize, warmInflight)
		} else {
			err = store.run(w.inflight, size, w.inflight)
		}
		if err != nil {
			return fmt.Errorf("warm up: %w", err)
		}
		c, err := between(disk, func() error { return store.run(n, size, w.inflight) })
		f = perMessage(c, n)
		return err
	})
	if err != nil {
		return f, fmt.Errorf("%s, %s: %w", x.name, w.name, err)
	}
	return f, nil
}

const (
	size         = 100 // bytes of a message
	warmSize     = 4000
	warmInflight = 64
)
