package queue

import (
	"errors"
	"path/filepath"
	"syscall"

	"skerry/queue/vfs"
)

// ballast is a file that does nothing but take room. When a checkpoint finds none, because other programs have filled the disk,
// the ballast goes overboard: without checkpoints the log could give no space back, and a store that was drained would stay full.
type ballast struct {
	fs   vfs.FS
	name string
	size int64 // bytes
	held bool
}

func (b *ballast) init(fs vfs.FS, dir string, size int64) {
	b.fs, b.name, b.size = fs, filepath.Join(dir, "ballast"), size
	f, err := fs.Open(b.name)
	if err != nil {
		return
	}
	defer f.Close()
	n, err := f.Size()
	b.held = err == nil && n == size
}

// take makes the file if there is room in plenty. It is no matter if that fails: there is another time.
func (b *ballast) take() {
	const plenty = 4
	if free, err := b.fs.Free(filepath.Dir(b.name)); b.held || err != nil || free < plenty*b.size {
		return
	}
	_ = b.fs.Remove(b.name) // one that was cut short
	f, err := b.fs.Create(b.name)
	if err != nil {
		return
	}
	err = errors.Join(f.Allocate(b.size), f.Sync(), f.Close(), b.fs.SyncDir(filepath.Dir(b.name)))
	if b.held = err == nil; !b.held {
		_ = b.fs.Remove(b.name)
	}
}

// drop gives the room to whoever failed with this error. False: there was another reason, or no ballast.
func (b *ballast) drop(err error) bool {
	if !b.held || !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EDQUOT) {
		return false
	}
	b.held = false
	return b.fs.Remove(b.name) == nil
}
