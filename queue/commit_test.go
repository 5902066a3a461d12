package queue_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"skerry/queue"
	"skerry/queue/vfs"
)

func TestNothingOwedNothingWritten(t *testing.T) {
	disk := vfs.NewDisk()
	s, _ := open(t, disk, small)
	x := s.NewVolatile(queue.SessionOptions{})
	x.Resume(0)
	if r := publish(t, s, message("a"), at(x, 2)); r != 0 {
		t.Errorf("receipt %d", r)
	}
	d := create(t, s, queue.SessionOptions{})
	d.Resume(0)
	commit(t, s)
	before := disk.Ops()
	if r := publish(t, s, message("b"), at(x, 1), at(d, 0)); r != 0 {
		t.Errorf("receipt %d for QoS 0 to a durable session", r)
	}
	commit(t, s)
	if disk.Ops() != before {
		t.Error("something was written")
	}
	next(t, x, "a", "b")
	next(t, d, "b")
}

// TestDroppedIsNotElided: what a limit or its age took before it was written was spared by nobody's acknowledgement.
func TestDroppedIsNotElided(t *testing.T) {
	for _, policy := range []queue.Policy{queue.DropNewest, queue.DropOldest} {
		s, _ := open(t, vfs.NewDisk(), small)
		x := create(t, s, queue.SessionOptions{Limits: queue.Limits{Messages: 1, WhenFull: policy}})
		y := create(t, s, queue.SessionOptions{})
		y.Resume(0)
		for n := range 10 {
			publish(t, s, own(message("%d", n)), at(x, 1))
		}
		publish(t, s, own(message("of two")), at(x, 1), at(y, 1))
		ack(t, y, next(t, y, "of two")...)
		commit(t, s)
		if st := s.Stats(); st.Elided != 0 || st.Drops[queue.DroppedMessages] != 10 || st.Messages != 1 {
			t.Errorf("%v: %+v", policy, st)
		}
		closeStore(t, s)
	}
}

func TestElision(t *testing.T) {
	disk := vfs.NewDisk()
	s, _ := open(t, disk, small)
	x, y := create(t, s, queue.SessionOptions{}), create(t, s, queue.SessionOptions{})
	x.Resume(0)
	y.Resume(0)
	commit(t, s)
	before := disk.Ops()
	r := publish(t, s, own(message("quick")), at(x, 1), at(y, 1))
	ack(t, x, next(t, x, "quick")...)
	ack(t, y, next(t, y, "quick")...)
	commit(t, s)
	if s.Durable() < r || disk.Ops() != before || s.Stats().Elided != 1 {
		t.Errorf("durable %d of %d, %d operations, %+v", s.Durable(), r, disk.Ops()-before, s.Stats())
	}
	publish(t, s, own(message("half")), at(x, 1), at(y, 1))
	ack(t, x, next(t, x, "half")...)
	closeStore(t, s)
	s, _ = open(t, disk, small)
	for _, c := range []struct {
		n    uint64
		want []string
	}{{x.Number(), nil}, {y.Number(), []string{"half"}}} {
		x := s.Session(c.n)
		x.Resume(0)
		x.Next(nil, 0)
		commit(t, s)
		next(t, x, c.want...)
	}
}

func TestRetainedCoalesce(t *testing.T) {
	disk := vfs.NewDisk()
	s, _ := open(t, disk, small)
	for i := range 10 {
		m := retain(own(message("%d", i)))
		m.TopicName = fmt.Sprint("t", i%3)
		publish(t, s, m)
	}
	commit(t, s)
	if n := s.Stats().Coalesced; n != 7 {
		t.Errorf("%d coalesced", n)
	}
	gone := retain(own(message("")))
	gone.TopicName = "t1"
	publish(t, s, gone)
	if r := publish(t, s, &queue.Message{TopicName: "t9", Payload: []byte("q0"), Retain: true}); r != 0 {
		t.Errorf("receipt %d for QoS 0", r)
	}
	closeStore(t, s)
	_, rec := open(t, disk, small)
	var got []string
	for _, m := range rec.Retained {
		got = append(got, m.TopicName+"="+string(m.Payload))
	}
	if want := []string{"t2=8", "t0=9", "t9=q0"}; !slices.Equal(got, want) {
		t.Errorf("retained %q, want %q", got, want)
	}
}

