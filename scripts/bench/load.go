package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"golang.org/x/sys/unix"

	"skerry/broker/packet"
)

// A load is the work of one cell: every publisher's messages go to every subscriber.
type load struct {
	qos              packet.QoS
	pubs, subs       int
	window           int           // messages of one publisher that are on their way: not acknowledged, or not with every subscriber
	every            time.Duration // 0: as fast as the window allows; otherwise one message each time, from the only publisher
	durable          bool          // the subscribers keep their sessions
	clients          string        // begins their ClientIDs
	lost, wrongOrder uint64        // counted while it runs
}

const (
	payloadSize = 64 // bytes
	topicName   = "bench/load"
	inputSize   = 256 << 10
	stall       = 10 * time.Second // without any delivery
)

// generator runs a load with one thread.
type generator struct {
	load
	address   string
	epoll     int
	clock     int // timer, with every
	pubs      []*publisher
	subs      []*subscriber
	dirty     []*publisher // may send more
	delivered uint64
	frame     []byte // a PUBLISH, to be copied
}

// publisher counts what is on its way.
type publisher struct {
	socket
	index                 uint16
	sent, acked, received uint64 // received: the sum of all subscribers
	id                    uint16
	dirty                 bool
}

// subscriber knows the number that it expects next from each publisher.
type subscriber struct {
	socket
	next []uint64
}

func newGenerator(address string, l load) (*generator, error) {
	g := &generator{load: l, address: address, clock: -1}
	var err error
	if g.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, err
	}
	p := packet.Publish{QoS: l.qos, TopicName: []byte(topicName), PacketID: 1, Payload: make([]byte, payloadSize)}
	g.frame = p.Append(nil, packet.V311)
	if err := errors.Join(g.connect(), g.startClock()); err != nil {
		g.close()
		return nil, err
	}
	return g, nil
}

func (g *generator) connect() error {
	for i := range g.load.subs {
		s, err := dial(g.address, g.subscriberID(i), !g.durable, inputSize)
		if err != nil {
			return err
		}
		g.subs = append(g.subs, &subscriber{socket: *s, next: make([]uint64, g.load.pubs)})
		if err := s.subscribe(topicName, g.qos); err != nil {
			return err
		}
		if err := g.watch(s.fd, len(g.subs)-1); err != nil {
			return err
		}
	}
	for i := range g.load.pubs {
		s, err := dial(g.address, fmt.Sprint(g.clients, "p", i), true, inputSize)
		if err != nil {
			return err
		}
		g.pubs = append(g.pubs, &publisher{socket: *s, index: uint16(i)})
		if err := g.watch(s.fd, g.load.subs+i); err != nil {
			return err
		}
	}
	return nil
}

// watch adds a client to the epoll under its number.
func (g *generator) watch(fd, number int) error {
	return errors.Join(unix.SetNonblock(fd, true),
		unix.EpollCtl(g.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(number)}))
}

func (g *generator) startClock() error {
	if g.every == 0 {
		return nil
	}
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return err
	}
	g.clock = fd
	t := unix.NsecToTimespec(int64(g.every))
	return errors.Join(unix.TimerfdSettime(fd, 0, &unix.ItimerSpec{Interval: t, Value: t}, nil), g.watch(fd, math.MaxInt32))
}

// close ends all connections, and kept sessions: who is away would be owed what the next repetition publishes, and that one would measure
// something else.
func (g *generator) close() {
	for i, s := range g.subs {
		s.close()
		if g.durable {
			g.endSession(i)
		}
	}
	for _, p := range g.pubs {
		p.close()
	}
	if g.clock >= 0 {
		unix.Close(g.clock)
	}
	unix.Close(g.epoll)
}

// endSession has a subject forget what it keeps for a subscriber, by a connection with Clean Session. If that fails, the subject is
// about to end, or the next repetition says what is wrong.
func (g *generator) endSession(subscriber int) {
	if s, err := dial(g.address, g.subscriberID(subscriber), true, inputSize); err == nil {
		s.close()
	}
}

func (g *generator) subscriberID(i int) string { return fmt.Sprint(g.clients, "s", i) }

// run works for a while and returns how many messages were delivered in it, and how long it really was.
func (g *generator) run(d time.Duration) (delivered uint64, took time.Duration, err error) {
	if g.every == 0 {
		for _, p := range g.pubs {
			g.touch(p)
		}
	}
	before, start := g.delivered, time.Now()
	last, lastDelivered := start, before
	for now := start; ; now = time.Now() {
		if took = now.Sub(start); took >= d {
			return g.delivered - before, took, nil
		}
		if g.delivered != lastDelivered {
			last, lastDelivered = now, g.delivered
		} else if now.Sub(last) > stall {
			return 0, 0, fmt.Errorf("nothing delivered for %v, after %d messages", stall, g.delivered)
		}
		if err := g.turn(); err != nil {
			return 0, 0, err
		}
	}
}

// turn sends what may be sent and handles what has come.
func (g *generator) turn() error {
	for _, p := range g.dirty {
		p.dirty = false
		for p.sent-p.done(g.load.subs, g.qos) < uint64(g.window) {
			g.publish(p)
		}
		if err := g.flush(&p.socket, g.load.subs+int(p.index)); err != nil {
			return err
		}
	}
	g.dirty = g.dirty[:0]
	var events [128]unix.EpollEvent
	n, err := unix.EpollWait(g.epoll, events[:], 100)
	if err != nil && err != unix.EINTR {
		return fmt.Errorf("epoll: %w", err)
	}
	for i := range max(n, 0) {
		if err := g.handle(int(events[i].Fd)); err != nil {
			return err
		}
	}
	return nil
}

