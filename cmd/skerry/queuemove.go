package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"skerry/queue"
	"skerry/queue/vfs"
)

// makeDir makes the data directory if it is not there. What root makes belongs to root.
func makeDir(dir string) error {
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err == nil && os.Geteuid() == 0 {
		fmt.Fprintf(os.Stderr, "skerry: %s was made and belongs to root; if the station runs as another user: chown -R USER %s\n", dir, dir)
	}
	return err
}

// importStore writes a store beside where it is to be, and moves it there as a whole.
func importStore(dir string, from io.Reader, o queue.Options) (queue.Counts, error) {
	disk := vfs.OS{}
	lock, err := disk.Lock(filepath.Join(dir, "lock"))
	if errors.Is(err, vfs.ErrLocked) {
		return queue.Counts{}, fmt.Errorf("%w (hint: the station runs; stop it first)", err)
	}
	if err != nil {
		return queue.Counts{}, err
	}
	defer lock.Close()
	if err := empty(dir); err != nil {
		return queue.Counts{}, err
	}
	lock.Note()
	aside := filepath.Join(dir, "importing")
	if err := os.RemoveAll(aside); err != nil { // of an import that was broken off
		return queue.Counts{}, err
	}
	defer os.RemoveAll(aside)
	counts, err := queue.Import(disk, aside, from, o)
	if err != nil {
		return counts, fmt.Errorf("import: %w (hint: there is no store in %s yet)", err, dir)
	}
	if err := tried(aside, counts); err != nil {
		return counts, err
	}
	if err := os.Rename(filepath.Join(aside, "log"), filepath.Join(dir, "log")); err != nil {
		return counts, err
	}
	return counts, disk.SyncDir(dir)
}

// empty tells whether there is no store in dir.
func empty(dir string) error {
	for _, name := range []string{"log", "ckpt-a.db", "ckpt-b.db"} {
		if _, err := os.Lstat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s holds a store already: %s is there (hint: an import replaces nothing; move that one away)", dir, name)
		}
	}
	return nil
}

// tried opens what was imported and looks whether all is there.
func tried(dir string, want queue.Counts) error {
	s, found, err := queue.Open(vfs.ReadOnly{}, dir, queue.Options{})
	if err != nil {
		return fmt.Errorf("open what was imported: %w", err)
	}
	got := s.Stats().Sessions
	if err := s.Close(); err != nil {
		return err
	}
	if got != want.Sessions || len(found.Retained) != want.Retained || found.Report.Damaged > 0 || found.Report.Unclean {
		return fmt.Errorf("what was imported does not read back: %d sessions of %d, %d retained messages of %d", got, want.Sessions, len(found.Retained), want.Retained)
	}
	return nil
}