// TestWindows asks when each kind of record becomes durable.
func TestWindows(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(s *queue.Store, x *queue.Session) queue.Receipt
		want time.Duration
	}{
		{"client", func(s *queue.Store, x *queue.Session) queue.Receipt { return publish(t, s, message("a"), at(x, 1)) }, 0},
		{"client retained", func(s *queue.Store, x *queue.Session) queue.Receipt { return publish(t, s, retain(message("a"))) }, 0},
		{"own", func(s *queue.Store, x *queue.Session) queue.Receipt {
			return publish(t, s, own(message("a")), at(x, 1))
		}, 2 * time.Second},
		{"own, taken along", func(s *queue.Store, x *queue.Session) queue.Receipt {
			r := publish(t, s, own(message("a")), at(x, 1))
			publish(t, s, message("b"), at(x, 1))
			return r
		}, 0},
		{"batch", func(s *queue.Store, x *queue.Session) queue.Receipt {
			b := s.NewBatch()
			b.Put(1, "k", []byte("v"))
			return apply(t, s, b)
		}, 0},
		{"batch that may wait", func(s *queue.Store, x *queue.Session) queue.Receipt {
			b := s.NewBatch()
			b.Put(1, "k", []byte("v"))
			b.MayWait()
			return apply(t, s, b)
		}, 2 * time.Second},
		{"window changed", func(s *queue.Store, x *queue.Session) queue.Receipt {
			s.SetCommitWindow(time.Minute, 0)
			x.Resume(0)
			return publish(t, s, own(message("a")), at(x, 1))
		}, time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, _ := open(t, vfs.NewDisk(), small)
				stop := run(t, s)
				x := create(t, s, queue.SessionOptions{})
				synctest.Wait()
				start := time.Now()
				if took := durable(s, c.do(s, x)).Sub(start); took != c.want {
					t.Errorf("durable after %v, want %v", took, c.want)
				}
				stop()
				closeStore(t, s)
			})
		})
	}
}

func TestAcknowledgementsAreLazy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := vfs.NewDisk()
		s, _ := open(t, disk, small)
		stop := run(t, s)
		x := create(t, s, queue.SessionOptions{})
		x.Resume(0)
		publish(t, s, message("a"), at(x, 1))
		synctest.Wait()
		before := disk.Ops()
		ack(t, x, next(t, x, "a")...)
		time.Sleep(4900 * time.Millisecond)
		if disk.Ops() != before {
			t.Error("an acknowledgement was written by itself too soon")
		}
		time.Sleep(200 * time.Millisecond)
		if disk.Ops() == before {
			t.Error("an acknowledgement was not written in time")
		}
		stop()
		closeStore(t, s)
	})
}

func TestNotifyOncePerGroup(t *testing.T) {
	s, _ := open(t, vfs.NewDisk(), small)
	x := create(t, s, queue.SessionOptions{})
	a, b := newAlarm(), newAlarm()
	for i := range 5 {
		r := publish(t, s, message("%d", i), at(x, 1))
		s.Notify(r, a)
		s.Notify(r, b)
	}
	commit(t, s)
	s.Notify(s.Durable(), b)
	s.Notify(0, b)
	if a.n.Load() != 1 || b.n.Load() != 3 {
		t.Errorf("woken %d and %d times", a.n.Load(), b.n.Load())
	}
}

// TestHangingDisk: nothing is acknowledged, memory stays bounded, and everything goes on when the disk does.
func TestHangingDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := vfs.NewDisk()
		o := small
		o.PendingBytes = 10_000
		s, _ := open(t, disk, o)
		stop := run(t, s)
		x := create(t, s, queue.SessionOptions{})
		synctest.Wait()
		disk.Hook(func(op vfs.Op) error {
			if op.Kind == vfs.OpSync {
				time.Sleep(30 * time.Second)
			}
			return nil
		})
		first := publish(t, s, message("first"), at(x, 1))
		synctest.Wait()
		n := 0
		for ; ; n++ {
			if _, err := s.Publish(message("%d", n), []queue.Target{at(x, 1)}); err != nil {
				if !errors.Is(err, queue.ErrBusy) {
					t.Error(err)
				}
				break
			}
			if n > 100 {
				t.Fatal("memory is not bounded")
			}
		}
		time.Sleep(20 * time.Second)
		if s.Durable() >= first {
			t.Error("acknowledged without the disk")
		}
		if s.Stats().Committing != 20*time.Second {
			t.Errorf("the commit has taken %v", s.Stats().Committing)
		}
		time.Sleep(45 * time.Second)
		publish(t, s, message("again"), at(x, 1))
		stop()
		closeStore(t, s)
	})
}
