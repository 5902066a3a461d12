package uplink

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"skerry/broker"
	"skerry/broker/client"
	"skerry/broker/packet"
	"skerry/edge/uplink/pace"
	"skerry/edge/uplink/profile"
	"skerry/edge/uplink/watchdog"
)

const (
	// goodbye bounds the time for DISCONNECT when a connection ends that could go on.
	goodbye = time.Second
	// drainTimeout bounds the wait for what is on its way when another link takes over, and drainLook is how often it is looked at.
	drainTimeout = 10 * time.Second
	drainLook    = 50 * time.Millisecond
)

// link is one Network Connection upstream and the local sessions on it. Two goroutines share it: the reader takes what the
// Server sends (inbound.go, acks.go), the writer everything that leaves (outbound.go).
type link struct {
	u      *Uplink
	way    *way
	conn   *client.Conn
	path   func() (watchdog.Path, bool) // nil: nobody knows of it
	kernel func(time.Duration) error    // sets after what silence it ends the connection; nil: there is none
	lanes  []*lane                      // in the order of the streams
	slots  [maxStreams]*lane
	wake   chan struct{}
	sends  chan struct{} // capacity 1: something was written
	flow   *pace.Window  // what may be on its way

	touched    broker.Touched // the reader's
	acks       acks
	answers    answers
	own        own
	holds      chan struct{}      // capacity 1: a block waits for its primer
	fetching   atomic.Int32       // requests for primers without an answer
	identified map[uint32]mapping // the receive map by Subscription Identifier
	taken      atomic.Int64       // when the Server last acknowledged something; nanoseconds since born
	tookLast   atomic.Int64       // when it took a message of a stream last; nanoseconds since born
	served     atomic.Bool        // it has acknowledged a message of a stream
	born       time.Time
	heard      atomic.Bool // what was sent with CONNECT is acknowledged

	// The writer's:
	turns   *turns
	settled []settled      // to be acknowledged locally when it is written
	quiet   atomic.Bool    // nothing new is sent: what is on its way is to be acknowledged before another link takes over
	resumed bool           // all lanes have
	doubted bool           // nobody knows what the Server holds, until then
	most    int            // how much of that there may be at most, beside what this run has sent
	greeted bool           // the state topic says online
	looking sync.WaitGroup // goroutines that look through backlogs
	trial   *lane          // sends a message alone, or waits to; nil: none
	claimed bool           // it has said so in this round
	written time.Time      // when a message was written last
	takes   atomic.Bool    // the Server has acknowledged a message on this connection, be it the state
	look    *time.Timer    // wakes the writer up to see whether the date is known; nil: nothing has waited for it yet
	pace    profile.Pace
	paced   *time.Timer // wakes the writer up when the pace allows more; nil: it always did
}

// newLink connects the local sessions: what the Server has not acknowledged is delivered again.
func newLink(u *Uplink, w *way, conn *client.Conn) (*link, error) {
	l := &link{u: u, way: w, conn: conn, wake: make(chan struct{}, 1), sends: make(chan struct{}, 1), holds: make(chan struct{}, 1), flow: pace.New(), born: time.Now(), pace: u.profile.Pace()}
	if s, ok := socketOf(conn.Stream()); ok {
		l.path, l.kernel = s.path, s.giveUp
		if err := s.prepare(w.net(w.kind.DeadFloor)); err != nil {
			u.once("socket", func() {
				u.log.Warn("the kernel does not take an option of TCP; alarms may wait behind what was written before", "err", err)
			})
		}
	}
	l.own.next = firstOwnID
	l.identified = u.identify()
	for _, s := range u.streams {
		s.beginPriming(conn.Server().SessionPresent)
		a := &lane{link: l, stream: s, wait: newBackoff(u.config.Retry), hold: s.askedFirst(), resumed: !conn.Server().SessionPresent || s.blocked, alone: !s.blocked}
		if err := a.connect(); err != nil {
			l.close()
			return nil, err
		}
		l.lanes = append(l.lanes, a)
		l.slots[s.slot] = a
	}
	l.turns = newTurns(l.lanes)
	return l, nil
}

