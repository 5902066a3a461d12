package uplink

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"skerry/broker"
	"skerry/broker/client"
	"skerry/broker/packet"
)

// goodbye bounds the time for DISCONNECT when the gateway stops.
const goodbye = time.Second

// link is one Network Connection upstream and the local sessions on it. Two goroutines share it: the reader takes what the
// Server sends (inbound.go, acks.go), the writer everything that leaves (outbound.go).
type link struct {
	u     *Uplink
	conn  *client.Conn
	lanes []*lane // in the order of the streams
	slots [maxStreams]*lane
	wake  chan struct{}

	touched    broker.Touched // the reader's
	acks       acks
	answers    answers
	own        own
	identified map[uint32]mapping // the receive map by Subscription Identifier
	taken      atomic.Int64       // when the Server last acknowledged something; nanoseconds since born
	born       time.Time

	// The writer's:
	at      int         // which lane has the next turn
	settled []settled   // to be acknowledged locally when it is written
	resumed bool        // all lanes have
	doubted bool        // nobody knows what the Server holds, until then
	greeted bool        // the state topic says online
	look    *time.Timer // wakes the writer up to see whether the date is known; nil: nothing has waited for it yet
}

// newLink connects the local sessions: what the Server has not acknowledged is delivered again.
func newLink(u *Uplink, conn *client.Conn) (*link, error) {
	l := &link{u: u, conn: conn, wake: make(chan struct{}, 1), born: time.Now()}
	l.own.next = firstOwnID
	l.identified = u.identify()
	for _, s := range u.streams {
		a := &lane{link: l, stream: s, wait: newBackoff(u.config.Retry), resumed: !conn.Server().SessionPresent}
		if err := a.connect(); err != nil {
			l.close()
			return nil, err
		}
		l.lanes = append(l.lanes, a)
		l.slots[s.slot] = a
	}
	return l, nil
}

// close leaves the local sessions alone until the next link.
func (l *link) close() {
	if l.look != nil {
		l.look.Stop()
	}
	for _, a := range l.lanes {
		a.session.Load().Disconnect(broker.DisconnectOptions{})
	}
}

// run serves the connection until it ends or ctx does, and returns why.
func (l *link) run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	wg.Go(func() { l.cutOff(ctx, serving) })
	over := make(chan error, 1)
	wg.Go(func() {
		err := l.conn.Serve(serving, l)
		l.touched.Flush()
		over <- err
		l.Wake()
	})
	wg.Go(func() { l.watch(serving) })
	if err := l.subscribeAnew(); err != nil {
		return l.ended(err)
	}
	if err := l.write(ctx); !errors.Is(err, context.Canceled) || ctx.Err() == nil {
		return l.ended(err)
	}
	l.leave(over)
	return ctx.Err()
}

// cutOff closes the connection a while after the gateway is to stop: the writer may be blocked on a dead link.
func (l *link) cutOff(ctx, serving context.Context) {
	select {
	case <-serving.Done():
		return
	case <-ctx.Done():
	}
	timer := time.NewTimer(goodbye)
	defer timer.Stop()
	select {
	case <-serving.Done():
	case <-timer.C:
		l.conn.Close()
	}
}

// ended prefers the reason of the connection: what the writer met is only its consequence.
func (l *link) ended(err error) error {
	if cause := l.conn.Err(); cause != nil {
		return cause
	}
	return err
}

// leave says good-bye and waits until the Server has closed the connection: it has then read everything. The time for it is
// bounded by run.
func (l *link) leave(over <-chan error) {
	err := l.publishState(offline, 1)
	if errors.Is(err, client.ErrQuota) {
		err = l.publishState(offline, 0)
	}
	if err == nil && l.conn.Send(&packet.Disconnect{}) == nil && l.conn.Flush() == nil {
		<-over
	}
}

// Wake has the writer look around. It is called by the broker too: for receipts, deliveries, new messages.
func (l *link) Wake() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// watch ends a connection on which the Server lives but takes nothing: PINGRESP does not show that.
func (l *link) watch(ctx context.Context) {
	tick := time.NewTicker(max(l.u.ackTimeout/8, time.Millisecond))
	defer tick.Stop()
	since := time.Time{} // of the last progress; zero: nothing is on its way
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		waiting := l.conn.Unacknowledged(1, 65535) + l.own.waiting()
		switch {
		case waiting == 0:
			since = time.Time{}
			continue
		case since.IsZero():
			since = time.Now()
		}
		if taken := l.born.Add(time.Duration(l.taken.Load())); taken.After(since) {
			since = taken
		}
		if time.Since(since) >= l.u.ackTimeout {
			l.conn.Abort(fmt.Errorf("%w: nothing was acknowledged for %v with %d packets on their way", client.ErrTimeout, l.u.ackTimeout, waiting))
			return
		}
	}
}

// progress notes that the Server has acknowledged something.
func (l *link) progress() { l.taken.Store(int64(time.Since(l.born))) }
