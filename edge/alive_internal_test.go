package edge

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"skerry/queue"
	"skerry/queue/vfs"
)

// TestLogProof: what waits within its window and a slow commit are no reason; a commit that hangs, and one that nobody begins, are; a store
// that has failed is told elsewhere.
func TestLogProof(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := vfs.NewDisk()
		s, _, err := queue.Open(disk, "/data", queue.Options{CommitWindow: 5 * time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		p := &logProof{store: s, since: time.Now(), limit: settledWindow + commitLimit}
		well := func(when string) {
			t.Helper()
			if err := p.made(t.Context()); err != nil {
				t.Errorf("%s: %v", when, err)
			}
		}
		wrong := func(when, want string) {
			t.Helper()
			if err := p.made(t.Context()); err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%s: %v, want %q", when, err, want)
			}
		}
		keep := func() {
			t.Helper()
			b := s.NewBatch()
			b.Put(200, "a", []byte("b"))
			if _, err := s.Apply(b); err != nil {
				t.Fatal(err)
			}
		}

		time.Sleep(time.Hour)
		well("nothing to do")
		keep()
		time.Sleep(5 * time.Minute)
		well("in its window")
		time.Sleep(time.Minute)
		wrong("nobody commits", "1 records wait for a commit that nobody has begun for 6m0s")

		ctx, end := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		synctest.Wait()
		time.Sleep(10 * time.Minute)
		well("committed")

		var hangs atomic.Bool
		hangs.Store(true)
		disk.Hook(func(op vfs.Op) error {
			for op.Kind == vfs.OpSync && hangs.Load() {
				time.Sleep(time.Second)
			}
			return nil
		})
		keep()
		s.Hurry()
		time.Sleep(29 * time.Second)
		well("slow")
		time.Sleep(3 * time.Second)
		wrong("hangs", "the disk has not confirmed a commit for 32s")
		hangs.Store(false)
		time.Sleep(2 * time.Second)
		well("over")

		disk.SetReadOnly(true)
		disk.Hook(func(vfs.Op) error { return vfs.ErrPower })
		keep()
		s.Hurry()
		<-ended
		time.Sleep(time.Hour)
		if s.Err() == nil {
			t.Fatal("it has not failed")
		}
		well("failed")
		end()
	})
}

// TestAttempts: whatever the service manager's timeout, it is fed in time while the store cannot be opened.
func TestAttempts(t *testing.T) {
	for _, c := range []struct{ wait, timeout, want time.Duration }{
		{time.Second, time.Minute, time.Second}, {time.Minute, time.Minute, 20 * time.Second}, {8 * time.Second, 12 * time.Second, 4 * time.Second},
		{time.Second, time.Second, time.Second / 3}, {time.Hour, 0, 20 * time.Second}, {time.Hour, time.Hour, 20 * time.Second},
	} {
		if got := attemptAfter(c.wait, c.timeout); got != c.want {
			t.Errorf("%v with a timeout of %v: %v, want %v", c.wait, c.timeout, got, c.want)
		}
	}
}
