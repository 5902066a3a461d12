package queue_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"skerry/queue"
	"skerry/queue/vfs"
)

// gambler does at random what a station does, and remembers what it was promised.
type gambler struct {
	t    *testing.T
	r    *rand.Rand
	disk *vfs.Disk
	s    *queue.Store
	xs   []*queue.Session
	keen int // how likely acknowledgements are
	up   []bool

	said  []*said
	facts []said // of the one key
}

type said struct {
	n        int
	m        *queue.Message
	receipt  queue.Receipt
	owed     map[*queue.Session]bool
	inFlight map[*queue.Session]uint16
}

func (g *gambler) step() {
	switch g.r.IntN(12) {
	case 0:
		g.s.SetCommitWindow(time.Duration(g.r.IntN(60))*time.Second, time.Duration(g.r.IntN(20))*time.Second)
	case 1:
		i := g.r.IntN(len(g.xs))
		if g.up[i] = !g.up[i]; g.up[i] {
			g.xs[i].Resume(0)
		} else {
			g.xs[i].Suspend()
		}
	case 2:
		b := g.s.NewBatch()
		b.Put(9, "k", strconv.AppendInt(nil, int64(len(g.facts)), 10))
		b.MayWait()
		g.facts = append(g.facts, said{n: len(g.facts), receipt: apply(g.t, g.s, b)})
	case 3, 4, 5, 6, 7:
		g.publish()
	default:
		g.acknowledge()
	}
	time.Sleep(time.Duration(g.r.IntN(900)) * time.Millisecond)
}

func (g *gambler) publish() {
	m := message("%d", len(g.said))
	m.TopicName = fmt.Sprint("t/", g.r.IntN(3))
	m.Retain = g.r.IntN(2) > 0
	if g.r.IntN(12) > 0 {
		own(m)
	}
	p := &said{n: len(g.said), m: m, owed: map[*queue.Session]bool{}, inFlight: map[*queue.Session]uint16{}}
	var to []queue.Target
	for _, x := range g.xs {
		if g.r.IntN(3) > 0 {
			to = append(to, at(x, 1))
			p.owed[x] = true
		}
	}
	if len(to) == 0 {
		m.Retain = true
	}
	p.receipt = publish(g.t, g.s, m, to...)
	g.said = append(g.said, p)
}

// acknowledge pulls what waits and acknowledges some of all that is in flight, in any order.
func (g *gambler) acknowledge() {
	g.keen = 1 + g.r.IntN(3)
	for i, x := range g.xs {
		for _, d := range x.Next(nil, 100) {
			n, _ := strconv.Atoi(string(d.Message.Payload))
			g.said[n].inFlight[x] = d.PacketID
		}
		for _, p := range g.said {
			if id, ok := p.inFlight[x]; ok && g.up[i] && g.r.IntN(4) < g.keen {
				if !x.Ack(id) {
					g.t.Fatalf("message %d is not in flight", p.n)
				}
				delete(p.inFlight, x)
				delete(p.owed, x)
			}
		}
	}
}

// cut takes the power and compares what is left with what was promised.
func (g *gambler) cut() {
	synctest.Wait()
	durable := g.s.Durable()
	s, rec, err := queue.Open(g.disk.Crash(g.r, vfs.Fate{Dropped: 1, Whole: 1, Torn: 1}), "q", small)
	if err != nil {
		g.t.Fatal(err)
	}
	defer s.Close()
	for _, x := range g.xs {
		y := s.Session(x.Number())
		y.Resume(0)
		found, last := map[int]bool{}, -1
		for empty := 0; empty < 2; {
			if err := s.Commit(); err != nil {
				g.t.Fatal(err)
			}
			ds := y.Next(nil, 1000)
			if empty++; len(ds) > 0 {
				empty = 0
			}
			for _, d := range ds {
				if d.Release {
					y.Ack(d.PacketID)
					continue
				}
				n, _ := strconv.Atoi(string(d.Message.Payload))
				if n <= last {
					g.t.Errorf("session %d: message %d comes after %d", x.Number(), n, last)
				}
				found[n], last = true, n
			}
		}
		for _, p := range g.said {
			if p.receipt <= durable && p.owed[x] && !found[p.n] {
				g.t.Errorf("session %d: message %d is lost: receipt %d of %d, own %v", x.Number(), p.n, p.receipt, durable, p.m.Origin == queue.Gateway)
			}
		}
	}
	g.compare(rec, s, durable)
}

// compare checks that no retained message and no fact is older than one that was promised.
func (g *gambler) compare(rec *queue.Recovery, s *queue.Store, durable queue.Receipt) {
	kept := map[string]int{}
	for _, m := range rec.Retained {
		kept[m.TopicName], _ = strconv.Atoi(string(m.Payload))
	}
	for _, p := range g.said {
		if n, ok := kept[p.m.TopicName]; p.m.Retain && p.receipt <= durable && (!ok || n < p.n) {
			g.t.Errorf("%s has %d (%v), and %d was promised", p.m.TopicName, n, ok, p.n)
		}
	}
	v, _ := s.Fact(9, "k")
	n, err := strconv.Atoi(string(v))
	for _, f := range g.facts {
		if f.receipt <= durable && (err != nil || n < f.n) {
			g.t.Errorf("the fact is %q, and %d was promised", v, f.n)
		}
	}
}

// TestWindowsAndPowerCuts plays stations whose windows, receivers and links change at random, and takes the power at any
// moment: what a receipt stands for is there, in order, and nothing retained is older than what was promised.
func TestWindowsAndPowerCuts(t *testing.T) {
	for seed := range uint64(rounds(60)) {
		synctest.Test(t, func(t *testing.T) {
			g := &gambler{t: t, r: rand.New(rand.NewPCG(seed, 0)), disk: vfs.NewDisk()}
			g.s, _ = open(t, g.disk, small)
			stop := run(t, g.s)
			for range 3 {
				g.xs, g.up = append(g.xs, create(t, g.s, queue.SessionOptions{})), append(g.up, false)
			}
			synctest.Wait()
			for i := range 400 {
				if g.step(); i%20 == 19 {
					g.cut()
				}
			}
			st := g.s.Stats()
			if t.Failed() {
				t.Fatalf("seed %d: %+v", seed, st)
			}
			stop()
			closeStore(t, g.s)
		})
	}
}
