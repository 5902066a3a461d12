package queue_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"skerry/queue"
	"skerry/queue/vfs"
)

// small slots and blocks, so that a few messages fill them.
var small = queue.Options{SlotSize: 64 << 10, BlockSize: 1024}

func open(t testing.TB, fs vfs.FS, o queue.Options) (*queue.Store, *queue.Recovery) {
	t.Helper()
	s, r, err := queue.Open(fs, "q", o)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return s, r
}

func closeStore(t testing.TB, s *queue.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
}

// run runs the store until the test ends, or until stop is called.
func run(t testing.TB, s *queue.Store) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Run(ctx); err != nil {
			t.Errorf("run: %v", err)
		}
	})
	stop = sync.OnceFunc(func() { cancel(); wg.Wait() })
	t.Cleanup(stop)
	return stop
}

func create(t testing.TB, s *queue.Store, o queue.SessionOptions) *queue.Session {
	t.Helper()
	b := s.NewBatch()
	x := b.Create(o)
	apply(t, s, b)
	return x
}

func apply(t testing.TB, s *queue.Store, b *queue.Batch) queue.Receipt {
	t.Helper()
	r, err := s.Apply(b)
	if err != nil {
		t.Fatalf("apply: %v", err)
	}
	return r
}

func publish(t testing.TB, s *queue.Store, m *queue.Message, to ...queue.Target) queue.Receipt {
	t.Helper()
	r, err := s.Publish(m, to)
	if err != nil {
		t.Fatalf("publish: %v", err)
	}
	return r
}

func commit(t testing.TB, s *queue.Store) {
	t.Helper()
	if err := s.Commit(); err != nil {
		t.Fatalf("commit: %v", err)
	}
}

// message at QoS 1 from a client.
func message(format string, args ...any) *queue.Message {
	return &queue.Message{TopicName: "a/b", Payload: fmt.Appendf(nil, format, args...), QoS: 1}
}

func own(m *queue.Message) *queue.Message { m.Origin = queue.Gateway; return m }

func retain(m *queue.Message) *queue.Message { m.Retain = true; return m }

func at(x *queue.Session, qos byte) queue.Target { return queue.Target{Session: x, QoS: qos} }

// texts are the payloads of deliveries; PUBREL is "release".
func texts(ds []queue.Delivery) (all []string) {
	for _, d := range ds {
		if d.Release {
			all = append(all, "release")
		} else {
			all = append(all, string(d.Message.Payload))
		}
	}
	return all
}

// next pulls everything that may go and compares it.
func next(t testing.TB, x *queue.Session, want ...string) []queue.Delivery {
	t.Helper()
	ds := x.Next(nil, 1000)
	if got := texts(ds); !slices.Equal(got, want) {
		t.Fatalf("Next gave %q, want %q", got, want)
	}
	return ds
}

func ack(t testing.TB, x *queue.Session, ds ...queue.Delivery) {
	t.Helper()
	for _, d := range ds {
		if d.QoS > 0 && !x.Ack(d.PacketID) {
			t.Fatalf("packet id %d is not in flight", d.PacketID)
		}
	}
}

// alarm is a Waker that counts.
type alarm struct {
	n atomic.Int32
	c chan struct{}
}

func newAlarm() *alarm { return &alarm{c: make(chan struct{}, 1)} }

func (a *alarm) Wake() {
	a.n.Add(1)
	select {
	case a.c <- struct{}{}:
	default:
	}
}

func (a *alarm) wait(t testing.TB) {
	t.Helper()
	select {
	case <-a.c:
	case <-time.After(30 * time.Second):
		t.Fatal("nobody woke me")
	}
}

// drain takes and acknowledges everything until want deliveries of messages were seen, and hands each to f.
func drain(t testing.TB, x *queue.Session, want int, f func(queue.Delivery)) {
	t.Helper()
	drainWoken(t, x, newAlarm(), want, f)
}

// drainWoken is drain with a Waker that publishers call too: the store only wakes for what Next could not give.
func drainWoken(t testing.TB, x *queue.Session, a *alarm, want int, f func(queue.Delivery)) {
	t.Helper()
	x.SetWaker(a)
	var ds []queue.Delivery
	for got := 0; got < want; {
		ds = x.Next(ds[:0], 64)
		if len(ds) == 0 {
			a.wait(t)
		}
		for _, d := range ds {
			if !d.Release {
				f(d)
				got++
			}
			if d.QoS == 2 && !d.Release {
				if _, ok := x.Received(d.PacketID); !ok {
					t.Fatalf("packet id %d is not in flight", d.PacketID)
				}
			}
			ack(t, x, d)
		}
	}
}

// rounds is how often what is only long by repetition is repeated: a quarter as often with -short.
func rounds(n int) int {
	if testing.Short() {
		return n / 4
	}
	return n
}
