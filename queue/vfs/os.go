package vfs

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// OS is the file system of the machine.
type OS struct{}

// What is kept are messages: nobody but the user that the program runs as has a part in them.
const (
	dirMode  = 0o700
	fileMode = 0o600
)

func (OS) MkdirAll(dir string) error { return os.MkdirAll(dir, dirMode) }

func (OS) Open(name string) (File, error) {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (OS) Create(name string) (File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (OS) Remove(name string) error { return os.Remove(name) }

func (OS) Rename(from, to string) error { return os.Rename(from, to) }

func (OS) List(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, nil
}

func (OS) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Lock takes an flock: the kernel gives it back when the process dies, so a stale lock file means nothing.
func (OS) Lock(name string) (Lock, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return nil, err
	}
	err = ignoringEINTR(func() error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) })
	if err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = fmt.Errorf("%s: %w", name, ErrLocked)
		}
		return nil, errors.Join(err, f.Close())
	}
	return osLock{f}, nil
}

type osLock struct{ *os.File }

func (l osLock) Note() {
	id := strconv.AppendInt(nil, int64(os.Getpid()), 10)
	if n, err := l.WriteAt(id, 0); err == nil {
		_ = l.Truncate(int64(n))
	}
}

// Free counts what is left to users other than root.
func (OS) Free(dir string) (int64, error) {
	var st unix.Statfs_t
	err := ignoringEINTR(func() error { return unix.Statfs(dir, &st) })
	if err != nil {
		return 0, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	const most = 1 << 62
	return int64(min(st.Bavail, most/uint64(st.Bsize)) * uint64(st.Bsize)), nil
}

func (OS) Real(name string, f func(path string) error) error { return f(name) }

type osFile struct{ *os.File }

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// Sync is fdatasync: fsync would drag the changed modification time through the journal of the file system.
func (f osFile) Sync() error {
	return ignoringEINTR(func() error { return unix.Fdatasync(int(f.Fd())) })
}

// Allocate reserves the blocks in one piece where the file system can, then writes them: an extent that was only
// reserved would be converted, through the journal, by the first write to each block.
func (f osFile) Allocate(size int64) error {
	err := ignoringEINTR(func() error { return unix.Fallocate(int(f.Fd()), 0, 0, size) })
	if err != nil && !errors.Is(err, unix.EOPNOTSUPP) {
		return &os.PathError{Op: "fallocate", Path: f.Name(), Err: err}
	}
	zeros := make([]byte, min(size, 256<<10))
	for at := int64(0); at < size; {
		n, err := f.WriteAt(zeros[:min(size-at, int64(len(zeros)))], at)
		if err != nil {
			return err
		}
		at += int64(n)
	}
	return nil
}

func ignoringEINTR(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
