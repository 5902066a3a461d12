package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"skerry/broker/client"
	"skerry/broker/packet"
)

// publisher sends the readings of one QoS to the gateway.
type publisher struct {
	qos, n   int
	address  string
	session  *client.Session
	next     int          // not yet begun
	acked    atomic.Int64 // by the gateway
	trouble  chan error
	hold     func() bool // too much is on its way already
	finished chan struct{}
}

func newPublisher(qos, n int, address string, hold func() bool) *publisher {
	return &publisher{qos: qos, n: n, address: address, session: client.NewSession(), trouble: make(chan error, 1), hold: hold, finished: make(chan struct{})}
}

// run returns when all are acknowledged.
func (p *publisher) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-p.finished:
		case <-ctx.Done():
		}
		cancel()
	}()
	err := attend(ctx, p.address, fmt.Sprintf("publisher-%d", p.qos), client.Options{Session: p.session}, func(c *client.Client) error {
		return p.send(ctx, c)
	})
	select {
	case refused := <-p.trouble:
		return errors.Join(err, refused)
	default:
		return err
	}
}

// send sends what is left over one connection. Of what a connection takes down the session knows.
func (p *publisher) send(ctx context.Context, c *client.Client) error {
	for p.next < p.n {
		for p.hold() {
			select {
			case <-time.After(2 * time.Millisecond):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		x := nth(p.qos, p.next)
		m := &packet.Publish{QoS: packet.QoS(p.qos), TopicName: []byte(x.topicName()), Payload: []byte(x.payload())}
		if err := c.Send(ctx, m, p.done); err != nil {
			return err
		}
		p.next++
	}
	return nil
}

// done hears that a reading is acknowledged, or never will be.
func (p *publisher) done(err error) {
	if err != nil {
		select {
		case p.trouble <- fmt.Errorf("the gateway did not take a reading of QoS %d: %w", p.qos, err):
			close(p.finished)
		default:
		}
		return
	}
	if p.acked.Add(1) == int64(p.n) {
		close(p.finished)
	}
}

// subscriber takes the readings from the server. Its session is kept there.
type subscriber struct {
	address string
	ledger  *ledger
	session *client.Session

	mu        sync.Mutex
	ready     bool // connected and subscribed
	forgotten int  // connections at which the server did not know the session
}

// run follows until ctx ends.
func (s *subscriber) run(ctx context.Context) error {
	o := client.Options{Session: s.session, OnMessage: func(m *packet.Publish) { s.ledger.note(string(m.TopicName), string(m.Payload)) }}
	o.Ping = 5 * time.Second
	return attend(ctx, s.address, "subscriber", o, func(c *client.Client) error {
		if !c.Server().SessionPresent {
			codes, err := c.Subscribe(ctx, packet.Subscription{TopicFilter: []byte("soak/#"), QoS: 2})
			if err != nil {
				return err
			}
			if codes[0].IsError() {
				return codes[0]
			}
		}
		s.note(!c.Server().SessionPresent, true)
		return nil
	})
}

func (s *subscriber) note(forgotten, ready bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready = ready
	if forgotten {
		s.forgotten++
	}
}

// joins is how many connections began without a session.
func (s *subscriber) joins() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.forgotten
}
