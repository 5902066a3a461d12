package broker_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/queue"
)

// A member of a group in the model, with the state that a Client keeps: packet ids at QoS 2 whose PUBREL has not come.
type modelMember struct {
	name    string
	lasting bool
	c       *client // nil: not connected
	held    map[uint16]bool
	unacked []uint16 // of QoS 1
	waiting []uint16 // of QoS 2: PUBREC is not sent yet
}

// model plays random members of one group against random ends of connections, sessions and power, and counts what arrives.
type model struct {
	t       *testing.T
	at      *site
	r       *rand.Rand
	calm    bool // no session ends: at QoS 2 nothing may be lost
	members []*modelMember
	p       *client
	next    int
	sent    map[string]queue.Receipt // in this boot, not known to be acknowledged
	owed    map[string]bool          // acknowledged
	got     map[string]int
}

func TestShareModel(t *testing.T) {
	seeds := 12
	if testing.Short() {
		seeds = 3
	}
	for seed := range uint64(seeds) {
		for _, calm := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d, calm %v", seed, calm), func(t *testing.T) {
				o := broker.Options{Queue: queue.SessionOptions{RingMessages: 8 + int(seed%3)*500, Window: 16}}
				runWith(t, o, func(t *testing.T, at *site) { newModel(t, at, seed, calm).play() })
			})
		}
	}
}

func newModel(t *testing.T, at *site, seed uint64, calm bool) *model {
	m := &model{
		t: t, at: at, r: rand.New(rand.NewPCG(seed, 7)), calm: calm,
		sent: map[string]queue.Receipt{}, owed: map[string]bool{}, got: map[string]int{},
	}
	for i := range 5 {
		m.members = append(m.members, &modelMember{name: fmt.Sprint("m", i), lasting: calm || i%2 == 0})
	}
	m.connect(m.members[0]) // it never ends, and so neither does the group
	m.p = at.connect("p")
	return m
}

func (m *model) play() {
	for range 400 {
		m.step()
	}
	for _, x := range m.members {
		if x.c == nil && x.lasting {
			m.connect(x)
		}
	}
	for idle := 0; idle < 5; idle++ {
		for _, x := range m.members {
			m.answer(x, 1000)
			for m.take(x, 1000) > 0 { // PUBRELs for what was skipped after the loss of power are many
				m.answer(x, 1000)
				idle = 0
			}
		}
		m.at.quiet()
	}
	m.check()
}

func (m *model) check() {
	m.acknowledged()
	for text := range m.owed {
		n := m.got[text]
		switch text[0] {
		case '1':
			if n == 0 {
				m.t.Errorf("%s never arrived", text)
			}
		default:
			if n == 0 && m.calm {
				m.t.Errorf("%s never arrived", text)
			}
		}
	}
	for text, n := range m.got {
		if text[0] == '2' && n > 1 {
			m.t.Errorf("%s arrived %d times", text, n)
		}
	}
	if n := len(m.owed); n < 50 {
		m.t.Errorf("only %d messages", n)
	}
}

func (m *model) step() {
	x := m.members[m.r.IntN(len(m.members))]
	switch n := m.r.IntN(100); {
	case n < 45:
		m.publish()
	case n < 60:
		m.take(x, 1+m.r.IntN(8))
	case n < 80:
		m.answer(x, m.r.IntN(8))
	case n < 88:
		m.connect(x)
	case n < 93 && x.c != nil:
		m.lose(x)
	case n < 94 && !m.calm && x != m.members[0]:
		m.end(x)
	case n < 96:
		m.acknowledged()
		time.Sleep(time.Second)
	case n < 98:
		m.power()
	}
}

func (m *model) publish() {
	qos := byte(1 + m.r.IntN(2))
	text := fmt.Sprintf("%d-%d", qos, m.next)
	m.next++
	r, code := m.p.Publish(message("t", text, qos), nil)
	if code.IsError() {
		m.t.Fatal(code)
	}
	m.sent[text] = r
}

// acknowledged notes what the publisher has been told.
func (m *model) acknowledged() {
	for text, r := range m.sent {
		if r <= m.at.Durable() {
			m.owed[text] = true
			delete(m.sent, text)
		}
	}
}

// power takes the power, or only the process, at whatever moment the commits are.
func (m *model) power() {
	m.acknowledged()
	if m.r.IntN(3) > 0 {
		m.sent = map[string]queue.Receipt{}
		m.at.reboot(0)
	} else {
		m.at.restart()
		for text := range m.sent { // stopping commits
			m.owed[text] = true
		}
		m.sent = map[string]queue.Receipt{}
	}
	for _, x := range m.members {
		x.c = nil
		if !x.lasting {
			x.held = nil
		}
	}
	m.p = m.at.connect("p")
}

func (m *model) connect(x *modelMember) {
	if x.c != nil && m.r.IntN(2) > 0 {
		return // else it takes itself over
	}
	seconds := uint32(0)
	if x.lasting {
		seconds = 100_000
	}
	x.c = m.at.connect(x.name, keep(seconds), with(func(o *broker.ConnectOptions) { o.ReceiveMaximum = uint16(1 + m.r.IntN(20)) }))
	x.unacked, x.waiting = nil, nil
	if !x.c.SessionPresent {
		x.held = map[uint16]bool{}
		x.c.subscribe(shared, 2)
	}
}

func (m *model) lose(x *modelMember) {
	x.c.lose()
	x.c = nil
}

// end ends the session of a member.
func (m *model) end(x *modelMember) {
	if c, err := m.at.dial(x.name, clean); err == nil {
		c.leave()
	}
	x.c, x.held = nil, nil
}

func (m *model) take(x *modelMember, most int) int {
	if x.c == nil {
		return 0
	}
	got := x.c.Next(nil, most)
	for _, d := range got {
		switch {
		case d.Release:
			delete(x.held, d.PacketID)
			x.c.Ack(d.PacketID)
		case d.QoS == 1:
			m.got[string(d.Message.Payload)]++
			x.unacked = append(x.unacked, d.PacketID)
		default:
			if !x.held[d.PacketID] {
				x.held[d.PacketID] = true
				m.got[string(d.Message.Payload)]++
			}
			x.waiting = append(x.waiting, d.PacketID)
		}
	}
	return len(got)
}

// answer acknowledges some of what a member has, as it comes.
func (m *model) answer(x *modelMember, most int) {
	if x.c == nil {
		return
	}
	for ; most > 0 && len(x.unacked) > 0; most-- {
		i := m.r.IntN(len(x.unacked))
		if code := x.c.Ack(x.unacked[i]); code != packet.Success {
			m.t.Fatalf("PUBACK %d: %v", x.unacked[i], code)
		}
		x.unacked = append(x.unacked[:i], x.unacked[i+1:]...)
	}
	for ; most > 0 && len(x.waiting) > 0; most-- {
		r, code := x.c.Received(x.waiting[0])
		if code.IsError() {
			m.t.Fatalf("PUBREC %d: %v", x.waiting[0], code)
		}
		m.at.settle(r)
		delete(x.held, x.waiting[0])
		x.c.Ack(x.waiting[0])
		x.waiting = x.waiting[1:]
	}
}
