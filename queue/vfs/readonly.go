package vfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// ErrReadOnly is what ReadOnly says to everybody who would write.
var ErrReadOnly = errors.New("opened for reading only")

// ReadOnly is the file system of the machine for those who only look: nothing is made, changed, removed or synced, not even
// the lock file. The lock is taken all the same where there is one, so that nobody writes meanwhile.
type ReadOnly struct{ OS }

// MkdirAll wants the directory to be there.
func (ReadOnly) MkdirAll(dir string) error {
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		err = &os.PathError{Op: "open", Path: dir, Err: unix.ENOTDIR}
	}
	return err
}

// Open opens for reading.
func (ReadOnly) Open(name string) (File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	return readOnlyFile{osFile{f}}, nil
}

// Create fails.
func (ReadOnly) Create(name string) (File, error) {
	return nil, &os.PathError{Op: "create", Path: name, Err: ErrReadOnly}
}

// Remove fails.
func (ReadOnly) Remove(name string) error {
	return &os.PathError{Op: "remove", Path: name, Err: ErrReadOnly}
}

// Rename fails.
func (ReadOnly) Rename(from, _ string) error {
	return &os.PathError{Op: "rename", Path: from, Err: ErrReadOnly}
}

// SyncDir does nothing.
func (ReadOnly) SyncDir(string) error { return nil }

// Lock takes the lock of a file that exists. Without it there is nobody to keep out.
func (ReadOnly) Lock(name string) (Lock, error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return unnoted{io.NopCloser(nil)}, nil
	}
	if err != nil {
		return nil, err
	}
	err = ignoringEINTR(func() error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) })
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = fmt.Errorf("%s: %w", name, ErrLocked)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return unnoted{f}, nil
}

type unnoted struct{ io.Closer }

func (unnoted) Note() {}

type readOnlyFile struct{ osFile }

func (f readOnlyFile) WriteAt([]byte, int64) (int, error) {
	return 0, &os.PathError{Op: "write", Path: f.Name(), Err: ErrReadOnly}
}

func (f readOnlyFile) Allocate(int64) error {
	return &os.PathError{Op: "allocate", Path: f.Name(), Err: ErrReadOnly}
}

func (f readOnlyFile) Sync() error { return nil }
