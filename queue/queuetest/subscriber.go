package queuetest

import (
	"encoding/binary"
	"fmt"

	"skerry/queue"
)

// subscriber is a client that receives. Its protocol state survives the store.
type subscriber struct {
	w       *world
	name    int
	qos     byte
	created bool
	x       *queue.Session

	connected bool
	held      map[uint16]bool // packet ids received at QoS 2 and not released
	last      map[int]int     // by publisher: how many messages came, in order
	answers   []answer
	releases  []release
	cleaning  queue.Receipt // of a clean start that is not confirmed yet
	latest    map[int]int   // by publisher: after a clean start, the first message to come is at most this one
	forgiven  map[int]int   // by publisher: a lying disk may have lost messages below
}

type answer struct {
	received bool // PUBREC; else PUBACK or PUBCOMP
	id       uint16
}

// release is a PUBREL that waits for its receipt.
type release struct {
	id uint16
	r  queue.Receipt
}

func (s *subscriber) connect() {
	if s.connected || s.w.s.Durable() < s.cleaning {
		return
	}
	s.connected, s.cleaning = true, 0
	s.x.Resume(uint16(1 + s.w.r.IntN(s.w.Window+1)))
}

func (s *subscriber) disconnect() {
	if s.connected && s.w.s != nil {
		s.x.Suspend()
	}
	s.connected, s.answers, s.releases = false, nil, nil
}

// cleanStart ends the session and makes a new one, as CONNECT with CleanStart does. CONNACK waits for the receipt;
// if the power goes before, the client tries again.
func (s *subscriber) cleanStart() {
	s.disconnect()
	b := s.w.s.NewBatch()
	b.End(s.x)
	s.x = b.Create(s.options())
	b.Put(factSpace, s.fact(), binary.AppendUvarint(nil, s.x.Number()))
	r, err := s.w.s.Apply(b)
	if err != nil {
		s.w.breaks("clean start: %w", err)
	}
	s.cleaning = r
	clear(s.held)
	for _, p := range s.w.pubs {
		s.last[p.name], s.latest[p.name] = unknown, p.next
	}
}

// unknown is which message of a publisher comes first to a new session: the client may see one that is sent again.
const unknown = -1

func (s *subscriber) fact() string { return fmt.Sprint("sub", s.name) }

func (s *subscriber) options() queue.SessionOptions {
	return queue.SessionOptions{PacketIDs: s.w.PacketIDs, Window: s.w.Window, RingMessages: 6, RingBytes: 8 << 10}
}

// pull takes deliveries and sends the PUBRELs that may go.
func (s *subscriber) pull(n int) (busy bool) {
	if s.connect(); !s.connected {
		return s.cleaning != 0
	}
	for len(s.releases) > 0 && s.w.s.Durable() >= s.releases[0].r {
		s.release(s.releases[0].id)
		s.releases = s.releases[1:]
	}
	ds := s.x.Next(nil, n)
	for i := range ds {
		s.take(&ds[i])
	}
	return len(ds) > 0
}

func (s *subscriber) release(id uint16) {
	delete(s.held, id)
	s.answers = append(s.answers, answer{id: id})
}

func (s *subscriber) take(d *queue.Delivery) {
	switch {
	case d.Release:
		s.release(d.PacketID)
	case d.QoS == 1:
		s.deliver(d)
		s.answers = append(s.answers, answer{id: d.PacketID})
	default:
		if !s.held[d.PacketID] {
			s.held[d.PacketID] = true
			s.deliver(d)
		}
		s.answers = append(s.answers, answer{received: true, id: d.PacketID})
	}
}

// deliver is where the application sees a message.
func (s *subscriber) deliver(d *queue.Delivery) {
	var pub, n int
	fmt.Sscanf(d.Message.TopicName, "p%d", &pub)
	fmt.Sscan(string(d.Message.Payload), &n)
	p := s.w.pubs[pub]
	if n >= p.next || string(d.Message.Payload) != string(p.message(n).Payload) || d.QoS != min(p.qos, s.qos) {
		s.w.breaks("sub%d: invented: message %d of p%d", s.name, n, pub)
		return
	}
	expect := s.last[pub]
	switch {
	case expect == unknown && n <= s.latest[pub]:
		s.last[pub] = n + 1
	case n == expect:
		s.last[pub]++
	case n < expect && d.QoS == 1: // once more, after an acknowledgement was lost
	case n > expect && n <= s.forgiven[pub]:
		s.last[pub] = n + 1
	case n < expect && n < s.forgiven[pub]:
	default:
		s.w.breaks("sub%d: message %d of p%d at QoS %d, expected %d (dup %t, packet id %d)", s.name, n, pub, d.QoS, expect, d.Dup, d.PacketID)
	}
}

// answer sends one of the answers that are due, in any order.
func (s *subscriber) answer() (busy bool) {
	if !s.connected || len(s.answers) == 0 {
		return false
	}
	i := s.w.r.IntN(len(s.answers))
	a := s.answers[i]
	s.answers = append(s.answers[:i:i], s.answers[i+1:]...)
	if !a.received {
		if !s.x.Ack(a.id) {
			s.w.breaks("sub%d: packet id %d not in flight", s.name, a.id)
		}
		return true
	}
	r, ok := s.x.Received(a.id)
	if !ok {
		s.w.breaks("sub%d: packet id %d not in flight at QoS 2", s.name, a.id)
	}
	s.releases = append(s.releases, release{a.id, r})
	return true
}

func (s *subscriber) finish() (busy bool) {
	busy = s.pull(3)
	for s.answer() {
		busy = true
	}
	return busy || len(s.releases) > 0
}

// checkAll is asked when nothing moves any more.
func (s *subscriber) checkAll() {
	for _, p := range s.w.pubs {
		nothing := s.last[p.name] == unknown && s.latest[p.name] == p.next
		if !nothing && s.last[p.name] != p.next && p.next > s.forgiven[p.name] {
			s.w.breaks("sub%d: %d of the %d messages of p%d", s.name, s.last[p.name], p.next, p.name)
		}
	}
	if len(s.held) > 0 {
		s.w.breaks("sub%d: packet ids %v are never released", s.name, s.held)
	}
}
