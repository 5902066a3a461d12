package queuetest_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"skerry/queue"
	"skerry/queue/vfs"
)

// live is a store with its committer and clients in goroutines of their own; the power goes at any moment.
type live struct {
	t        *testing.T
	slot     int64
	freed    uint64 // segments
	disk     *vfs.Disk
	s        *queue.Store
	x        *queue.Session
	acked    [3]int  // by publisher: messages that were acknowledged
	sent     [3]int  // that may have been published
	got      [3]int  // that the subscriber has, in order
	released [3]bool // the next one has got its PUBREC
	held     map[uint16]bool
	wake     chan struct{}
}

func (l *live) Wake() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// TestCrashLive is the concurrent sister of TestCrash: Run with its checkpoints, three publishers, and a subscriber at QoS 2
// whose ring is small.
func TestCrashLive(t *testing.T) {
	freed := uint64(0)
	for n := range uint64(*points / 40) {
		seed := *first + n
		r := rand.New(rand.NewPCG(seed, 3))
		l := &live{t: t, disk: vfs.NewDisk(), held: map[uint16]bool{}, slot: 8 << 10}
		for boot := range byte(4) {
			l.open(boot)
			if boot < 3 {
				l.disk.CutAt(l.disk.Ops() + 1 + r.IntN(900))
			}
			l.boot(boot == 3)
			l.disk = l.disk.Crash(r, vfs.Garbling)
		}
		freed += l.freed
		if l.got != l.sent || t.Failed() {
			t.Fatalf("seed %d: got %v of %v, acknowledged %v", seed, l.got, l.sent, l.acked)
		}
	}
	if freed == 0 {
		t.Error("no segment was freed")
	}
	t.Logf("%d segments freed", freed)
}

func (l *live) open(boot byte) {
	o := queue.Options{SlotSize: l.slot, BlockSize: 1024}
	o.Boot = queue.Boot{ID: [16]byte{boot + 1}, Clock: stopped}
	s, rec, err := queue.Open(l.disk, "q", o)
	if err != nil || rec.Report.Damaged > 0 {
		l.t.Fatalf("open: %v, %+v", err, rec)
	}
	l.s, l.x = s, s.Session(1)
	if l.x == nil {
		b := s.NewBatch()
		l.x = b.Create(queue.SessionOptions{RingMessages: 8, Window: 6, PacketIDs: queue.Range{First: 1, Count: 20}})
		if _, err := s.Apply(b); err != nil {
			l.t.Fatal(err)
		}
		if err := s.Commit(); err != nil {
			l.t.Fatal(err)
		}
	}
}

// boot lets everybody work until the power goes, or, the last time, until everything has arrived.
func (l *live) boot(last bool) {
	ctx, cancel := context.WithCancel(l.t.Context())
	l.wake = make(chan struct{}, 1)
	l.x.SetWaker(l)
	l.x.Resume(5)
	var store, publishers, subscriber sync.WaitGroup
	store.Go(func() {
		_ = l.s.Run(ctx)
		l.Wake()
	})
	for p := range l.sent {
		publishers.Go(func() { l.publish(p, last) })
	}
	want := func() bool { return false }
	if last {
		publishers.Wait()
		want = func() bool { return l.got == l.sent }
	}
	subscriber.Go(func() { l.subscribe(want) })
	publishers.Wait()
	subscriber.Wait()
	cancel()
	store.Wait()
	l.freed += l.s.Stats().Freed
	_ = l.s.Close()
}

// publish takes each message through its handshake, and goes on where the last boot ended: PUBLISH again, or PUBREL
// again.
func (l *live) publish(p int, last bool) {
	for n := l.acked[p]; !last || n < l.sent[p]; n++ {
		m := &queue.Message{TopicName: fmt.Sprint(p), Payload: fmt.Append(nil, n), QoS: 2}
		id := uint16(1 + 3*(n%5) + p)
		if !l.released[p] {
			r, err := l.x.Receive(id, m, []queue.Target{{Session: l.x, QoS: 2}})
			if err != nil {
				return
			}
			l.sent[p] = max(l.sent[p], n+1)
			l.Wake()
			if l.s.Wait(l.t.Context(), r) != nil {
				return
			}
		}
		l.released[p] = true
		if r, _ := l.x.Release(id); l.s.Wait(l.t.Context(), r) != nil {
			return
		}
		l.released[p] = false
		l.acked[p] = n + 1
	}
}

func (l *live) subscribe(enough func() bool) {
	for !enough() && l.s.Err() == nil && !l.t.Failed() {
		ds := l.x.Next(nil, 10)
		if len(ds) == 0 {
			<-l.wake
		}
		for _, d := range ds {
			if !d.Release {
				l.take(d)
				r, ok := l.x.Received(d.PacketID)
				if !ok {
					l.t.Errorf("packet id %d is not in flight", d.PacketID)
				}
				if l.s.Wait(l.t.Context(), r) != nil {
					return
				}
			}
			delete(l.held, d.PacketID)
			l.x.Ack(d.PacketID)
		}
	}
}

func (l *live) take(d queue.Delivery) {
	if l.held[d.PacketID] {
		return
	}
	l.held[d.PacketID] = true
	var p, n int
	fmt.Sscan(d.Message.TopicName, &p)
	fmt.Sscan(string(d.Message.Payload), &n)
	if n != l.got[p] {
		l.t.Errorf("publisher %d: message %d, want %d", p, n, l.got[p])
	}
	l.got[p]++
}

func stopped() time.Duration { return 0 }
