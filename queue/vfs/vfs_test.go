package vfs_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"

	"skerry/queue/vfs"
)

// TestBoth is what both file systems do alike.
func TestBoth(t *testing.T) {
	for _, c := range []struct {
		name string
		fs   vfs.FS
		dir  string
	}{{"OS", vfs.OS{}, t.TempDir()}, {"Disk", vfs.NewDisk(), "disk"}} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(c.dir, "a", "b")
			must(t, c.fs.MkdirAll(dir))
			must(t, c.fs.MkdirAll(dir))
			name := filepath.Join(dir, "file")
			if _, err := c.fs.Open(name); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("open of a missing file: %v", err)
			}
			f, err := c.fs.Create(name)
			must(t, err)
			if _, err := c.fs.Create(name); !errors.Is(err, fs.ErrExist) {
				t.Errorf("create of an existing file: %v", err)
			}
			must(t, f.Allocate(600_000))
			if size, err := f.Size(); size != 600_000 || err != nil {
				t.Errorf("size %d, %v", size, err)
			}
			_, err = f.WriteAt([]byte("hello"), 599_000)
			must(t, err)
			must(t, f.Sync())
			must(t, c.fs.SyncDir(dir))
			must(t, f.Close())
			f, err = c.fs.Open(name)
			must(t, err)
			got := make([]byte, 7)
			if _, err := f.ReadAt(got, 598_999); err != nil || string(got) != "\x00hello\x00" {
				t.Errorf("read %q, %v", got, err)
			}
			if n, err := f.ReadAt(got, 599_998); n != 2 || err != io.EOF {
				t.Errorf("read beyond the end: %d, %v", n, err)
			}
			must(t, f.Close())
			if names, err := c.fs.List(dir); !slices.Equal(names, []string{"file"}) || err != nil {
				t.Errorf("list %q, %v", names, err)
			}
			must(t, c.fs.Remove(name))
			if err := c.fs.Remove(name); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("remove of a missing file: %v", err)
			}
		})
	}
}

func TestLock(t *testing.T) {
	for name, fs := range map[string]vfs.FS{"OS": vfs.OS{}, "Disk": vfs.NewDisk()} {
		path := filepath.Join(t.TempDir(), "lock")
		l, err := fs.Lock(path)
		must(t, err)
		if _, err := fs.Lock(path); !errors.Is(err, vfs.ErrLocked) {
			t.Errorf("%s: second lock: %v", name, err)
		}
		must(t, l.Close())
		l, err = fs.Lock(path)
		must(t, err)
		must(t, l.Close())
	}
}

// TestLockIsNoted: taking a lock changes nothing in its file; noting the process does, and where it cannot, the lock is held all the
// same.
func TestLockIsNoted(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "lock")
	must(t, os.WriteFile(path, []byte("12345678901"), 0o600))
	for _, c := range []struct {
		note bool
		want string
	}{{false, "12345678901"}, {true, strconv.Itoa(os.Getpid())}} {
		l, err := vfs.OS{}.Lock(path)
		must(t, err)
		if c.note {
			l.Note()
		}
		must(t, l.Close())
		if b, err := os.ReadFile(path); string(b) != c.want || err != nil {
			t.Errorf("noted %t: the file holds %q, %v", c.note, b, err)
		}
	}
	full := filepath.Join(dir, "full")
	must(t, os.Symlink("/dev/full", full))
	l, err := vfs.OS{}.Lock(full)
	if err != nil {
		t.Fatalf("on a full disk: %v", err)
	}
	l.Note()
	if _, err := (vfs.OS{}).Lock(full); !errors.Is(err, vfs.ErrLocked) {
		t.Errorf("on a full disk: second lock: %v", err)
	}
	must(t, l.Close())
}

func TestWhatIsSyncedStays(t *testing.T) {
	d := vfs.NewDisk()
	f, err := d.Create("d/f")
	must(t, err)
	must(t, f.Allocate(4096))
	must(t, f.Sync())
	must(t, d.SyncDir("d"))
	_, _ = f.WriteAt(bytes.Repeat([]byte{1}, 1024), 0)
	must(t, f.Sync())
	_, _ = f.WriteAt(bytes.Repeat([]byte{2}, 1024), 1024)
	fates := map[string]bool{}
	for seed := range uint64(200) {
		c := d.Crash(rand.New(rand.NewPCG(seed, 1)), vfs.Garbling)
		got := read(t, c, "d/f", 4096)
		if !bytes.Equal(got[:1024], bytes.Repeat([]byte{1}, 1024)) || !bytes.Equal(got[2048:], make([]byte, 2048)) {
			t.Fatal("something was changed that was synced, or never written")
		}
		fates[string(sectors(got[1024:2048]))] = true
	}
	for _, want := range []string{"--", "nn", "n-", "-n", "n*", "*-", "**"} {
		if !fates[want] {
			t.Errorf("never seen: %s", want)
		}
	}
	if read(t, d, "d/f", 4096)[1024] != 2 {
		t.Error("Crash changed the disk itself")
	}
	if c := d.Killed(); read(t, c, "d/f", 4096)[1024] != 2 {
		t.Error("a kill lost what was written")
	}
}

