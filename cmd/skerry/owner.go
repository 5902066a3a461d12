package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// becomeOwner makes root the user that a store belongs to. What root leaves in a store, a station that runs as that user cannot
// open; and what comes from a store needs no root to be read.
func becomeOwner(dir string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	uid, gid, err := owner(dir)
	if err != nil || uid == 0 {
		return err
	}
	err = errors.Join(syscall.Setgroups([]int{gid}), syscall.Setresgid(gid, gid, gid), syscall.Setresuid(uid, uid, uid))
	if err != nil {
		return fmt.Errorf("become the user %d, whom the store belongs to: %w", uid, err)
	}
	return nil
}

// owner tells who made the store; where there is none yet, whose directory it is. 0: root, or nothing is there.
func owner(dir string) (uid, gid int, err error) {
	for _, path := range []string{filepath.Join(dir, "lock"), filepath.Join(dir, "log"), dir} {
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return 0, 0, err
		}
		st := info.Sys().(*syscall.Stat_t)
		return int(st.Uid), int(st.Gid), nil
	}
	return 0, 0, nil
}
