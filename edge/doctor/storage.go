package doctor

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
)

// folder is where the store is, or its nearest folder that exists, without a leading slash.
func (s *Subject) folder() string {
	dir := strings.Trim(path.Clean(s.Store), "/")
	for dir != "." && dir != "" && !s.there(dir) {
		dir = path.Dir(dir)
	}
	return dir
}

// space compares what is free with what the station leaves to others.
func space(ctx context.Context, s *Subject, r *Report) {
	dir := s.folder()
	if dir == "" || dir == "." || s.Config == nil {
		return
	}
	free, size, err := s.Files.Space(ctx, dir)
	if err != nil || size == 0 {
		return
	}
	keep := uint64(s.Config.Storage.KeepFree)
	if !s.Config.Storage.KeepFreeGiven {
		keep = min(keep, size/10)
	}
	what := fmt.Sprintf("%s free of %s", bytes(free), bytes(size))
	if free < keep {
		r.problem("space", fmt.Sprintf("%s for %s: less than keep_free, %s, so that messages give way", what, s.Store, bytes(keep)),
			"`du -xh / | sort -h | tail` shows what fills it; or set storage.limit and storage.keep_free")
		return
	}
	r.note("space", "%s for %s", what, s.Store)
}

// bytes writes a size with a decimal unit, as df -H does.
func bytes(n uint64) string {
	if n < 1_000_000_000 {
		return fmt.Sprintf("%.0f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}

// fileSystem is a line of /proc/mounts.
type fileSystem struct {
	device, at, kind string
	options          []string
}

// mounted finds the file system that a folder is on.
func (s *Subject) mounted(ctx context.Context, dir string) (best fileSystem, ok bool) {
	for line := range strings.Lines(s.text(ctx, "proc/mounts")) {
		f := strings.Fields(line)
		if len(f) < 4 {
			continue
		}
		at := strings.Trim(f[1], "/")
		inside := at == "" || dir == at || strings.HasPrefix(dir, at+"/")
		if inside && (!ok || len(f[1]) >= len(best.at)) { // of two at one place the later one hides the other
			best, ok = fileSystem{f[0], f[1], f[2], strings.Split(f[3], ",")}, true
		}
	}
	return best, ok
}

// mount looks at the file system of the store and its options.
func mount(ctx context.Context, s *Subject, r *Report) {
	dir := s.folder()
	if dir == "" || dir == "." {
		return
	}
	m, ok := s.mounted(ctx, dir)
	if !ok {
		return
	}
	before := r.Problems()
	about := "file system " + m.at
	fstab := "in /etc/fstab, then sudo mount -o remount " + m.at
	m.kinds(about, r)
	for _, o := range m.options {
		name, value, _ := strings.Cut(o, "=")
		switch {
		case o == "ro":
			r.problem(about, "is read-only", "`dmesg` tells whether the card failed; if it is meant to be, put the store elsewhere: storage: {path: ...}")
		case o == "nobarrier" || o == "barrier=0":
			r.problem(about, "is mounted with "+o+": what is acknowledged may be lost with the power", "take "+o+" out "+fstab)
		case o == "sync":
			r.problem(about, "is mounted with sync: every write goes to the card at once, and wears it", "take sync out "+fstab)
		case name == "data" && value == "journal":
			r.problem(about, "is mounted with data=journal: everything is written twice", "write data=ordered "+fstab)
		case name == "data" && value == "writeback":
			r.problem(about, "is mounted with data=writeback: after a power cut files may hold what was in them before", "write data=ordered "+fstab)
		}
	}
	if !slices.Contains(m.options, "noatime") && !slices.Contains(m.options, "relatime") {
		r.problem(about, "writes the time of each reading of a file", "write noatime "+fstab)
	}
	if r.Problems() == before {
		r.note(about, "%s, %s", m.kind, strings.Join(m.options, ","))
	}
}

// kinds tells the file systems that are no place for a store.
func (m fileSystem) kinds(about string, r *Report) {
	const elsewhere = "put the store on a disk: storage: {path: ...}"
	switch m.kind {
	case "tmpfs", "ramfs", "overlay", "overlayfs":
		r.problem(about, "is in memory ("+m.kind+"): nothing in the store survives a restart", elsewhere)
	case "vfat", "exfat", "msdos":
		r.problem(about, "is "+m.kind+", which has no journal: a power cut may take the whole store", elsewhere+" with ext4")
	}
}
