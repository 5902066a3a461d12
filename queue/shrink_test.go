package queue_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"skerry/queue"
	"skerry/queue/vfs"
)

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestSuspendedSessionsAreSmall: slow receivers that lose their connection leave no more in memory than those that were
// never there, and get everything when they come back: what was on its way first.
func TestSuspendedSessionsAreSmall(t *testing.T) {
	const sessions, each, flying, size = 40, 48, 10, 10_000
	s, _, err := queue.Open(vfs.OS{}, t.TempDir(), queue.Options{}) // a Disk would hold it all in memory
	if err != nil {
		t.Fatal(err)
	}
	defer closeStore(t, s)
	xs := make([]*queue.Session, sessions)
	for i := range xs {
		xs[i] = create(t, s, queue.SessionOptions{})
		xs[i].Resume(0)
	}
	owe := func(x *queue.Session) {
		for i := range each {
			publish(t, s, message("%03d%s", i, bytes.Repeat([]byte{'.'}, size)), at(x, byte(1+i%2)))
		}
		commit(t, s)
	}
	owe(create(t, s, queue.SessionOptions{})) // what a group of that size needs stays
	before := heap()
	for _, x := range xs {
		owe(x)
		if n := len(x.Next(nil, flying)); n != flying {
			t.Fatalf("%d in flight", n)
		}
	}
	slow := heap() - before
	for _, x := range xs {
		x.Suspend()
	}
	if away := heap() - min(before, heap()); slow < sessions*each*size || away > sessions*(40<<10) {
		t.Errorf("%d sessions hold %d bytes without a connection, %d with one", sessions, away, slow)
	}
	for _, x := range xs {
		if st := x.Stats(); st.Messages != each || x.Unfinished() != each {
			t.Fatalf("owed %d and %+v", x.Unfinished(), st)
		}
	}
	for _, x := range xs {
		x.Resume(0)
		got := 0
		for range 10 {
			for _, d := range x.Next(nil, each) {
				if want := fmt.Sprintf("%03d", got); string(d.Message.Payload[:3]) != want || d.Dup != (got < flying) || int(d.PacketID) != got+1 {
					t.Fatalf("message %s, packet id %d, dup %t; want %s", d.Message.Payload[:3], d.PacketID, d.Dup, want)
				}
				got++
			}
			commit(t, s)
		}
		if got != each {
			t.Fatalf("%d of %d", got, each)
		}
		x.Suspend()
	}
}

// scene is a session with a receiver that acknowledges at random and often loses its connection.
type scene struct {
	t     *testing.T
	r     *rand.Rand
	s     *queue.Store
	x     *queue.Session
	n     int
	open  []queue.Delivery // not answered
	lines []string
}

func (c *scene) step() {
	switch k := c.r.IntN(20); {
	case k < 8:
		c.n++
		m := message("%d%s", c.n, bytes.Repeat([]byte{'.'}, c.r.IntN(300)))
		if c.r.IntN(2) == 0 {
			m = own(m)
		}
		publish(c.t, c.s, m, at(c.x, byte(1+c.r.IntN(2))))
	case k < 11:
		commit(c.t, c.s)
	case k < 14:
		c.take()
	case k < 19:
		c.answer()
	default:
		c.x.Suspend()
		if c.r.IntN(2) == 0 {
			commit(c.t, c.s)
		}
		c.x.Resume(0)
		c.open = nil
	}
}

// take takes all there is, also what has to be read first, so that it does not matter where it is.
func (c *scene) take() {
	for idle := 0; idle < 3; {
		ds := c.x.Next(nil, 1000)
		if idle++; len(ds) > 0 {
			idle = 0
		}
		for i, text := range wire(ds) {
			c.lines = append(c.lines, fmt.Sprint(text, " ", ds[i].QoS, ds[i].Dup))
		}
		c.open = append(c.open, ds...)
		commit(c.t, c.s)
	}
}

func (c *scene) answer() {
	if len(c.open) == 0 {
		return
	}
	i := c.r.IntN(len(c.open))
	d := c.open[i]
	if d.QoS == 2 && !d.Release && c.r.IntN(3) > 0 {
		if _, ok := c.x.Received(d.PacketID); !ok {
			c.t.Fatalf("packet id %d is not in flight", d.PacketID)
		}
		c.open[i].Release = true
		return
	}
	c.open = slices.Delete(c.open, i, i+1)
	ack(c.t, c.x, d)
	st := c.x.Stats()
	c.lines = append(c.lines, fmt.Sprint(st.Messages, st.Bytes, c.x.Unfinished()))
}

// TestSuspendedChangesNothing: how much a session keeps in memory without a connection is not to be seen by its receiver,
// nor in what is owed, nor after a restart.
func TestSuspendedChangesNothing(t *testing.T) {
	for seed := range uint64(rounds(60)) {
		var want []string
		for _, share := range []int{1 << 20, 1500, 600, 1} {
			o := small
			o.OfflineBytes = share
			disk := vfs.NewDisk()
			s, _ := open(t, disk, o)
			c := &scene{t: t, r: rand.New(rand.NewPCG(seed, 9)), s: s}
			c.x = create(t, s, queue.SessionOptions{PacketIDs: queue.Range{First: 1, Count: uint16(5 + 2000*(seed%2))}, Limits: queue.Limits{Bytes: 1 << 20}})
			commit(t, s)
			c.x.KeepReceived(seed%3 == 0)
			c.x.Resume(0)
			for range 300 {
				c.step()
			}
			c.x.Suspend()
			closeStore(t, s)
			c.s, _ = open(t, disk, o)
			c.x = c.s.Session(c.x.Number())
			c.x.Resume(0)
			c.take()
			st := c.x.Stats()
			c.lines = append(c.lines, fmt.Sprint(st.Messages, st.Bytes))
			closeStore(t, c.s)
			if want == nil {
				want = c.lines
			}
			for i, line := range want {
				if i >= len(c.lines) || c.lines[i] != line {
					t.Fatalf("seed %d, share %d: line %d of %d is %q, want %q", seed, share, i, len(c.lines), c.lines[min(i, len(c.lines)-1)], line)
				}
			}
		}
	}
}
