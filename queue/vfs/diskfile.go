package vfs

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"syscall"
)

type diskFile struct {
	d    *Disk
	name string
	n    *node
}

func (f *diskFile) Close() error { return nil }

func (f *diskFile) Size() (int64, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	return int64(len(f.n.view)), nil
}

func (f *diskFile) ReadAt(p []byte, at int64) (int, error) {
	if err := f.d.beginRead(Op{Kind: OpRead, Name: f.name, Offset: at, Length: len(p)}); err != nil {
		return 0, f.fail("read", err)
	}
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if at >= int64(len(f.n.view)) {
		return 0, io.EOF
	}
	n := copy(p, f.n.view[at:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *diskFile) WriteAt(p []byte, at int64) (int, error) {
	err := f.d.begin(Op{Kind: OpWrite, Name: f.name, Offset: at, Length: len(p)})
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if err != nil && (!errors.Is(err, ErrPower) || f.d.dead()) {
		return 0, f.fail("write", err)
	}
	n := f.fitting(len(p), at)
	if n > 0 {
		f.n.view = put(f.n.view, p[:n], at)
		f.n.later = append(f.n.later, write{at: at, data: bytes.Clone(p[:n])})
	}
	switch {
	case err != nil: // the write that was under way when the power went: its fate is decided by Crash
		return 0, f.fail("write", err)
	case n < len(p):
		return n, f.fail("write", syscall.ENOSPC)
	}
	return n, nil
}

// fitting is how much of a write of n bytes the disk has room for.
func (f *diskFile) fitting(n int, at int64) int {
	if f.d.capacity == 0 {
		return n
	}
	room := int64(len(f.n.view)) + f.d.free() - at
	return int(max(0, min(int64(n), room)))
}

func (f *diskFile) Allocate(size int64) error {
	_, err := f.WriteAt(make([]byte, size), 0)
	return err
}

// resize is one operation. It fails, and changes nothing, when there is no room for a longer file.
func (f *diskFile) resize(size int64) error {
	err := f.d.begin(Op{Kind: OpWrite, Name: f.name, Offset: size})
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if err != nil && (!errors.Is(err, ErrPower) || f.d.dead()) {
		return f.fail("truncate", err)
	}
	if grow := size - int64(len(f.n.view)); grow > f.d.free() {
		return f.fail("truncate", syscall.ENOSPC)
	}
	w := write{at: size, cut: true}
	f.n.view = w.resize(f.n.view)
	f.n.later = append(f.n.later, w)
	if err != nil {
		return f.fail("truncate", err)
	}
	return nil
}

// Sync moves what was written to the medium. A failed one loses it, although reads still show it: that is what
// Linux does.
func (f *diskFile) Sync() error {
	err := f.d.begin(Op{Kind: OpSync, Name: f.name})
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	switch {
	case errors.Is(err, ErrPower):
		return f.fail("sync", err)
	case err != nil:
		f.n.later = nil
		return f.fail("sync", err)
	case f.d.lieFrom > 0 && f.d.ops >= f.d.lieFrom:
		return nil
	}
	for _, w := range f.n.later {
		f.n.medium = w.on(f.n.medium)
	}
	f.n.later = nil
	return nil
}

func (f *diskFile) fail(op string, err error) error {
	return &fs.PathError{Op: op, Path: f.name, Err: err}
}

// on is what a file holds after the write.
func (w write) on(b []byte) []byte {
	if w.cut {
		return w.resize(b)
	}
	return put(b, w.data, w.at)
}

func (w write) resize(b []byte) []byte {
	if w.at <= int64(len(b)) {
		return b[:w.at:w.at]
	}
	return put(b, make([]byte, w.at-int64(len(b))), int64(len(b)))
}

// put writes p into b at an offset, growing b with zeros.
func put(b, p []byte, at int64) []byte {
	if end := at + int64(len(p)); end > int64(len(b)) {
		b = append(b, make([]byte, end-int64(len(b)))...)
	}
	copy(b[at:], p)
	return b
}
