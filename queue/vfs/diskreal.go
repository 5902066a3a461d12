package vfs

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// page is the unit in which Real of a Disk looks for changes: that of the database files it is made for.
const page = 4096

// Real copies the file to an ordinary one, and then plays what f changed back as a database with two meta pages at
// its beginning writes a transaction: the file grows, all pages but the first two are written, a sync, the first two
// if they changed, a sync. Each of these is an operation of its own, so that the power may go in between. One call
// should therefore do one transaction: of several only the sum is seen.
func (d *Disk) Real(name string, f func(path string) error) error {
	name = filepath.Clean(name)
	if err := d.beginRead(Op{Kind: OpRead, Name: name}); err != nil {
		return &fs.PathError{Op: "read", Path: name, Err: err}
	}
	dir, err := realDir()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, filepath.Base(name))
	before, existed := d.content(name)
	if existed {
		if err := os.WriteFile(path, before, fileMode); err != nil {
			return err
		}
	}
	failed := f(path)
	after, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && existed:
		err = d.Remove(name)
	case errors.Is(err, fs.ErrNotExist):
		err = nil
	case err == nil:
		err = d.play(name, existed, before, after)
	}
	return errors.Join(failed, err)
}

// realDir is in memory where there is such a place.
func realDir() (string, error) {
	if dir, err := os.MkdirTemp("/dev/shm", "skerry-disk"); err == nil {
		return dir, nil
	}
	return os.MkdirTemp("", "skerry-disk")
}

func (d *Disk) content(name string) ([]byte, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.nodes[name]
	if n == nil {
		return nil, false
	}
	return bytes.Clone(n.view), true
}

func (d *Disk) play(name string, existed bool, before, after []byte) error {
	if existed && bytes.Equal(before, after) {
		return nil
	}
	open := d.Open
	if !existed {
		open = d.Create
	}
	f, err := open(name)
	if err != nil {
		return err
	}
	file := f.(*diskFile)
	if len(before) != len(after) {
		if err := file.resize(int64(len(after))); err != nil {
			return err
		}
	}
	const meta = 2 * page
	wrote, err := file.writeChanges(before, after, meta, len(after))
	if err == nil && (wrote || len(before) != len(after)) {
		err = file.Sync()
	}
	if err != nil {
		return err
	}
	wrote, err = file.writeChanges(before, after, 0, min(meta, len(after)))
	if err == nil && wrote {
		err = file.Sync()
	}
	return err
}

// writeChanges writes each run of changed pages in [from, to) with one write.
func (f *diskFile) writeChanges(before, after []byte, from, to int) (wrote bool, err error) {
	for at := from; at < to; {
		end := at
		for end < to && !bytes.Equal(pageOf(before, end), pageOf(after, end)) {
			end = min(end+page, to)
		}
		if end == at {
			at += page
			continue
		}
		if _, err := f.WriteAt(after[at:end], int64(at)); err != nil {
			return wrote, err
		}
		wrote, at = true, end
	}
	return wrote, nil
}

func pageOf(b []byte, at int) []byte {
	at = min(at, len(b))
	return b[at:min(at+page, len(b))]
}