// sectors says of each whether it is new, old or rubbish.
func sectors(b []byte) (fate []byte) {
	for s := range slices.Chunk(b, vfs.Sector) {
		switch {
		case bytes.Equal(s, bytes.Repeat([]byte{2}, vfs.Sector)):
			fate = append(fate, 'n')
		case bytes.Equal(s, make([]byte, vfs.Sector)):
			fate = append(fate, '-')
		default:
			fate = append(fate, '*')
		}
	}
	return fate
}

func TestDirectoryEntriesNeedSyncDir(t *testing.T) {
	d := vfs.NewDisk()
	for _, name := range []string{"d/old", "d/gone"} {
		_, err := d.Create(name)
		must(t, err)
	}
	must(t, d.SyncDir("d"))
	_, err := d.Create("d/new")
	must(t, err)
	must(t, d.Remove("d/gone"))
	seen := map[string]bool{}
	for seed := range uint64(50) {
		names, _ := d.Crash(rand.New(rand.NewPCG(seed, 1)), vfs.Honest).List("d")
		for _, n := range names {
			seen[n] = true
		}
		if !slices.Contains(names, "old") {
			t.Error("a durable entry is lost")
		}
		seen["no new"] = seen["no new"] || !slices.Contains(names, "new")
		seen["no gone"] = seen["no gone"] || !slices.Contains(names, "gone")
	}
	if len(seen) != 5 {
		t.Errorf("outcomes %v", seen)
	}
}

func TestCutAt(t *testing.T) {
	d := vfs.NewDisk()
	f, _ := d.Create("f")
	must(t, f.Allocate(512))
	must(t, f.Sync())
	must(t, d.SyncDir("."))
	d.CutAt(d.Ops() + 1)
	if _, err := f.WriteAt([]byte{1}, 0); !errors.Is(err, vfs.ErrPower) {
		t.Errorf("write: %v", err)
	}
	if _, err := f.WriteAt([]byte{2}, 1); !errors.Is(err, vfs.ErrPower) {
		t.Errorf("write: %v", err)
	}
	for name, err := range map[string]error{"sync": f.Sync(), "sync directory": d.SyncDir("."), "remove": d.Remove("f")} {
		if !errors.Is(err, vfs.ErrPower) {
			t.Errorf("%s: %v", name, err)
		}
	}
	got := read(t, d.Crash(rand.New(rand.NewPCG(1, 1)), vfs.Fate{Whole: 1}), "f", 2)
	if got[0] != 1 || got[1] != 0 {
		t.Errorf("%v: only the write under way may have happened", got)
	}
}

func TestFailedSyncLosesWhatWasWritten(t *testing.T) {
	d := vfs.NewDisk()
	f, _ := d.Create("f")
	_, _ = f.WriteAt([]byte{1}, 0)
	d.Hook(func(op vfs.Op) error {
		if op.Kind == vfs.OpSync {
			return syscall.EIO
		}
		return nil
	})
	if err := f.Sync(); !errors.Is(err, syscall.EIO) {
		t.Errorf("sync: %v", err)
	}
	d.Hook(nil)
	must(t, f.Sync())
	must(t, d.SyncDir("."))
	if read(t, d, "f", 1)[0] != 1 {
		t.Error("reads must still show it")
	}
	c := d.Crash(rand.New(rand.NewPCG(1, 1)), vfs.Honest)
	if g, _ := c.Open("f"); g == nil {
		t.Error("the file is lost")
	} else if size, _ := g.Size(); size != 0 {
		t.Error("a second sync saved what the first had lost")
	}
}

func TestLyingSync(t *testing.T) {
	d := vfs.NewDisk()
	f, _ := d.Create("f")
	must(t, f.Allocate(512))
	must(t, f.Sync())
	must(t, d.SyncDir("."))
	d.LieFrom(d.Ops() + 1)
	_, _ = f.WriteAt([]byte{1}, 0)
	must(t, f.Sync())
	if got := read(t, d.Crash(rand.New(rand.NewPCG(1, 1)), vfs.Fate{Dropped: 1}), "f", 1); got[0] != 0 {
		t.Error("the disk did not lie")
	}
}

func read(t *testing.T, fs vfs.FS, name string, n int) []byte {
	t.Helper()
	f, err := fs.Open(name)
	must(t, err)
	b := make([]byte, n)
	if _, err := f.ReadAt(b, 0); err != nil {
		t.Fatal(err)
	}
	return b
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
