package queue_test

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"skerry/queue"
	"skerry/queue/vfs"
)

var million = flag.Int("million", 60_000, "messages in the backlog of TestMillion, a third of it with -short; its targets hold for 1000000")

// backlog is what TestMillion measures.
type backlog struct {
	fill, open, drain time.Duration
	filled            int64 // bytes of anonymous memory, at most, while the backlog grew
	grown             int64 // by which that is more than under the same load without a backlog
	drained           int64 // and most while it was opened and drained
	disk, left        int64 // bytes of files, full and after
	warm              int64 // bytes of the files that were still in the page cache when it was opened
	slots             int
}

// TestMillion fills a store for a session without connection, kills the process, opens the store with nothing of it in the page
// cache, and drains it. Each step is in a process of its own, so that memory is what the store takes. `make backlog`
// does it with a million messages, and fails when a target is missed.
func TestMillion(t *testing.T) {
	n, dir := *million, filepath.Join(t.TempDir(), "q")
	if testing.Short() {
		n /= 3
	}
	var b backlog
	t.Setenv(childNext, fmt.Sprint(n))
	filled(t, dir, &b)
	b.disk = diskUsage(t, dir)
	forgetCache(t, dir)
	b.warm = inCache(t, dir)
	out, err := childCommand(t, "drain backlog", dir).Output()
	if err != nil {
		t.Fatalf("drain: %v\n%s", err, out)
	}
	var open, drain int64
	_, err = fmt.Sscan(string(out), &open, &drain, &b.drained, &b.slots)
	must(t, err)
	b.open, b.drain = time.Duration(open), time.Duration(drain)
	b.left = diskUsage(t, dir)
	b.report(t, n)
}

func (b *backlog) report(t *testing.T, n int) {
	const mb = 1 << 20
	rate := float64(n) / b.drain.Seconds()
	rows := []struct {
		what, got, target string
		ok                bool
	}{
		{"filled", fmt.Sprintf("%.0f msg/s", float64(n)/b.fill.Seconds()), "", true},
		{"memory grows by", fmt.Sprintf("%.1f MB", float64(b.grown)/mb), "< 5 MB", b.grown < 5*mb},
		{"memory then", fmt.Sprintf("%.1f MB", float64(b.filled)/mb), "", true},
		{"disk", fmt.Sprintf("%d MB, %d B/msg", b.disk/mb, b.disk/int64(n)), "", true},
		{"of it in the page cache", fmt.Sprintf("%d KB", b.warm>>10), "< 1 %", b.warm <= b.disk/100},
		{"opened cold after SIGKILL", fmt.Sprintf("%.3f s", b.open.Seconds()), "< 0.3 s", b.open < 300*time.Millisecond},
		{"drained", fmt.Sprintf("%.0f msg/s", rate), ">= 150000 msg/s", rate >= 150_000},
		{"memory while draining", fmt.Sprintf("%.1f MB", float64(b.drained)/mb), "", true},
		{"slots after", fmt.Sprint(b.slots), "< 3", b.slots < 3},
		{"disk after", fmt.Sprintf("%.1f MB", float64(b.left)/mb), "", true},
	}
	var table strings.Builder
	fmt.Fprintf(&table, "backlog of %d messages of 100 bytes for one session\n", n)
	for _, r := range rows {
		fmt.Fprintf(&table, "  %-26s %-22s %s\n", r.what, r.got, r.target)
		if !r.ok && n >= 1_000_000 {
			t.Errorf("%s: %s, target %s", r.what, r.got, r.target)
		}
	}
	t.Log(table.String())
	if b.slots > 4 {
		t.Errorf("%d slots are left", b.slots)
	}
}

