package queuetest

import (
	"fmt"

	"skerry/queue"
)

// crowd is a share, and its members: clients that receive, one by one, what everybody publishes. Their protocol state survives
// the store.
type crowd struct {
	w       *world
	x       *queue.Session
	members []*member
	created bool
	came    map[delivery]int
}

type member struct {
	c         *crowd
	name      int
	brief     bool // in memory only: with QoS 2 it takes to the grave what it has
	x         *queue.Session
	connected bool
	held      map[uint16]bool
	answers   []answer
	releases  []release
}

func newCrowd(w *world) *crowd {
	c := &crowd{w: w, came: map[delivery]int{}}
	for i := range 3 {
		c.members = append(c.members, &member{c: c, name: i, brief: i == 2 && w.Seed%3 == 1, held: map[uint16]bool{}})
	}
	return c
}

// bind finds the share and its members, or makes them. It returns false if the power went meanwhile.
func (c *crowd) bind() bool {
	w, b, missing := c.w, c.w.s.NewBatch(), false
	if c.x = w.find(b, "crowd", c.created, queue.SessionOptions{RingMessages: 6, PacketIDs: queue.Range{First: 1, Count: 1}, Shared: true}, &missing); !missing {
		c.x.SetShared()
	}
	for _, m := range c.members {
		o := queue.SessionOptions{PacketIDs: w.PacketIDs, Window: w.Window, RingMessages: 6, RingBytes: 8 << 10}
		if m.brief {
			m.x = w.s.NewVolatile(o)
			clear(m.held)
			continue
		}
		m.x = w.find(b, fmt.Sprint("member", m.name), c.created, o, &missing)
	}
	if missing {
		if _, err := w.s.Apply(b); err != nil {
			w.breaks("create a share: %w", err)
		}
		if w.s.Commit() != nil {
			return false
		}
	}
	c.created = true
	return true
}

// step does one random thing.
func (c *crowd) step() {
	m := c.members[c.w.r.IntN(len(c.members))]
	switch n := c.w.r.IntN(20); {
	case n < 8:
		m.receive(1 + c.w.r.IntN(4))
	case n < 18:
		m.answer()
	case n < 19:
		m.disconnect()
	default:
		c.spread()
	}
}

// spread hands out what waits, to anybody.
func (c *crowd) spread() {
	first := c.w.r.IntN(len(c.members))
	for refused := 0; refused < len(c.members); first++ {
		m := c.members[first%len(c.members)]
		switch c.x.Give(m.x, &queue.Share{QoS: 2}) {
		case queue.Gave:
			refused = 0
		case queue.NoRoom:
			refused++
		default:
			return
		}
	}
}

func (m *member) connect() {
	if m.connected {
		return
	}
	if !m.c.anybody() {
		m.c.x.Resume(0)
	}
	m.connected = true
	m.x.Resume(uint16(1 + m.c.w.r.IntN(m.c.w.Window+1)))
}

func (c *crowd) anybody() bool {
	for _, m := range c.members {
		if m.connected {
			return true
		}
	}
	return false
}

func (m *member) disconnect() {
	was := m.connected
	m.c.w.trace("member%d: disconnects", m.name)
	m.connected, m.answers, m.releases = false, nil, nil
	if !was || m.c.w.s == nil {
		return
	}
	m.x.Suspend()
	if !m.c.anybody() {
		m.c.x.Suspend()
	}
}

func (m *member) receive(n int) (busy bool) {
	m.connect()
	for len(m.releases) > 0 && m.c.w.s.Durable() >= m.releases[0].r {
		m.release(m.releases[0].id)
		m.releases = m.releases[1:]
	}
	m.c.spread()
	ds := m.x.Next(nil, n)
	for i := range ds {
		m.take(&ds[i])
	}
	return len(ds) > 0
}

func (m *member) release(id uint16) {
	delete(m.held, id)
	m.answers = append(m.answers, answer{id: id})
}

func (m *member) take(d *queue.Delivery) {
	switch {
	case d.Release:
		m.c.w.trace("member%d: PUBREL %d, ordinal %d", m.name, d.PacketID, d.Ordinal)
		m.release(d.PacketID)
	case d.QoS == 1:
		m.c.deliver(m, d)
		m.answers = append(m.answers, answer{id: d.PacketID})
	default:
		if !m.held[d.PacketID] {
			m.held[d.PacketID] = true
			m.c.deliver(m, d)
		}
		m.answers = append(m.answers, answer{received: true, id: d.PacketID})
	}
}

// deliver is where an application sees a message.
func (c *crowd) deliver(m *member, d *queue.Delivery) {
	var pub int
	fmt.Sscanf(d.Message.TopicName, "p%d", &pub)
	n, p := number(d.Message), c.w.pubs[pub]
	c.w.trace("member%d: message %d of p%d, QoS %d, packet id %d, ordinal %d, dup %t", m.name, n, pub, d.QoS, d.PacketID, d.Ordinal, d.Dup)
	if n >= p.next || !same(d.Message, p.message(n)) || d.QoS != p.qos {
		c.w.breaks("member%d: invented: message %d of p%d", m.name, n, pub)
	}
	if c.came[delivery{pub, n}]++; c.came[delivery{pub, n}] > 1 && p.qos == 2 {
		c.w.breaks("member%d: message %d of p%d comes again, at QoS 2", m.name, n, pub)
	}
}

func (m *member) answer() (busy bool) {
	if !m.connected || len(m.answers) == 0 {
		return false
	}
	i := m.c.w.r.IntN(len(m.answers))
	a := m.answers[i]
	m.answers = append(m.answers[:i:i], m.answers[i+1:]...)
	m.c.w.trace("member%d: answers %+v of %+v", m.name, a, m.answers)
	if !a.received {
		if !m.x.Ack(a.id) {
			m.c.w.breaks("member%d: packet id %d not in flight", m.name, a.id)
		}
		return true
	}
	r, ok := m.x.Received(a.id)
	if !ok {
		m.c.w.breaks("member%d: packet id %d not in flight at QoS 2", m.name, a.id)
	}
	m.releases = append(m.releases, release{a.id, r})
	return true
}

func (c *crowd) disconnect() {
	for _, m := range c.members {
		m.connected, m.answers, m.releases = false, nil, nil
	}
}

func (c *crowd) finish() (busy bool) {
	for _, m := range c.members {
		busy = m.receive(3) || busy
		for m.answer() {
			busy = true
		}
		busy = busy || len(m.releases) > 0
	}
	return busy
}

// checkAll is asked when nothing moves any more.
func (c *crowd) checkAll() {
	for _, p := range c.w.pubs {
		for n := range p.next {
			if c.came[delivery{p.name, n}] == 0 && !(p.qos == 2 && c.members[2].brief) {
				c.w.breaks("message %d of p%d came to no member", n, p.name)
			}
		}
	}
	if n, st := c.x.Unfinished(), c.x.Stats(); n > 0 || st.Messages > 0 || st.Bytes > 0 || st.InFlight > 0 {
		c.w.breaks("%d deliveries are owed to a share, and nothing comes: %+v", n, st)
	}
	for _, m := range c.members {
		if st := m.x.Stats(); st.Messages > 0 || st.InFlight > 0 || len(m.held) > 0 {
			c.w.breaks("member%d is owed something, and nothing comes: %+v, holds %v", m.name, st, m.held)
		}
	}
}
