package queue_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"skerry/queue"
	"skerry/queue/vfs"
)

// card is a memory disk whose flushes take as long as those of an SD card.
type card struct {
	vfs.FS
	flush time.Duration
}

func (c card) Open(name string) (vfs.File, error) {
	f, err := c.FS.Open(name)
	return cardFile{f, c.flush}, err
}

func (c card) Create(name string) (vfs.File, error) {
	f, err := c.FS.Create(name)
	return cardFile{f, c.flush}, err
}

type cardFile struct {
	vfs.File
	flush time.Duration
}

func (f cardFile) Sync() error {
	time.Sleep(f.flush)
	return f.File.Sync()
}

// fanIn lets publishers send to one durable session, each the next message when the last one is acknowledged, after it has
// thought for about so long. It returns how long each message took, sorted, and what the store did.
func fanIn(t testing.TB, fs vfs.FS, publishers int, think, lasting time.Duration) ([]time.Duration, queue.Stats) {
	t.Helper()
	s, _ := open(t, fs, queue.Options{})
	stop := run(t, s)
	x := create(t, s, queue.SessionOptions{RingMessages: 64})
	if err := s.Wait(t.Context(), publish(t, s, message("first"), at(x, 1))); err != nil {
		t.Fatal(err)
	}
	before := s.Stats()
	ctx, cancel := context.WithTimeout(t.Context(), lasting)
	defer cancel()
	took := make([][]time.Duration, publishers)
	var wg sync.WaitGroup
	var failed atomic.Value
	for i := range publishers {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 0))
			for ctx.Err() == nil {
				began := time.Now()
				r, err := s.Publish(message("%100d", i), []queue.Target{at(x, 1)})
				if err == nil {
					err = s.Wait(context.Background(), r)
				}
				if err != nil {
					failed.Store(err)
					return
				}
				took[i] = append(took[i], time.Since(began))
				time.Sleep(think/2 + time.Duration(random.Int64N(int64(think)+1)))
			}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		t.Fatal(err)
	}
	st := s.Stats()
	st.Flushes -= before.Flushes
	st.Groups -= before.Groups
	stop()
	closeStore(t, s)
	all := slices.Concat(took...)
	slices.Sort(all)
	return all, st
}

// TestShortWait is publishers in a closed loop on a card, on a false clock. Without waiting half of them would be in each
// group: twice the flushes.
func TestShortWait(t *testing.T) {
	const flush = 4 * time.Millisecond
	lasting := time.Duration(rounds(12)) * time.Second
	for _, c := range []struct {
		publishers int
		think      time.Duration // from one acknowledgement to the next message
		perFlush   float64       // at least; what comes out differs a little from run to run
		median     time.Duration // at most
		perSecond  int           // at least
	}{
		{1, 0, 1, flush, 240},
		{1, 500 * time.Microsecond, 1, flush, 210},
		{1, 50 * time.Millisecond, 1, flush, 18},
		{2, 0, 1.9, flush, 450},
		{8, 500 * time.Microsecond, 7.5, flush + 500*time.Microsecond, 1500},
		{64, 0, 60, flush + flush*3/10, 12_500}, // one of them may be late again and again: then each flush waits its quarter
		{64, 900 * time.Microsecond, 38, flush + time.Millisecond, 8_000},
		{64, 2 * time.Millisecond, 29, 2 * flush, 7_400}, // it does not pay: as without
		{64, 100 * time.Millisecond, 2.2, flush + flush*11/20, 570},
	} {
		t.Run(fmt.Sprintf("%d publishers, %v", c.publishers, c.think), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				all, st := fanIn(t, card{vfs.NewDisk(), flush}, c.publishers, c.think, lasting)
				n := len(all)
				perFlush, perSecond := float64(n)/float64(st.Flushes), n/int(lasting.Seconds())
				t.Logf("%d/s, %.1f messages per flush, %v median, %v longest", perSecond, perFlush, all[n/2], all[n-1])
				if perFlush < c.perFlush || perSecond < c.perSecond || all[n/2] > c.median {
					t.Errorf("want %d/s, %.1f, %v", c.perSecond, c.perFlush, c.median)
				}
				if c.publishers == 1 && all[n-2] > flush { // once is for the making of the session, if both were in the group before
					t.Errorf("a single publisher waited %v for a flush of %v, again and again", all[n-2], flush)
				}
			})
		})
	}
}

// BenchmarkFanIn is publishers in a closed loop on a card, and on a fast disk.
func BenchmarkFanIn(b *testing.B) {
	for _, disk := range []time.Duration{3500 * time.Microsecond, 100 * time.Microsecond, 0} {
		for _, publishers := range []int{1, 2, 8, 64} {
			for _, think := range []time.Duration{0, 500 * time.Microsecond} {
				b.Run(fmt.Sprintf("flush=%v/publishers=%d/think=%v", disk, publishers, think), func(b *testing.B) {
					const lasting = time.Second
					var all []time.Duration
					var st queue.Stats
					for b.Loop() {
						all, st = fanIn(b, card{vfs.NewDisk(), disk}, publishers, think, lasting)
					}
					n := len(all)
					b.ReportMetric(float64(n)/lasting.Seconds(), "msg/s")
					b.ReportMetric(float64(st.Flushes)/float64(n), "flush/msg")
					b.ReportMetric(float64(all[n/2].Microseconds()), "p50-us")
					b.ReportMetric(float64(all[n*99/100].Microseconds()), "p99-us")
					b.ReportMetric(0, "ns/op")
				})
			}
		}
	}
}