// filled has a child fill the store and kills it.
func filled(t *testing.T, dir string, b *backlog) {
	t.Helper()
	cmd := childCommand(t, "fill backlog", dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	must(t, errors.Join(err, cmd.Process.Kill()))
	_ = cmd.Wait()
	var fill int64
	_, err = fmt.Sscan(line, &fill, &b.filled, &b.grown)
	must(t, err)
	b.fill = time.Duration(fill)
}

const perCommit = 64

// fillBacklog publishes for a while to a session that takes everything, then n messages to the same session without
// connection, 64 to a commit. It prints what that took and by how much memory grew, and waits for its end.
func fillBacklog(dir string, n int) error {
	s, _, err := queue.Open(vfs.OS{}, dir, queue.Options{})
	if err != nil {
		return err
	}
	go s.Run(context.Background())
	x := theSession(s)
	x.Resume(0)
	before, err := publishTo(s, x, 50_000, func() {
		for _, d := range x.Next(nil, perCommit) {
			x.Ack(d.PacketID)
		}
	})
	if err != nil {
		return err
	}
	x.Suspend()
	start := time.Now()
	most, err := publishTo(s, x, n, func() {})
	if err != nil {
		return err
	}
	fmt.Println(int64(time.Since(start)), most, most-before)
	select {}
}

// publishTo publishes n messages and returns the most memory that was used.
func publishTo(s *queue.Store, x *queue.Session, n int, committed func()) (most int64, err error) {
	for i := range n {
		r, err := s.Publish(message("%0100d", i), []queue.Target{{Session: x, QoS: 1}})
		if err != nil {
			return most, err
		}
		if i%perCommit != perCommit-1 && i != n-1 {
			continue
		}
		if err := s.Wait(context.Background(), r); err != nil {
			return most, err
		}
		if committed(); i%(64*perCommit) == perCommit-1 {
			most = max(most, anonymous())
		}
	}
	return most, nil
}

// drainBacklog opens the store, takes everything and prints how long both took, the memory, and the slots that are left.
func drainBacklog(dir string) error {
	start := time.Now()
	s, rec, err := queue.Open(vfs.OS{}, dir, queue.Options{})
	if err != nil {
		return err
	}
	opened := time.Since(start)
	if rec.Report.Damaged > 0 {
		return fmt.Errorf("report %+v", rec.Report)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	x := theSession(s)
	n := x.Unfinished()
	start = time.Now()
	most, err := drainBacklogOf(x, n)
	took := time.Since(start)
	slots := 4 // of a small backlog
	if n >= 1_000_000 {
		slots = 2
	}
	for wait := time.Now(); s.Stats().Slots > slots && time.Since(wait) < 20*time.Second; {
		time.Sleep(20 * time.Millisecond)
	}
	fmt.Println(int64(opened), int64(took), most, s.Stats().Slots)
	cancel()
	return errors.Join(err, <-ended, s.Close())
}

// drainBacklogOf takes n messages, which must be in order, and returns the most memory that was used.
func drainBacklogOf(x *queue.Session, n uint64) (most int64, err error) {
	woken := newAlarm()
	x.SetWaker(woken)
	x.Resume(0)
	var ds []queue.Delivery
	for got := uint64(0); got < n; {
		if ds = x.Next(ds[:0], 256); len(ds) == 0 {
			<-woken.c
			continue
		}
		for i := range ds {
			if string(ds[i].Message.Payload) != fmt.Sprintf("%0100d", got) {
				return most, fmt.Errorf("message %s, want %d", ds[i].Message.Payload, got)
			}
			got++
			x.Ack(ds[i].PacketID)
		}
		if got%65536 < 256 {
			most = max(most, anonymous())
		}
	}
	return max(most, anonymous()), nil
}

// anonymous is the memory of this process that is not of files, in bytes.
func anonymous() int64 {
	b, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := strings.Cut(string(b), "RssAnon:")
	var kb int64
	fmt.Sscan(rest, &kb)
	return kb << 10
}

// forgetCache has the kernel forget what it has of the files, so that they are read from the device.
func forgetCache(t *testing.T, dir string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		return errors.Join(f.Sync(), unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED))
	}))
	if os.Geteuid() == 0 && *million >= 1_000_000 {
		_ = os.WriteFile("/proc/sys/vm/drop_caches", []byte("3"), 0)
	}
}

// inCache is how much of the files the kernel has in memory.
func inCache(t *testing.T, dir string) (bytes int64) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil || info.Size() == 0 {
			return err
		}
		pages, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_SHARED)
		if err != nil {
			return err
		}
		size := os.Getpagesize()
		resident := make([]byte, (len(pages)+size-1)/size)
		_, _, errno := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(&pages[0])), uintptr(len(pages)), uintptr(unsafe.Pointer(&resident[0])))
		for _, r := range resident {
			bytes += int64(r&1) * int64(size)
		}
		if errno != 0 {
			err = errno
		}
		return errors.Join(err, unix.Munmap(pages))
	}))
	return bytes
}

func diskUsage(t *testing.T, dir string) (bytes int64) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			bytes += info.Size()
		}
		return err
	}))
	return bytes
}
