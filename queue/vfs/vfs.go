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
	Rename(from, to string) error      // replaces to; until SyncDir a power cut may leave either name, both or none
	List(dir string) ([]string, error) // sorted base names
	SyncDir(dir string) error
	Lock(name string) (Lock, error) // ErrLocked
	// Free is how many bytes an ordinary user may still write to the file system that dir is on.
	Free(dir string) (int64, error)
	// Real calls f with the path of an ordinary file that has the content of name, or is missing as name is, and
	// that f may change, make or remove: for code that can work on nothing else. The path is good until f returns.
	// What f made durable is durable then, except the directory entry of a new file: SyncDir. The error is that of
	// f, or says that what f did could not be kept.
	Real(name string, f func(path string) error) error
}

// Lock is a lock that is held until Close.
type Lock interface {
	io.Closer
	// Note puts the id of the process into the file, for people. Taking the lock changes nothing in it. That this fails, on a full
	// disk for instance, changes nothing about the lock.
	Note()
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
