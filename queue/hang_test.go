package queue_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"skerry/queue"
	"skerry/queue/vfs"
)

// TestHangHasAName: a flush that takes longer than 30 s is said once, and that it is over; QoS 0 flows meanwhile, nothing is
// acknowledged, and memory is bounded.
func TestHangHasAName(t *testing.T) {
	for _, c := range []struct {
		name       string
		flush      time.Duration
		fails      bool
		said, over int
	}{
		{"slow", 29 * time.Second, false, 0, 0},
		{"hangs", 95 * time.Second, false, 1, 1},
		{"fails at last", 95 * time.Second, true, 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				disk, out := vfs.NewDisk(), &bytes.Buffer{}
				o := small
				o.PendingBytes = 10_000
				o.Log = slog.New(slog.NewTextHandler(out, nil))
				s, _ := open(t, disk, o)
				x, v := create(t, s, queue.SessionOptions{}), s.NewVolatile(queue.SessionOptions{})
				commit(t, s)
				v.Resume(0)
				ended := make(chan error, 1)
				go func() { ended <- s.Run(t.Context()) }()
				synctest.Wait()
				var hung atomic.Int32 // a spare slot is made beside the commit
				disk.Hook(func(op vfs.Op) error {
					if op.Kind != vfs.OpSync || hung.Load() > 0 && !c.fails {
						return nil
					}
					if hung.Add(1) == 1 {
						time.Sleep(c.flush)
					}
					if c.fails {
						return errors.New("broken")
					}
					return nil
				})
				r := publish(t, s, message("a"), at(x, 1))
				time.Sleep(c.flush - time.Second)
				if s.Durable() >= r || s.Stats().Committing < c.flush-2*time.Second {
					t.Errorf("durable %d of %d; the commit has taken %v", s.Durable(), r, s.Stats().Committing)
				}
				publish(t, s, &queue.Message{TopicName: "q0", Payload: []byte("flows")}, at(v, 0))
				next(t, v, "flows")
				for n := 0; ; n++ {
					if _, err := s.Publish(message("%d", n), []queue.Target{at(x, 1)}); errors.Is(err, queue.ErrBusy) {
						break
					} else if n > 100 {
						t.Fatal("memory is not bounded")
					}
				}
				time.Sleep(time.Minute)
				if err := s.Wait(t.Context(), r); (err != nil) != c.fails {
					t.Error(err)
				}
				if !c.fails {
					closeStore(t, s)
				}
				synctest.Wait()
				text := out.String()
				if said, over := strings.Count(text, "not confirmed a flush for 30 s"), strings.Count(text, "has confirmed the flush"); said != c.said || over != c.over {
					t.Errorf("said %d times, over %d times:\n%s", said, over, text)
				}
				if c.over > 0 && !strings.Contains(text, "took=1m35s") {
					t.Errorf("it does not say how long:\n%s", text)
				}
			})
		})
	}
}
