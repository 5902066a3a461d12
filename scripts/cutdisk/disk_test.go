package cutdisk_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"skerry/scripts/cutdisk"
)

// TestMain makes the test binary the server of its own devices, and puts it into namespaces of its own where that is possible.
func TestMain(m *testing.M) {
	if code, was := cutdisk.Served(); was {
		os.Exit(code)
	}
	if cutdisk.Able() != nil {
		os.Exit(m.Run())
	}
	code, done, err := cutdisk.Isolate()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if done || err != nil {
		os.Exit(code)
	}
	os.Exit(m.Run())
}

func openDisk(t *testing.T, o cutdisk.Options) *cutdisk.Disk {
	t.Helper()
	if err := cutdisk.Able(); err != nil {
		t.Skip(err)
	}
	o.Size = 32 << 20
	d, err := cutdisk.Open(t.TempDir(), o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func closeDisk(t *testing.T, d *cutdisk.Disk) {
	t.Helper()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

// write appends to a file and makes that durable.
func write(t *testing.T, name string, b []byte) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
}

func TestDiskCountsWhatIsWritten(t *testing.T) {
	d := openDisk(t, cutdisk.Options{})
	defer closeDisk(t, d)
	before := d.Counters()
	const n = 100_000
	write(t, filepath.Join(d.Folder, "file"), make([]byte, n))
	c := d.Counters().Sub(before)
	if c.Bytes < n || c.Bytes > 3*n {
		t.Errorf("%d bytes reached the device, %d were written", c.Bytes, n)
	}
	if c.Flushes < 1 || c.Writes < 2 || c.Ops != c.Writes+c.Flushes+c.Discards {
		t.Errorf("%+v", c)
	}
}

// TestEveryCutHoldsWhatWasSynced: at each op the file system can be mounted, and the file has at least what fsync had confirmed by then.
func TestEveryCutHoldsWhatWasSynced(t *testing.T) {
	d := openDisk(t, cutdisk.Options{Trace: true})
	line := bytes.Repeat([]byte("0123456789abcdef"), 256) // a block: a garbled write of the next line must not touch this one
	var confirmed []int                                   // op at which so many lines were durable
	for range 8 {
		write(t, filepath.Join(d.Folder, "file"), line)
		confirmed = append(confirmed, d.Op())
	}
	closeDisk(t, d)
	trace, err := d.Trace()
	if err != nil {
		t.Fatal(err)
	}
	s, err := cutdisk.NewScratch(32 << 20)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	folder, chance := t.TempDir(), rand.New(rand.NewPCG(1, 1))
	c := trace.NewCutter(0)
	for cut := 1; cut <= trace.Len(); cut++ {
		c.Cut(s.Disk, cut, cut%2 == 0, chance)
		want := 0
		for _, op := range confirmed {
			if op <= cut {
				want++
			}
		}
		if got := countLines(t, s, folder, line); got < want {
			t.Errorf("after op %d: %d lines, %d were durable", cut, got, want)
		}
	}
}

// countLines mounts the disk and counts how many whole lines the file begins with.
func countLines(t *testing.T, s *cutdisk.Scratch, folder string, line []byte) int {
	t.Helper()
	repaired, err := s.Mount(folder)
	if err != nil || repaired {
		t.Fatalf("mount: %v, repaired %v", err, repaired)
	}
	b, err := os.ReadFile(filepath.Join(folder, "file"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if err := cutdisk.Unmount(folder); err != nil {
		t.Fatal(err)
	}
	n := 0
	for len(b) >= len(line) && bytes.Equal(b[:len(line)], line) {
		b = b[len(line):]
		n++
	}
	return n
}

func TestBootIsAnotherOneEachTime(t *testing.T) {
	if err := cutdisk.Able(); err != nil {
		t.Skip(err)
	}
	b, err := cutdisk.NewBoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for range 3 {
		id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
		if err != nil || len(id) != 37 || seen[string(id)] {
			t.Fatalf("%q, %v", id, err)
		}
		seen[string(id)] = true
		if err := b.Next(); err != nil {
			t.Fatal(err)
		}
	}
}
