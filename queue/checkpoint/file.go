package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"go.etcd.io/bbolt"

	"skerry/queue/vfs"
)

var (
	// ErrUnreadable: the file is damaged or foreign; it can only be made again.
	ErrUnreadable = errors.New("unreadable checkpoint")
	// ErrUnfinished, which is ErrUnreadable too: the file was begun and nothing was ever in it, as when the disk is full or the power goes.
	ErrUnfinished = fmt.Errorf("%w: begun and never finished", ErrUnreadable)
	// ErrFormat: the file was written by a newer version. Nothing was touched.
	ErrFormat = errors.New("newer checkpoint format")
)

const (
	pageSize = 4096 // the default would be the kernel's: 16 KiB on a Raspberry Pi 5, and four times the bytes
	maxSize  = 256 << 20
	grain    = 64 << 10 // the file grows by this; more would be written for nothing
	lockWait = 5 * time.Second
)

// Read gives every pair of the file to pair, if that is not nil, and returns the head. The slices are valid during
// the call only. pair returns false for what it cannot understand: then the file is unreadable. The pairs that were
// given count only if the error is nil. Errors: fs.ErrNotExist, ErrFormat, ErrUnreadable.
func Read(fsys vfs.FS, name string, pair func(b Bucket, key, value []byte) bool) (h Head, err error) {
	err = fsys.Real(name, func(path string) error {
		return transaction(path, true, func(tx *bbolt.Tx) error {
			h, err = readAll(&Tx{tx: tx}, pair)
			return err
		})
	})
	return h, err
}

// ReadHead returns the head only. The pairs may be damaged.
func ReadHead(fsys vfs.FS, name string) (h Head, err error) {
	err = fsys.Real(name, func(path string) error {
		return transaction(path, true, func(tx *bbolt.Tx) error {
			h, err = (&Tx{tx: tx}).Head()
			return err
		})
	})
	return h, err
}

// Update changes the file in one transaction and returns how many bytes were written. If f returns an error, nothing
// is changed.
func Update(fsys vfs.FS, name string, f func(*Tx) error) (written int64, err error) {
	err = fsys.Real(name, func(path string) error {
		return transaction(path, false, func(tx *bbolt.Tx) error {
			t := &Tx{tx: tx}
			h, err := t.Head()
			if err != nil {
				return err
			}
			t.sum = h.sum
			if err := f(t); err != nil {
				return err
			}
			tx.OnCommit(func() { s := tx.Stats(); written = s.GetPageAlloc() + pageSize })
			return nil
		})
	})
	return written, err
}

// Create makes the file, in place of what is there. f fills it; without SetHead it stays unreadable. The file gets some
// free pages beside, so that an Update succeeds on a disk that has become full.
func Create(fsys vfs.FS, name string, f func(*Tx) error) (written int64, err error) {
	if err := fsys.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	err = fsys.Real(name, func(path string) error {
		return open(path, false, func(db *bbolt.DB) error {
			err := db.Update(func(tx *bbolt.Tx) error {
				t := &Tx{tx: tx}
				if err := t.format(); err != nil {
					return err
				}
				return f(t)
			})
			if err == nil {
				err = db.Update(dropSlack)
			}
			stats := db.Stats()
			written = stats.TxStats.GetPageAlloc() + 6*pageSize
			return err
		})
	})
	if err != nil {
		return 0, err
	}
	return written, fsys.SyncDir(filepath.Dir(name))
}

// transaction runs f on a file that is there and whose pages are sound.
func transaction(path string, readOnly bool, f func(*bbolt.Tx) error) error {
	if err := walk(path); err != nil {
		return err
	}
	return open(path, readOnly, func(db *bbolt.DB) error {
		if readOnly {
			return db.View(f)
		}
		return db.Update(f)
	})
}

// open runs f on the open database. bbolt panics on damage, and a page that the disk cannot read is a fault in the
// memory map: both are errors here. Then the database is not closed, because it may still hold its own locks; giving
// the file back is enough.
func open(path string, readOnly bool, f func(*bbolt.DB) error) (err error) {
	var file *os.File
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = unreadable("%v", p)
			if file != nil {
				file.Close()
			}
		}
	}()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{
		PageSize: pageSize, MaxSize: maxSize, ReadOnly: readOnly, Timeout: lockWait, FreelistType: bbolt.FreelistMapType,
		OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
			f, err := os.OpenFile(name, flag, mode)
			file = f
			return f, err
		},
	})
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	db.AllocSize = grain
	return errors.Join(f(db), db.Close())
}

func unreadable(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrUnreadable, fmt.Sprintf(format, args...))
}
