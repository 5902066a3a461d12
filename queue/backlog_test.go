package queue_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"skerry/queue"
	"skerry/queue/vfs"
)

func TestBacklogSurvivesRestartInOrder(t *testing.T) {
	const n = 3000
	disk := vfs.NewDisk()
	s, _ := open(t, disk, small)
	x := create(t, s, queue.SessionOptions{})
	for i := range n {
		publish(t, s, message("%d", i), at(x, byte(1+i%2)))
		if i%100 == 0 {
			commit(t, s)
		}
	}
	closeStore(t, s)
	s, r := open(t, disk, small)
	if r.Report.Unclean || r.Report.Messages != n {
		t.Fatalf("report %+v", r.Report)
	}
	stop := run(t, s)
	x = s.Session(x.Number())
	x.Resume(0)
	i := 0
	drain(t, x, n, func(d queue.Delivery) {
		if string(d.Message.Payload) != fmt.Sprint(i) || d.QoS != byte(1+i%2) || !d.Dup {
			t.Fatalf("got %s at QoS %d, want %d", d.Message.Payload, d.QoS, i)
		}
		i++
	})
	stop()
	closeStore(t, s)
	s, _ = open(t, disk, small)
	x = s.Session(x.Number())
	x.Resume(0)
	commit(t, s)
	next(t, x)
}

// TestMemoryDoesNotGrowWithBacklog looks at what sessions keep in memory that take nothing.
func TestMemoryDoesNotGrowWithBacklog(t *testing.T) {
	s, _ := open(t, vfs.NewDisk(), queue.Options{})
	byCount := create(t, s, queue.SessionOptions{RingMessages: 50})
	byBytes := create(t, s, queue.SessionOptions{RingBytes: 20_000})
	offline := create(t, s, queue.SessionOptions{})
	byCount.Resume(0)
	byBytes.Resume(0)
	for range 2000 {
		publish(t, s, message("%1000d", 1), at(byCount, 1), at(byBytes, 2), at(offline, 1))
	}
	if n := offline.Queued(); n > 32 || n < 16 {
		t.Errorf("%d messages of 1000 bytes in memory for a session without connection", n)
	}
	if n := byCount.Queued(); n != 50 {
		t.Errorf("%d messages in a ring of 50", n)
	}
	if n := byBytes.Queued(); n > 20 || n < 10 {
		t.Errorf("%d messages of 1000 bytes in a ring of 20000", n)
	}
}

// TestManySessionsShareMemory: what sessions without connection keep in memory is bounded for all of them together. What does not
// fit is read from the log.
func TestManySessionsShareMemory(t *testing.T) {
	const sessions, messages, share = 4096, 20, 8 << 10
	s, _ := open(t, vfs.NewDisk(), queue.Options{})
	b := s.NewBatch()
	var to []queue.Target
	for range sessions {
		to = append(to, at(b.Create(queue.SessionOptions{}), 1))
	}
	apply(t, s, b)
	for range messages {
		publish(t, s, message("%1000d", 1), to...)
	}
	commit(t, s)
	for _, x := range []*queue.Session{to[0].Session, to[sessions-1].Session} {
		if n := x.Queued(); n > share/1000 || n < 4 {
			t.Errorf("%d messages of 1000 bytes in memory for one of %d sessions", n, sessions)
		}
		if n := len(everything(t, s, x.Number())); n != messages {
			t.Errorf("%d of %d messages", n, messages)
		}
	}
}

// TestSpillMeetsLive publishes while a slow session with a tiny ring reads on from the log, so that it changes from
// one to the other all the time.
func TestSpillMeetsLive(t *testing.T) {
	const publishers, each = 4, 1500
	for _, qos := range []byte{1, 2} {
		t.Run(fmt.Sprint("qos", qos), func(t *testing.T) {
			s, _ := open(t, vfs.NewDisk(), small)
			run(t, s)
			x := create(t, s, queue.SessionOptions{RingMessages: 20, Window: 10, PacketIDs: queue.Range{First: 7, Count: 25}})
			x.Resume(8)
			woken := newAlarm()
			var wg sync.WaitGroup
			for p := range publishers {
				wg.Go(func() {
					for i := range each {
						m := message("%d", i)
						m.TopicName = fmt.Sprint(p)
						r, err := s.Publish(m, []queue.Target{at(x, qos)})
						if err != nil {
							t.Errorf("publish: %v", err)
						}
						woken.Wake()
						if i%64 == 0 {
							_ = s.Wait(t.Context(), r)
						}
					}
				})
			}
			last := map[string]int{}
			drainWoken(t, x, woken, publishers*each, func(d queue.Delivery) {
				if want := fmt.Sprint(last[d.Message.TopicName]); string(d.Message.Payload) != want {
					t.Fatalf("publisher %s: got %s, want %s", d.Message.TopicName, d.Message.Payload, want)
				}
				last[d.Message.TopicName]++
			})
			wg.Wait()
			if n := s.Stats().Dropped; n != 0 {
				t.Errorf("%d dropped", n)
			}
		})
	}
}

// TestHandOverTakesWhatIsPending: what is not written yet, in a batch or not, follows what was read from the log,
// without waiting for its commit.
func TestHandOverTakesWhatIsPending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := open(t, vfs.NewDisk(), small)
		stop := run(t, s)
		x := create(t, s, queue.SessionOptions{RingMessages: 2})
		for i := range 5 {
			publish(t, s, message("%d", i), at(x, 1))
		}
		synctest.Wait()
		publish(t, s, own(message("own")), at(x, 1))
		b := s.NewBatch()
		b.MayWait()
		b.Put(1, "k", nil)
		b.Publish(message("in a batch"), []queue.Target{at(x, 1)})
		apply(t, s, b)
		start := time.Now()
		x.Resume(0)
		var got []string
		drain(t, x, 7, func(d queue.Delivery) { got = append(got, string(d.Message.Payload)) })
		if want := []string{"0", "1", "2", "3", "4", "own", "in a batch"}; !slices.Equal(got, want) {
			t.Errorf("got %q", got)
		}
		if time.Since(start) != 0 {
			t.Errorf("took %v", time.Since(start))
		}
		stop()
		closeStore(t, s)
	})
}

// TestHandOverTakesWhatIsBeingWritten is the same while the disk is busy with a group, which is neither in the log nor
// pending.
func TestHandOverTakesWhatIsBeingWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := vfs.NewDisk()
		s, _ := open(t, disk, small)
		stop := run(t, s)
		x := create(t, s, queue.SessionOptions{RingMessages: 2})
		for i := range 5 {
			publish(t, s, message("%d", i), at(x, 1))
		}
		synctest.Wait()
		written := make(chan struct{})
		disk.Hook(func(op vfs.Op) error {
			if op.Kind == vfs.OpSync {
				<-written
			}
			return nil
		})
		publish(t, s, message("being written"), at(x, 1))
		synctest.Wait()
		publish(t, s, message("pending"), at(x, 1))
		x.Resume(0)
		var got []string
		for range 5 {
			ds := x.Next(nil, 10)
			got = append(got, texts(ds)...)
			ack(t, x, ds...)
			synctest.Wait()
		}
		if want := []string{"0", "1", "2", "3", "4", "being written", "pending"}; !slices.Equal(got, want) {
			t.Errorf("got %q", got)
		}
		close(written)
		stop()
		closeStore(t, s)
	})
}