func (g *generator) handle(number int) error {
	switch {
	case number == math.MaxInt32:
		return g.tick()
	case number < len(g.subs):
		s := g.subs[number]
		return g.take(&s.socket, number, func(b []byte) error { return g.receive(s, b) })
	}
	p := g.pubs[number-len(g.subs)]
	return g.take(&p.socket, number, func(b []byte) error { return g.settle(p, b) })
}

// take reads once, handles the packets and answers them with one write.
func (g *generator) take(s *socket, number int, handle func([]byte) error) error {
	if err := s.fill(); err != nil {
		return err
	}
	for {
		b, err := s.next()
		if err != nil {
			return err
		}
		if b == nil {
			return g.flush(s, number)
		}
		if err := handle(b); err != nil {
			return err
		}
	}
}

// flush writes, and asks for EPOLLOUT as long as something is left.
func (g *generator) flush(s *socket, number int) error {
	if err := s.flush(); err != nil {
		return err
	}
	if busy := len(s.out) > 0; busy != s.busy {
		s.busy = busy
		e := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(number)}
		if busy {
			e.Events |= unix.EPOLLOUT
		}
		return unix.EpollCtl(g.epoll, unix.EPOLL_CTL_MOD, s.fd, &e)
	}
	return nil
}

// tick sends a message for each time that the clock has struck, each in a write of its own.
func (g *generator) tick() error {
	var b [8]byte
	if _, err := unix.Read(g.clock, b[:]); err != nil {
		return nil // not yet
	}
	for range min(binary.NativeEndian.Uint64(b[:]), 100) {
		g.publish(g.pubs[0])
		if err := g.flush(&g.pubs[0].socket, len(g.subs)); err != nil {
			return err
		}
	}
	return nil
}

func (g *generator) touch(p *publisher) {
	if !p.dirty && g.every == 0 {
		p.dirty = true
		g.dirty = append(g.dirty, p)
	}
}

// done is how many messages are over.
func (p *publisher) done(subs int, qos packet.QoS) uint64 {
	n := p.received / uint64(subs)
	if qos > 0 {
		n = min(n, p.acked)
	}
	return n
}

// publish adds a message to what the publisher sends. Its number and its publisher begin its payload.
func (g *generator) publish(p *publisher) {
	at := len(p.out)
	p.out = append(p.out, g.frame...)
	b := p.out[at:]
	payload := b[len(b)-payloadSize:]
	if g.qos > 0 {
		p.id = p.id%math.MaxUint16 + 1
		binary.BigEndian.PutUint16(b[len(b)-payloadSize-2:], p.id)
	}
	binary.BigEndian.PutUint64(payload, p.sent)
	binary.BigEndian.PutUint16(payload[8:], p.index)
	p.sent++
}

// settle handles what a publisher gets.
func (g *generator) settle(p *publisher, b []byte) error {
	switch packet.Type(b[0] >> 4) {
	case packet.PUBACK, packet.PUBCOMP:
		p.acked++
		g.touch(p)
	case packet.PUBREC:
		p.out = appendAck(p.out, packet.PUBREL, b[2:4])
	default:
		return fmt.Errorf("publisher: %v came", packet.Type(b[0]>>4))
	}
	return nil
}

// receive handles what a subscriber gets.
func (g *generator) receive(s *subscriber, b []byte) error {
	switch packet.Type(b[0] >> 4) {
	case packet.PUBREL:
		s.out = appendAck(s.out, packet.PUBCOMP, b[2:4])
		return nil
	case packet.PUBLISH:
	default:
		return fmt.Errorf("subscriber: %v came", packet.Type(b[0]>>4))
	}
	if len(b) != len(g.frame) {
		return fmt.Errorf("a PUBLISH of %d bytes came instead of %d", len(b), len(g.frame))
	}
	payload := b[len(b)-payloadSize:]
	switch id := b[len(b)-payloadSize-2 : len(b)-payloadSize]; g.qos {
	case 1:
		s.out = appendAck(s.out, packet.PUBACK, id)
	case 2:
		s.out = appendAck(s.out, packet.PUBREC, id)
	}
	return g.count(s, binary.BigEndian.Uint64(payload), int(binary.BigEndian.Uint16(payload[8:])))
}

func (g *generator) count(s *subscriber, number uint64, from int) error {
	if from >= len(g.pubs) {
		return fmt.Errorf("a message of publisher %d of %d came", from, len(g.pubs))
	}
	switch expected := s.next[from]; {
	case number < expected:
		g.wrongOrder++
		return nil
	case number > expected:
		g.lost += number - expected
		g.pubs[from].received += number - expected // the window does not wait for them
	}
	s.next[from] = number + 1
	g.delivered++
	g.pubs[from].received++
	g.touch(g.pubs[from])
	return nil
}

// appendAck writes an acknowledgement of MQTT 3.1.1.
func appendAck(dst []byte, t packet.Type, id []byte) []byte {
	flags := byte(0)
	if t == packet.PUBREL {
		flags = 2
	}
	return append(dst, byte(t)<<4|flags, 2, id[0], id[1])
}
