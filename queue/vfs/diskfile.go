package vfs

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
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
	f.n.view = put(f.n.view, p, at)
	f.n.later = append(f.n.later, write{at, bytes.Clone(p)})
	if err != nil { // the write that was under way when the power went: its fate is decided by Crash
		return 0, f.fail("write", err)
	}
	return len(p), nil
}

func (f *diskFile) Allocate(size int64) error {
	_, err := f.WriteAt(make([]byte, size), 0)
	return err
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
		f.n.medium = put(f.n.medium, w.data, w.at)
	}
	f.n.later = nil
	return nil
}

func (f *diskFile) fail(op string, err error) error {
	return &fs.PathError{Op: op, Path: f.name, Err: err}
}

// put writes p into b at an offset, growing b with zeros.
func put(b, p []byte, at int64) []byte {
	if end := at + int64(len(p)); end > int64(len(b)) {
		b = append(b, make([]byte, end-int64(len(b)))...)
	}
	copy(b[at:], p)
	return b
}
