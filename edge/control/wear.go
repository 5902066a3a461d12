package control

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Wear is what the device under a directory has been written since it was first looked at.
type Wear struct {
	device string // its name in /sys/block; "": not known
	path   string // of its counters
	began  time.Time
	first  uint64
}

// sectorSize is that of the kernel's counters, whatever the device's is.
const sectorSize = 512

// WatchWear begins to count for the file system that dir lies on.
func WatchWear(dir string) *Wear {
	w := &Wear{began: time.Now()}
	var st unix.Stat_t
	if unix.Stat(dir, &st) != nil {
		return w
	}
	link := fmt.Sprintf("/sys/dev/block/%d:%d", unix.Major(uint64(st.Dev)), unix.Minor(uint64(st.Dev)))
	path, err := filepath.EvalSymlinks(link)
	if err != nil {
		return w // a network file system, tmpfs, btrfs
	}
	if _, err := os.Stat(filepath.Join(path, "partition")); err == nil {
		path = filepath.Dir(path)
	}
	w.device, w.path = filepath.Base(path), filepath.Join(path, "stat")
	w.first, err = w.sectors()
	if err != nil {
		w.device = ""
	}
	return w
}

// sectors is the seventh number of the kernel's statistics.
func (w *Wear) sectors() (uint64, error) {
	text, err := os.ReadFile(w.path)
	if err != nil {
		return 0, err
	}
	const written = 6
	f := strings.Fields(string(text))
	if len(f) <= written {
		return 0, fmt.Errorf("%s: too short", w.path)
	}
	return strconv.ParseUint(f[written], 10, 64)
}

// Written is how many bytes the whole device has been written since, by everybody, and its name; "" if it is not known.
func (w *Wear) Written() (device string, bytes uint64) {
	if w == nil || w.device == "" {
		return "", 0
	}
	now, err := w.sectors()
	if err != nil || now < w.first {
		return "", 0
	}
	return w.device, (now - w.first) * sectorSize
}
