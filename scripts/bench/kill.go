package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"skerry/broker/packet"
	"skerry/scripts/loopback"
	"skerry/scripts/rig"
)

// kills ends the daemon with SIGKILL again and again while a publisher and a subscriber work through it, both with sessions that are
// kept, and counts what was promised and not kept.
func (s *settings) kills(ctx context.Context, t *table, folder string, qos packet.QoS) error {
	const times = 10
	fmt.Printf("%d x kill -9 under load, QoS %d\n", times, qos)
	port, free, err := loopback.Reserve()
	if err != nil {
		return err
	}
	defer free()
	e := &endurance{qos: qos, address: loopback.Address(port), delivered: map[uint64]int{}, held: map[uint16]bool{}}
	dir := filepath.Join(folder, fmt.Sprint("kill", qos))
	for i := range times + 1 {
		x, err := s.kinds()[0].startAt(dir, port, func() {})
		if err != nil {
			return err
		}
		if err = x.process.Listens(x.address, 30*time.Second); err == nil {
			err = e.round(ctx, x, i == times)
		}
		x.stop()
		if err != nil {
			return err
		}
	}
	e.report(t)
	return nil
}

// endurance is what publisher and subscriber remember from one connection to the next.
type endurance struct {
	qos     packet.QoS
	address string

	sent     uint64   // messages so far; the number of a message is its payload
	flight   []flight // not yet over, in order
	accepted []uint64 // acknowledged: PUBACK, PUBCOMP

	mu        sync.Mutex
	delivered map[uint64]int
	held      map[uint16]bool // Packet Identifiers of QoS 2 that the subscriber knows
	last      atomic.Int64    // unix ns of the last packet that came to the subscriber
}

type flight struct {
	id       uint16
	number   uint64
	received bool // PUBREC came
}

// round works until the kill, or until all is delivered if it is the last one.
func (e *endurance) round(ctx context.Context, x *subject, last bool) error {
	sub, _, err := rig.Connect(e.address, "survivor", false)
	if err != nil {
		return err
	}
	defer sub.Close()
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = e.receive(sub) // ends with the connection
	}()
	defer func() { sub.Close(); <-over }()
	if err := e.subscribe(sub); err != nil {
		return err
	}
	pub, _, err := rig.Connect(e.address, "author", false)
	if err != nil {
		return err
	}
	defer pub.Close()
	var killed atomic.Bool
	if !last {
		kill := time.AfterFunc(200*time.Millisecond+rand.N(300*time.Millisecond), func() {
			killed.Store(true)
			x.process.Kill()
		})
		defer kill.Stop()
	}
	if err := e.publish(ctx, pub, last); err != nil && !killed.Load() {
		return fmt.Errorf("publisher: %w", err)
	}
	if last {
		e.drain(ctx)
	}
	return context.Cause(ctx)
}

// drain waits until the subscriber has got nothing for a while.
func (e *endurance) drain(ctx context.Context) {
	for time.Since(time.Unix(0, e.last.Load())) < 2*time.Second {
		if pause(ctx, 100*time.Millisecond) != nil {
			return
		}
	}
}

// subscribe sends SUBSCRIBE each time; the session knows the filter already except at first. SUBACK is dropped by receive.
func (e *endurance) subscribe(sub *rig.Wire) error {
	e.last.Store(time.Now().UnixNano())
	return sub.Send(&packet.Subscribe{PacketID: 1, Subscriptions: []packet.Subscription{{TopicFilter: []byte(topicName), QoS: e.qos}}})
}

// publish sends again what was not over, then goes on until the connection ends; at the end only what is left is settled.
func (e *endurance) publish(ctx context.Context, pub *rig.Wire, last bool) error {
	for _, f := range e.flight {
		if f.received {
			pub.Ack(packet.PUBREL, f.id)
		} else {
			e.put(pub, f, true)
		}
	}
	const window = 50
	for ctx.Err() == nil {
		for !last && len(e.flight) < window {
			f := flight{id: uint16(e.sent%65535) + 1, number: e.sent}
			e.sent++
			e.flight = append(e.flight, f)
			e.put(pub, f, false)
		}
		if err := pub.Flush(); err != nil {
			return err
		}
		if len(e.flight) == 0 {
			return nil
		}
		h, err := pub.Receive()
		if err != nil {
			return err
		}
		if err := e.settle(pub, h); err != nil {
			return err
		}
	}
	return nil
}

func (e *endurance) put(pub *rig.Wire, f flight, again bool) {
	payload := fmt.Appendf(nil, "%064d", f.number)
	pub.Put(&packet.Publish{Dup: again, QoS: e.qos, TopicName: []byte(topicName), PacketID: f.id, Payload: payload})
}

// settle handles one packet that the publisher gets.
func (e *endurance) settle(pub *rig.Wire, h packet.Header) error {
	id := uint16(h.Body[0])<<8 | uint16(h.Body[1])
	for i := range e.flight {
		f := &e.flight[i]
		if f.id != id {
			continue
		}
		if h.Type == packet.PUBREC {
			f.received = true
			pub.Ack(packet.PUBREL, id)
			return nil
		}
		e.accepted = append(e.accepted, f.number)
		e.flight = append(e.flight[:i], e.flight[i+1:]...)
		return nil
	}
	return fmt.Errorf("%v for %d, which is not on its way", h.Type, id)
}

// receive counts deliveries as an application would see them.
func (e *endurance) receive(sub *rig.Wire) error {
	for {
		h, err := sub.Receive()
		if err != nil {
			return err
		}
		e.last.Store(time.Now().UnixNano())
		if err := e.answer(sub, h); err != nil {
			return err
		}
		if !sub.Ready() {
			if err := sub.Flush(); err != nil {
				return err
			}
		}
	}
}

func (e *endurance) answer(sub *rig.Wire, h packet.Header) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch h.Type {
	case packet.PUBREL:
		id := uint16(h.Body[0])<<8 | uint16(h.Body[1])
		delete(e.held, id)
		sub.Ack(packet.PUBCOMP, id)
	case packet.PUBLISH:
		var p packet.Publish
		if err := p.Decode(packet.V311, h); err != nil {
			return err
		}
		number, err := strconv.ParseUint(string(p.Payload), 10, 64)
		if err != nil {
			return err
		}
		if p.QoS == 2 {
			sub.Ack(packet.PUBREC, p.PacketID)
			if e.held[p.PacketID] {
				return nil
			}
			e.held[p.PacketID] = true
		} else {
			sub.Ack(packet.PUBACK, p.PacketID)
		}
		e.delivered[number]++
	case packet.SUBACK:
	default:
		return errors.New("unexpected packet")
	}
	return nil
}

func (e *endurance) report(t *table) {
	lost, twice := 0, 0
	for _, n := range e.accepted {
		if e.delivered[n] == 0 {
			lost++
		}
	}
	for _, n := range e.delivered {
		if n > 1 {
			twice++
		}
	}
	text := fmt.Sprintf("%d accepted, %d lost, %d twice", len(e.accepted), lost, twice)
	if e.qos == 2 {
		t.row(daemon, text, float64(lost+twice), atMost(0, " lost or twice"))
		return
	}
	t.row(daemon, text, float64(lost), atMost(0, " lost"))
}
