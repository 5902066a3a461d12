package cutdisk

import (
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Counters say what the device was asked since it exists.
type Counters struct {
	Ops      uint64 // writes, discards and flushes
	Writes   uint64
	Bytes    uint64 // written
	Flushes  uint64
	Discards uint64
}

// Sub gives what was counted since before.
func (c Counters) Sub(before Counters) Counters {
	return Counters{
		Ops: c.Ops - before.Ops, Writes: c.Writes - before.Writes, Bytes: c.Bytes - before.Bytes,
		Flushes: c.Flushes - before.Flushes, Discards: c.Discards - before.Discards,
	}
}

// page is the memory that the device and its users share.
type page struct {
	ops, writes, bytes, flushes, discards atomic.Uint64
}

func (p *page) read() Counters {
	return Counters{
		Ops: p.ops.Load(), Writes: p.writes.Load(), Bytes: p.bytes.Load(),
		Flushes: p.flushes.Load(), Discards: p.discards.Load(),
	}
}

// memory makes a file without a name, of zeros.
func memory(name string, size int64) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make a file in memory: %w", err)
	}
	f := os.NewFile(uintptr(fd), name)
	if err := f.Truncate(size); err != nil {
		f.Close()
		return nil, fmt.Errorf("size a file in memory: %w", err)
	}
	return f, nil
}

// mapped gives the first size bytes of f as memory shared with whoever maps it too.
func mapped(f *os.File, size int64) ([]byte, error) {
	b, err := unix.Mmap(int(f.Fd()), 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map %s: %w", f.Name(), err)
	}
	return b, nil
}

const pageSize = 4096

func mapPage(f *os.File) (*page, error) {
	b, err := mapped(f, pageSize)
	if err != nil {
		return nil, err
	}
	return (*page)(unsafe.Pointer(&b[0])), nil
}
