package edge

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"skerry/edge/watchdog"
	"skerry/queue"
	"skerry/queue/vfs"
)

// TestLogProof: what waits within its window and a slow commit are no reason; a commit that hangs, and one that nobody begins though it is due,
// are, each after half a minute; a store that has failed is told elsewhere.
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
		reading := &queue.Message{TopicName: "a", Payload: []byte("1"), Origin: queue.Gateway, Retain: true}
		if _, err := s.Publish(reading, nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5*time.Minute + 29*time.Second)
		well("in its window")
		time.Sleep(2 * time.Second)
		wrong("nobody commits", "1 records wait for a commit that nobody begins, though it has been due for 31s")
		if err := s.Commit(); err != nil {
			t.Fatal(err)
		}
		well("committed")
		keep() // somebody waits for it
		time.Sleep(29 * time.Second)
		well("slow")
		time.Sleep(2 * time.Second)
		wrong("nobody commits", "1 records wait for a commit that nobody begins, though it has been due for 31s")

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

// bowl is what is to be fed once a minute.
type bowl struct{ last atomic.Int64 }

func (b *bowl) Timeout() time.Duration { return time.Minute }

func (b *bowl) Feed() error {
	b.last.Store(time.Now().UnixNano())
	return nil
}

// TestHungry: a flush that never returns, with a Client that waits for its PUBACK, has the watchdog fed for 30 s at most, though the window is ten
// times that: what it feeds is hungry 90 s after the hang at the latest.
func TestHungry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := vfs.NewDisk()
		s, _, err := queue.Open(disk, "/data", queue.Options{CommitWindow: 5 * time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		ctx, end := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() { _ = s.Run(ctx) })
		p, fed := &logProof{store: s, since: time.Now(), limit: settledWindow + commitLimit}, &bowl{}
		w := watchdog.New(watchdog.Options{Proofs: []watchdog.Proof{{Of: "log", Made: p.made}}, Fed: []watchdog.Fed{fed}})
		all.Go(func() { _ = w.Run(ctx) })
		released := make(chan struct{})
		disk.Hook(func(op vfs.Op) error {
			if op.Kind == vfs.OpSync {
				<-released
			}
			return nil
		})
		time.Sleep(time.Hour + 7*time.Second)
		b := s.NewBatch()
		b.Put(200, "a", []byte("b"))
		receipt, err := s.Apply(b)
		if err != nil {
			t.Fatal(err)
		}
		hung := time.Now()
		time.Sleep(time.Hour)
		synctest.Wait()
		if after := time.Unix(0, fed.last.Load()).Sub(hung); after > commitLimit || s.Durable() >= receipt {
			t.Errorf("fed for the last time %v after the hang", after)
		}
		close(released)
		end()
		all.Wait()
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

// TestSickIsToldAtOnce: what the watchdog has found is told without a question to the store, whose lock may be what hangs. The log and the stacks come
// after that.
func TestSickIsToldAtOnce(t *testing.T) {
	var g Gateway // to ask its store would panic
	const sick = "does not get on: log: does not answer within 10s"
	g.tellSick(sick)
	if g.told.last != sick {
		t.Errorf("told %q", g.told.last)
	}
}
