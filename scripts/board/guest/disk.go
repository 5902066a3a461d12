package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// turnFile is on the disk, and says how often this program has ended a turn on this machine.
const turnFile = "/data/turn"

// disk mounts at /data what outlasts the power of this machine, and tells which turn this is, from 0 on.
func disk() (turn int, err error) {
	device := ""
	err = eventually(30*time.Second, func() error {
		for _, name := range []string{"/dev/vda", "/dev/mmcblk0"} {
			if _, err := os.Stat(name); err == nil {
				device = name
				return nil
			}
		}
		return errors.New("this machine has no disk")
	})
	if err != nil {
		return 0, err
	}
	if err := os.MkdirAll("/data", 0o700); err != nil {
		return 0, err
	}
	if err := unix.Mount(device, "/data", "ext4", unix.MS_NOATIME, ""); err != nil {
		return 0, fmt.Errorf("mount %s: %w", device, err)
	}
	text, err := os.ReadFile(turnFile)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}

// turnOver notes that the turn is over. All else that is to outlast it must be on the disk by itself.
func turnOver(turn int) error {
	f, err := os.Create(turnFile)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, turn+1)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	folder, err := os.Open("/data")
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
