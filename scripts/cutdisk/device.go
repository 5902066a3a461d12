//go:build !arm && !386

package cutdisk

import (
	"bufio"
	"context"
	"sync"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// device is the one file, and what was done to it.
type device struct {
	fs.Inode
	latency Latency
	data    []byte
	counts  *page

	busy  sync.Mutex // held for the time that the latency model asks for
	mu    sync.Mutex // guards data and the following
	trace *bufio.Writer
	err   error // of writing the trace
}

func (d *device) wait(t time.Duration) {
	if t > 0 {
		d.busy.Lock()
		defer d.busy.Unlock()
		time.Sleep(t)
	}
}

// done records and counts an op that is complete. mu is held: whoever reads the counter after an acknowledgement that this op
// allowed finds it counted.
func (d *device) done(o *op) {
	if d.trace != nil && d.err == nil {
		d.err = appendOp(d.trace, o)
	}
	d.counts.ops.Add(1)
}

func (d *device) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	out.Mode, out.Size = 0o600, uint64(len(d.data))
	return 0
}

func (d *device) Setattr(_ context.Context, _ fs.FileHandle, _ *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	out.Mode, out.Size = 0o600, uint64(len(d.data))
	return 0
}

// Open keeps the kernel from caching: what is written is written here.
func (d *device) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return nil, fuse.FOPEN_DIRECT_IO, 0
}

func (d *device) Read(_ context.Context, _ fs.FileHandle, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	if off < int64(len(d.data)) {
		n = copy(dest, d.data[off:])
	}
	return fuse.ReadResultData(dest[:n]), 0
}

func (d *device) Write(_ context.Context, _ fs.FileHandle, b []byte, off int64) (uint32, syscall.Errno) {
	if off+int64(len(b)) > int64(len(d.data)) {
		return 0, syscall.ENOSPC
	}
	d.wait(d.latency.Write + time.Duration((len(b)+pageSize-1)/pageSize)*d.latency.Page)
	d.mu.Lock()
	defer d.mu.Unlock()
	copy(d.data[off:], b)
	d.counts.writes.Add(1)
	d.counts.bytes.Add(uint64(len(b)))
	d.done(&op{kind: opWrite, at: off, data: b})
	return uint32(len(b)), 0
}

// Fsync is the flush of the loop device. It covers what was complete when it began.
func (d *device) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	covers := int(d.counts.ops.Load())
	d.wait(d.latency.Flush)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.counts.flushes.Add(1)
	d.done(&op{kind: opFlush, covers: covers})
	return 0
}

// Allocate is how the loop device discards and zeroes.
func (d *device) Allocate(_ context.Context, _ fs.FileHandle, off, size uint64, mode uint32) syscall.Errno {
	const known = unix.FALLOC_FL_PUNCH_HOLE | unix.FALLOC_FL_ZERO_RANGE | unix.FALLOC_FL_KEEP_SIZE
	if mode&^known != 0 || mode&^unix.FALLOC_FL_KEEP_SIZE == 0 {
		return syscall.EOPNOTSUPP
	}
	end := min(off+size, uint64(len(d.data)))
	if off >= end {
		return 0
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.data[off:end])
	d.counts.discards.Add(1)
	d.done(&op{kind: opDiscard, at: int64(off), length: int64(end - off)})
	return 0
}

// folder is the root of the FUSE file system.
type folder struct {
	fs.Inode
	device *device
}

func (f *folder) OnAdd(ctx context.Context) {
	child := f.NewPersistentInode(ctx, f.device, fs.StableAttr{Mode: syscall.S_IFREG, Ino: 2})
	f.AddChild(deviceFile, child, true)
}
