package edge_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"skerry/edge"
)

// TestStoreIsPrivate: nobody but the user of the station can read what it keeps, a store of an earlier version included.
// The data directory stays as its owner made it.
func TestStoreIsPrivate(t *testing.T) {
	leavesNothing(t)
	c := configure(t, noSensors)
	dir := c.Storage.Path
	s := start(t, c, edge.Options{})
	s.stop()
	onlyOwner(t, dir, 3)

	old := filepath.Join(dir, "quarantine", "slot-0001.copy")
	mine := filepath.Join(dir, "notes")
	if err := errors.Join(os.Mkdir(filepath.Dir(old), 0o750), os.WriteFile(old, nil, 0o640), os.WriteFile(mine, nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	for path, mode := range map[string]fs.FileMode{"": 0o755, "lock": 0o640, "log": 0o750, "log/slot-0000": 0o640} {
		if err := os.Chmod(filepath.Join(dir, path), mode); err != nil {
			t.Fatal(err)
		}
	}
	s = start(t, c, edge.Options{})
	onlyOwner(t, dir, 5)
	s.stop()
	for path, want := range map[string]fs.FileMode{dir: 0o755, mine: 0o644} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
}

// onlyOwner wants so many things of a store in dir, and all of them closed.
func onlyOwner(t *testing.T, dir string, want int) {
	t.Helper()
	n := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == dir || e.Name() == "notes" || e.Type() == fs.ModeSocket {
			return err
		}
		info, err := e.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v", path, info.Mode())
		}
		n++
		return err
	})
	if err != nil || n < want {
		t.Errorf("%d things of the store, %v", n, err)
	}
}
