// Package vfs is the seam between the log and the file system.
//
// It exists so that a power cut can be played in a test: Disk is a memory disk that counts its operations, loses
// power at any of them, tears and garbles what was not synced, and fails on demand. OS is the real thing.
//
// Both promise: WriteAt of a File may be reordered with any other write until Sync of that File returns
// nil; what was written before is then durable, and the length of the file with it. A directory entry is durable
// after SyncDir. After an error of Sync nothing is known about what was written since the last good one, and a
// second Sync proves nothing.
//
// Limits: Linux. Names are paths in the sense of package path/filepath.
package vfs

import (
	"errors"
	"io"
)

// ErrLocked is returned by Lock when another process holds the lock.
var ErrLocked = errors.New("in use by another process")

// FS is a file system as far as the log needs one.
type FS interface {
	MkdirAll(dir string) error
	Open(name string) (File, error)   // for reading and writing; fs.ErrNotExist
	Create(name string) (File, error) // must not exist: fs.ErrExist
	Remove(name string) error
	List(dir string) ([]string, error) // sorted base names
	SyncDir(dir string) error
	Lock(name string) (io.Closer, error) // ErrLocked
}

// File is an open file.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Size() (int64, error)
	// Allocate makes the file size bytes long, all zero and all written, so that later writes change no metadata.
	Allocate(size int64) error
	// Sync is fdatasync.
	Sync() error
}
