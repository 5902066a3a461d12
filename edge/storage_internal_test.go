package edge

import (
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"skerry/edge/config"
	"skerry/queue"
	"skerry/queue/vfs"
)

// TestStoreOptions: what the configuration says of limits arrives at the store.
func TestStoreOptions(t *testing.T) {
	c := &config.Config{Storage: config.Storage{
		Limit: 1 << 30, Messages: 1000, Age: time.Hour, WhenFull: config.Reject, KeepFree: 1 << 20, KeepFreeGiven: true, CommitWindow: time.Second,
	}}
	g := &Gateway{config: c, options: Options{FS: vfs.OS{}}}
	want := queue.Options{
		Limits:   queue.Limits{Bytes: 1 << 30, Messages: 1000, Age: time.Hour, WhenFull: queue.Reject},
		KeepFree: 1 << 20, CommitWindow: time.Second,
	}
	if got := g.storeOptions(); got.Limits != want.Limits || got.KeepFree != want.KeepFree || got.CommitWindow != want.CommitWindow {
		t.Errorf("%+v, want %+v", got, want)
	}
	l := queueLimits(config.Queue{Messages: 1, Bytes: 2, Age: 3, WhenFull: config.DropNewest})
	if l != (queue.Limits{Messages: 1, Bytes: 2, Age: 3, WhenFull: queue.DropNewest}) {
		t.Errorf("limits of a client %+v", l)
	}
}

// TestKeepFree: without a word of the user a small file system is not kept empty; with one it is done as he says.
func TestKeepFree(t *testing.T) {
	later := filepath.Join(t.TempDir(), "not", "there", "yet")
	size, err := fileSystemSize(later)
	if err != nil || size <= 0 {
		t.Fatalf("a file system of %d bytes, %v", size, err)
	}
	keep := func(bytes config.Size, given bool) int64 {
		c := &config.Config{Storage: config.Storage{Path: later, KeepFree: bytes, KeepFreeGiven: given}}
		return (&Gateway{config: c, options: Options{FS: vfs.OS{}}}).keepFree()
	}
	for _, c := range []struct {
		bytes config.Size
		given bool
		want  int64
	}{
		{4096, false, 4096},
		{1 << 60, false, size / 10},
		{1 << 60, true, 1 << 60},
		{0, true, 0},
	} {
		if got := keep(c.bytes, c.given); got != c.want {
			t.Errorf("keep_free %d, given %t: %d, want %d", c.bytes, c.given, got, c.want)
		}
	}
}

// TestSmallBlocks: blocks that are smaller than those of the file system are not safe, and not taken.
func TestSmallBlocks(t *testing.T) {
	dir := t.TempDir()
	s, err := fileSystem(dir)
	if err != nil || s.Bsize < 2 {
		t.Fatalf("blocks of %d bytes, %v", s.Bsize, err)
	}
	theirs := min(int(s.Bsize), 2048)
	for _, c := range []struct{ asked, want int }{{4096, 4096}, {0, 0}, {theirs / 2, 4096}} {
		g := &Gateway{
			config:  &config.Config{Storage: config.Storage{Path: dir, Block: config.Size(c.asked)}},
			options: Options{FS: vfs.OS{}}, log: slog.New(slog.DiscardHandler),
		}
		if got := g.blockSize(); got != c.want {
			t.Errorf("asked for %d on blocks of %d: %d, want %d", c.asked, s.Bsize, got, c.want)
		}
	}
}
