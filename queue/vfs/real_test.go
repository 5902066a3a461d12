package vfs_test

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"skerry/queue/vfs"
)

// pages makes a file of pages, each full of one byte.
func pages(of ...byte) []byte {
	var b []byte
	for _, c := range of {
		b = append(b, bytes.Repeat([]byte{c}, 4096)...)
	}
	return b
}

// becomes replaces the content of a file through Real; nil removes it.
func becomes(t *testing.T, fsys vfs.FS, name string, b []byte) error {
	t.Helper()
	return fsys.Real(name, func(path string) error {
		if b == nil {
			return os.Remove(path)
		}
		return os.WriteFile(path, b, 0o600)
	})
}

func content(fsys vfs.FS, name string) []byte {
	f, err := fsys.Open(name)
	if err != nil {
		return nil
	}
	defer f.Close()
	size, _ := f.Size()
	b := make([]byte, size)
	_, _ = f.ReadAt(b, 0)
	return b
}

func TestRealOnBoth(t *testing.T) {
	for _, c := range []struct {
		name string
		fs   vfs.FS
		dir  string
	}{{"OS", vfs.OS{}, t.TempDir()}, {"Disk", vfs.NewDisk(), "disk"}} {
		t.Run(c.name, func(t *testing.T) {
			name := filepath.Join(c.dir, "file.db")
			for _, b := range [][]byte{pages(1, 2, 3), pages(1, 2, 4, 5), pages(9, 2), pages(9, 2), nil, pages(7), nil} {
				must(t, becomes(t, c.fs, name, b))
				if got := content(c.fs, name); !bytes.Equal(got, b) {
					t.Errorf("%d bytes, want %d", len(got), len(b))
				}
			}
			must(t, c.fs.Real(name, func(path string) error {
				if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("a missing file: %v", err)
				}
				return nil
			}))
			broken := errors.New("broken")
			if err := c.fs.Real(name, func(string) error { return broken }); !errors.Is(err, broken) {
				t.Errorf("the error of the caller: %v", err)
			}
			if free, err := c.fs.Free(c.dir); free <= 0 || err != nil {
				t.Errorf("%d bytes free, %v", free, err)
			}
		})
	}
}

// TestRealWritesAsADatabaseDoes: the first two pages change after all the others are durable, whenever the power goes.
func TestRealWritesAsADatabaseDoes(t *testing.T) {
	before, after := pages(1, 1, 1, 1, 1), pages(2, 1, 2, 2, 1, 2, 2)
	states := map[string]bool{}
	for cut := 1; cut < 10; cut++ {
		for seed := range uint64(40) {
			d := vfs.NewDisk()
			must(t, becomes(t, d, "d/f", before))
			must(t, d.SyncDir("d"))
			d.CutAt(d.Ops() + cut)
			err := becomes(t, d, "d/f", after)
			if (err != nil) != (cut <= 6) || err != nil && !errors.Is(err, vfs.ErrPower) {
				t.Fatalf("cut %d: %v", cut, err)
			}
			got := content(d.Crash(rand.New(rand.NewPCG(seed, 1)), vfs.Honest), "d/f")
			switch {
			case err == nil && !bytes.Equal(got, after):
				t.Fatal("a transaction that returned is lost")
			case !bytes.Equal(got[:4096], before[:4096]) && !bytes.Equal(got[4096:], after[4096:]):
				t.Fatal("the first page was written before the others were durable")
			}
			states[string(got)] = true
		}
	}
	if len(states) < 10 {
		t.Errorf("only %d states were seen", len(states))
	}
}

func TestCapacity(t *testing.T) {
	d := vfs.NewDisk()
	d.SetCapacity(10_000)
	f, err := d.Create("a")
	must(t, err)
	must(t, f.Allocate(6000))
	g, err := d.Create("b")
	must(t, err)
	if err := g.Allocate(6000); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("allocate: %v", err)
	}
	if size, _ := g.Size(); size != 4000 {
		t.Errorf("%d bytes are left of the file that did not fit", size)
	}
	if free, _ := d.Free("."); free != 0 {
		t.Errorf("%d bytes free", free)
	}
	if _, err := f.WriteAt(make([]byte, 6000), 0); err != nil {
		t.Errorf("to write over what is there: %v", err)
	}
	if err := becomes(t, d, "c", pages(1, 2, 3)); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("real: %v", err)
	}
	if len(content(d, "c")) != 0 {
		t.Error("a file that did not fit is there in part")
	}
	must(t, d.Remove("a"))
	if free, _ := d.Killed().Free("."); free != 6000 {
		t.Errorf("%d bytes free", free)
	}
	must(t, becomes(t, d, "a", pages(1)))
}

func TestReadOnlyRemount(t *testing.T) {
	d := vfs.NewDisk()
	f, err := d.Create("a")
	must(t, err)
	must(t, f.Allocate(512))
	d.SetReadOnly(true)
	_, opened := d.Open("a")
	_, created := d.Create("b")
	_, locked := d.Lock("lock")
	_, written := f.WriteAt([]byte{1}, 0)
	for what, err := range map[string]error{
		"open": opened, "create": created, "lock": locked, "write": written, "sync": f.Sync(),
		"remove": d.Remove("a"), "sync directory": d.SyncDir("."), "real": becomes(t, d, "a", pages(1)),
	} {
		if !errors.Is(err, syscall.EROFS) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if n, err := f.ReadAt(make([]byte, 512), 0); n != 512 || err != nil {
		t.Errorf("read: %d, %v", n, err)
	}
	d.SetReadOnly(false)
	must(t, f.Sync())
}

func TestReadsThatFail(t *testing.T) {
	d := vfs.NewDisk()
	must(t, becomes(t, d, "a", pages(1, 2)))
	before := d.Ops()
	d.HookReads(func(op vfs.Op) error {
		if op.Kind != vfs.OpRead || op.Name != "a" {
			t.Errorf("%+v", op)
		}
		if op.Offset == 0 {
			return syscall.EIO
		}
		return nil
	})
	f, err := d.Open("a")
	must(t, err)
	if _, err := f.ReadAt(make([]byte, 10), 0); !errors.Is(err, syscall.EIO) {
		t.Errorf("read: %v", err)
	}
	if _, err := f.ReadAt(make([]byte, 10), 10); err != nil {
		t.Errorf("read: %v", err)
	}
	if err := becomes(t, d, "a", pages(3)); !errors.Is(err, syscall.EIO) {
		t.Errorf("real: %v", err)
	}
	if d.Ops() != before {
		t.Error("reads were counted")
	}
}
