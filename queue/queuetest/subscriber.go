package queuetest

import (
	"fmt"
	"slices"

	"skerry/queue"
)

// subscriber is a client that receives. Its protocol state survives the store.
type subscriber struct {
	w       *world
	name    int
	qos     byte
	created bool
	x       *queue.Session
	gone    bool // the client has ended its session; x is nil then

	connected bool
	held      map[uint16]bool           // packet ids received at QoS 2 and not released
	kept      map[uint16]queue.Delivery // of these, if it passes a message on when it is released: what it has got
	last      map[int]int               // by publisher: how many messages came, in order
	answers   []answer
	releases  []release
	cleaning  queue.Receipt   // of a clean start that is not confirmed yet
	ending    queue.Receipt   // of an end that is not confirmed yet
	ended     []uint64        // numbers of sessions whose end was confirmed
	endingNow []uint64        // and of those whose end was not
	latest    map[int]int     // by publisher: after a clean start, the first message to come is at most this one
	forgiven  map[int]int     // by publisher: a lying disk may have lost messages below
	recorded  map[uint64]bool // ordinals that PUBREC was noted for in this boot, by a client that is late
	anew      map[uint64]bool // those that are to be published anew
	losing    queue.Receipt   // of what is to be published anew, because the session of the client was lost
	lost      bool            // the power went before that was durable
	twice     map[int]int     // by publisher: messages below may come twice at QoS 2, because the session was lost
	drops
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

func newSubscriber(w *world, name int, qos byte) *subscriber {
	return &subscriber{
		w: w, name: name, qos: qos,
		held: map[uint16]bool{}, last: map[int]int{}, latest: map[int]int{}, forgiven: map[int]int{}, twice: map[int]int{}, kept: map[uint16]queue.Delivery{}, recorded: map[uint64]bool{}, anew: map[uint64]bool{}, drops: newDrops(),
	}
}

// slow tells whether the subscriber is the one that hardly ever connects.
func (s *subscriber) slow() bool { return s.w.Slow && s.name == len(s.w.subs)-1 }

func (s *subscriber) connect() {
	if s.x == nil || s.connected || s.w.s.Durable() < s.cleaning {
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

func (s *subscriber) fact() string { return fmt.Sprint("sub", s.name) }

func (s *subscriber) options() queue.SessionOptions {
	return queue.SessionOptions{
		PacketIDs: s.w.PacketIDs, Window: s.w.Window, RingMessages: 6, RingBytes: 8 << 10, Limits: s.w.Limits,
	}
}

// pull takes deliveries and sends the PUBRELs that may go.
func (s *subscriber) pull(n int) (busy bool) {
	if s.slow() && s.w.r.IntN(40) > 0 {
		s.disconnect()
		return false
	}
	return s.receive(n)
}

func (s *subscriber) receive(n int) (busy bool) {
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
	if d, ok := s.kept[id]; ok {
		delete(s.kept, id)
		s.deliver(&d)
	}
	s.answers = append(s.answers, answer{id: id})
}

func (s *subscriber) take(d *queue.Delivery) {
	s.trace(d)
	switch {
	case d.Release:
		s.release(d.PacketID)
	case d.QoS == 1:
		s.deliver(d)
		s.answers = append(s.answers, answer{id: d.PacketID})
	default:
		if s.anew[d.Ordinal] && s.w.s.Durable() < s.losing {
			s.w.breaks("sub%d: ordinal %d is published anew before that is durable", s.name, d.Ordinal)
		}
		if !s.held[d.PacketID] {
			s.held[d.PacketID] = true
			if s.late() {
				s.kept[d.PacketID] = *d
			} else {
				s.deliver(d)
			}
		}
		s.answers = append(s.answers, answer{received: true, id: d.PacketID})
	}
}

func (s *subscriber) trace(d *queue.Delivery) {
	switch {
	case s.w.Trace == nil:
	case d.Release:
		s.w.trace("sub%d: PUBREL %d, ordinal %d", s.name, d.PacketID, d.Ordinal)
	default:
		s.w.trace("sub%d: message %d of %s, QoS %d, packet id %d, ordinal %d, dup %t", s.name, number(d.Message), d.Message.TopicName, d.QoS, d.PacketID, d.Ordinal, d.Dup)
	}
}

// deliver is where the application sees a message.
func (s *subscriber) deliver(d *queue.Delivery) {
	var pub int
	fmt.Sscanf(d.Message.TopicName, "p%d", &pub)
	n, p := number(d.Message), s.w.pubs[pub]
	if d.Message.TopicName == fillTopic {
		return
	}
	if n >= p.next || !same(d.Message, p.message(n)) || d.QoS != min(p.qos, s.qos) {
		s.w.breaks("sub%d: invented: message %d of p%d", s.name, n, pub)
		return
	}
	s.checkExpiry(d, p)
	late := s.passed[delivery{pub, n}]
	delete(s.due, delivery{pub, n})
	delete(s.passed, delivery{pub, n})
	expect := s.last[pub]
	if expect == unknown {
		if expect = s.latest[pub]; n <= expect {
			s.last[pub] = n + 1
			return
		}
	}
	switch {
	case n == expect, n > expect && s.passOver(p, expect, n):
		s.last[pub] = n + 1
	case n < expect && d.QoS == 1: // once more, after an acknowledgement was lost
	case n < expect && n < s.twice[pub]: // it came before the session was lost
	case n < expect && late && s.newest[delivery{pub, n}]: // dropped, before its publisher was answered, and sent again
	case n < expect && n < max(s.forgiven[pub], s.latest[pub]): // sent again by a publisher, to a session that is new
	default:
		s.w.breaks("sub%d: message %d of p%d at QoS %d, expected %d (dup %t, packet id %d, ordinal %d)", s.name, n, pub, d.QoS, expect, d.Dup, d.PacketID, d.Ordinal)
	}
}

// answer sends one of the answers that are due, in any order.
func (s *subscriber) answer() (busy bool) {
	if !s.connected || len(s.answers) == 0 {
		return false
	}
	i := s.w.r.IntN(len(s.answers))
	if s.late() && s.answers[i].received { // PUBREL comes in the order of PUBREC, and what it passes on is to be in order
		i = slices.IndexFunc(s.answers, func(a answer) bool { return a.received })
	}
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
	if d, ok := s.kept[a.id]; ok {
		s.recorded[d.Ordinal] = true
	}
	s.releases = append(s.releases, release{a.id, r})
	return true
}

func (s *subscriber) finish() (busy bool) {
	busy = s.receive(3)
	for s.answer() {
		busy = true
	}
	return busy || len(s.releases) > 0
}

// checkAll is asked when nothing moves any more.
func (s *subscriber) checkAll() {
	for _, p := range s.w.pubs {
		from := s.last[p.name]
		if from == unknown {
			from = s.latest[p.name]
		}
		if !s.passOver(p, from, p.next) {
			s.w.breaks("sub%d: %d of the %d messages of p%d", s.name, from, p.next, p.name)
		}
	}
	if d, missed := s.missed(); missed {
		s.w.breaks("sub%d: message %d of p%d never came", s.name, d.n, d.pub)
	}
	if len(s.held) > 0 {
		s.w.breaks("sub%d: packet ids %v are never released", s.name, s.held)
	}
	if n, st := s.x.Unfinished(), s.x.Stats(); n > 0 || st.Messages > 0 || st.Bytes > 0 || st.InFlight > 0 {
		s.w.breaks("sub%d: %d deliveries are owed, and nothing comes: %+v", s.name, n, st)
	}
}