// carries tells whether what is of a stream leaves over this link. The others wait for another one, but for what was begun.
func (l *link) carries(s *stream) bool {
	limited := l.u.carried.Load()
	if !l.way.purse.may(s) {
		return false
	}
	return s.class == "" || l.way.Carries(s.class) && (limited == nil || slices.Contains(*limited, s.class))
}

// close leaves the local sessions alone until the next link.
func (l *link) close() {
	for _, timer := range []*time.Timer{l.look, l.paced} {
		if timer != nil {
			timer.Stop()
		}
	}
	l.looking.Wait()
	for _, a := range l.lanes {
		a.stopAlarms()
		a.noteArrived()
		a.disconnect()
	}
}

// run serves the connection until it ends or ctx does, and returns why.
func (l *link) run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	writing, finish := context.WithCancel(serving)
	wg.Go(func() { l.part(ctx, serving, finish) })
	over := make(chan error, 1)
	wg.Go(func() {
		err := l.conn.Serve(serving, l)
		l.touched.Flush()
		over <- err
		l.Wake()
	})
	wg.Go(func() { l.watch(serving) })
	if l.u.blocks.memory != nil {
		defer l.unanswered()
		wg.Go(func() { l.watchHeld(serving) })
	}
	wg.Go(func() { l.way.keep.watch(serving) })
	if err := l.askFilters(true); err != nil {
		return l.ended(err)
	}
	if err := l.write(writing); !errors.Is(err, context.Canceled) || ctx.Err() == nil {
		return l.ended(err)
	}
	l.leave(context.Cause(ctx), over)
	return context.Cause(ctx)
}

// part ends the writing when ctx ends: after what is on its way if another link takes over, and at once with the connection if nothing can
// leave any more. It closes the connection a while later: the writer may be blocked on a dead link.
func (l *link) part(ctx, serving context.Context, finish context.CancelFunc) {
	defer finish()
	select {
	case <-serving.Done():
		return
	case <-ctx.Done():
	}
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errGone):
		l.conn.Abort(cause)
		return
	case errors.Is(cause, errHandOver):
		l.drain(serving)
	}
	finish()
	timer := time.NewTimer(goodbye)
	defer timer.Stop()
	select {
	case <-serving.Done():
	case <-timer.C:
		l.conn.Close()
	}
}

// drain waits until nothing is on its way, but not for ever: what is left is sent again on the next link.
func (l *link) drain(serving context.Context) {
	l.quiet.Store(true)
	tick := time.NewTicker(drainLook)
	defer tick.Stop()
	for end := time.Now().Add(drainTimeout); time.Now().Before(end) && l.conn.Unacknowledged(1, 65535)+l.own.waiting() > 0; {
		select {
		case <-serving.Done():
			return
		case <-tick.C:
		}
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
// bounded by run. Where another link takes over, or a new token, the gateway is not gone, and the state topic stays as it is. Nor is it gone
// between two sessions of a schedule: a 5.0 Server keeps the Will, and publishes it if the next session does not come.
func (l *link) leave(cause error, over <-chan error) {
	bye := &packet.Disconnect{}
	switch {
	case errors.Is(cause, errHandOver), errors.Is(cause, errRenew):
	case errors.Is(cause, errLeft) && l.way.absence() > 0 && l.conn.Version() == packet.V5:
		bye.ReasonCode = packet.DisconnectWithWillMessage
	default:
		err := l.publishState(offline, 1)
		if errors.Is(err, client.ErrQuota) {
			err = l.publishState(offline, 0)
		}
		if err != nil {
			return
		}
	}
	if l.conn.Send(bye) == nil && l.conn.Flush() == nil {
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

// progress notes that the Server has acknowledged something.
func (l *link) progress() { l.taken.Store(int64(time.Since(l.born))) }
