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
	acked    atomic.Int64 // by the gateway
	trouble  chan error
	hold     func() bool   // too much is on its way already
	calm     time.Duration // after each
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
	id := fmt.Sprintf("publisher-%d", p.qos)
	err := attend(ctx, id, func() error {
		begun := p.begun()
		return connected(ctx, p.address, id, client.Options{Session: p.session}, func(c *client.Client) error { return p.send(ctx, c, begun) })
	})
	select {
	case refused := <-p.trouble:
		return errors.Join(err, refused)
	default:
		return err
	}
}

// begun is how many readings an earlier connection has begun, valid between connections: those the session still holds, whatever Send
// said when the connection broke, and those that are acknowledged.
func (p *publisher) begun() int { return int(p.acked.Load()) + p.session.Pending() }

// send sends what is left over one connection, from the given reading on.
func (p *publisher) send(ctx context.Context, c *client.Client, from int) error {
	for i := from; i < p.n; i++ {
		for wait := p.calm; wait > 0 || p.hold(); wait = 0 {
			select {
			case <-time.After(max(wait, 2*time.Millisecond)):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		x := nth(p.qos, i)
		m := &packet.Publish{QoS: packet.QoS(p.qos), TopicName: []byte(x.topicName()), Payload: []byte(x.payload())}
		if err := c.Send(ctx, m, p.done); err != nil {
			return err
		}
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
	forgotten int // connections at which the server did not know the session
}

// run follows until ctx ends.
func (s *subscriber) run(ctx context.Context) error {
	o := client.Options{Session: s.session, OnMessage: func(m *packet.Publish) { s.ledger.note(string(m.TopicName), string(m.Payload)) }}
	o.Ping = 5 * time.Second
	return attend(ctx, "subscriber", func() error { return connected(ctx, s.address, "subscriber", o, s.join) })
}

// join subscribes if the server does not know the session.
func (s *subscriber) join(c *client.Client) error {
	if c.Server().SessionPresent {
		return nil
	}
	codes, err := c.Subscribe(context.Background(), packet.Subscription{TopicFilter: []byte("soak/#"), QoS: 2})
	if err != nil {
		return err
	}
	if codes[0].IsError() {
		return codes[0]
	}
	s.mu.Lock()
	s.forgotten++
	s.mu.Unlock()
	return nil
}

// joins is how many connections began without a session.
func (s *subscriber) joins() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.forgotten
}
