package edge

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// closeToOthers leaves what belongs to a store to its owner alone. New files are made so; earlier versions let the group
// read. The data directory itself may hold other things and stays as it is.
func closeToOthers(dir string) error {
	var errs []error
	for _, name := range []string{"lock", "log", "ckpt-a.db", "ckpt-b.db", "quarantine", "importing"} {
		err := filepath.WalkDir(filepath.Join(dir, name), closeEntry)
		if !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// closeEntry changes what is open to others, and nothing else: not even the time of a file.
func closeEntry(path string, e fs.DirEntry, err error) error {
	if err != nil {
		return err
	}
	info, err := e.Info()
	if err != nil || !info.IsDir() && !info.Mode().IsRegular() || info.Mode().Perm()&0o077 == 0 {
		return err
	}
	return os.Chmod(path, info.Mode().Perm()&^0o077)
}
