package modbus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"skerry/drivers"
)

const (
	step       = 100 * time.Millisecond // how often a wait looks at its context
	longest    = 3 * time.Second        // from the first byte of a reply to its last one: 256 bytes at 1200 bit/s
	babble     = 2 * time.Second        // how long a line may talk by itself before it is an error
	bufferSize = 2 * maxFrame
)

// timing is how a device wants to be spoken to.
type timing struct {
	timeout time.Duration // until its reply begins
	pause   time.Duration // silence before a request
	late    time.Duration // no reply is later than that after its timeout
}

// gap is how long a reply under way may pause: USB adapters hold bytes back for 16 ms, a UART until its buffer is half full.
func (t timing) gap() time.Duration {
	return min(max(t.timeout/4, 20*time.Millisecond), 250*time.Millisecond)
}

// line is a serial line and the only master on it. It is shared by the sensors on the line and used by one at a time: see take.
type line struct {
	port    drivers.Port
	turn    chan struct{}
	ledgers map[byte]*ledger
	counts  Counts
	opened  bool      // a request was sent
	dirty   bool      // the last request was not answered
	strange time.Time // when a reply came that was not even late
	left    time.Time // when the line was last listened to
	blind   bool      // what was heard may have waited in the port
	heard   []byte
}

// blink is how long nobody may listen until it is not known when a reply came.
const blink = 10 * time.Millisecond

// grudge is how long a line is watched more closely after it brought a reply of another device, or one twice.
const grudge = time.Hour

func newLine(port drivers.Port) *line {
	return &line{port: port, turn: make(chan struct{}, 1), ledgers: map[byte]*ledger{}, heard: make([]byte, 0, bufferSize)}
}

// Close frees a sensor that is listening.
func (l *line) Close() error { return l.port.Close() }

func (l *line) take(ctx context.Context) error { return takeTurn(ctx, l.turn) }
func (l *line) give()                          { <-l.turn }

func takeTurn(ctx context.Context, turn chan struct{}) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *line) ledger(unit byte) *ledger {
	if l.ledgers[unit] == nil {
		l.ledgers[unit] = new(ledger)
	}
	return l.ledgers[unit]
}

func (l *line) count() *Counts { return &l.counts }

func (l *line) lateness(unit byte) drivers.Lateness { return l.ledger(unit).late }

func (l *line) room(r request, solid bool) time.Duration {
	now := time.Now()
	clean := l.strange.IsZero() || now.Sub(l.strange) > grudge
	return l.ledger(r.unit).room(r, trust{clean: clean, solid: solid}, now)
}

// exchange sends a request and listens for its reply, unless there is no room for it any more: what came meanwhile may have told
// that the line is worse than it seemed.
func (l *line) exchange(ctx context.Context, r request, solid bool, t timing) (reply, error) {
	defer func() { l.left = time.Now() }()
	if err := l.ready(ctx, t); err != nil {
		return reply{}, err
	}
	if wait := l.room(r, solid); wait > 0 {
		return reply{}, &held{wait}
	}
	frame := r.frame(nil)
	book := l.ledger(r.unit)
	now := time.Now()
	book.send(r, now, now.Add(t.timeout+t.late))
	l.opened, l.dirty = true, true
	if n, err := l.port.Write(frame); err != nil {
		if n == 0 {
			book.withdraw()
		}
		return reply{}, err
	}
	l.counts.Requests++
	p, err := l.listen(ctx, frame, t, func(begun func([]byte) bool) (reply, bool) { return l.strays(r, t, begun) })
	if err != nil {
		return reply{}, err
	}
	book.answer(time.Now(), t.late)
	l.dirty = false
	return p, nil
}

// ready makes the connection to a converter, and waits until the line is silent.
func (l *line) ready(ctx context.Context, t timing) error {
	if p, ok := l.port.(interface{ connect(context.Context) error }); ok {
		if err := p.connect(ctx); err != nil {
			return err
		}
	}
	return l.settle(ctx, t)
}

// settle waits until the line is silent. After a request without a reply that takes longer: a reply that comes a little late
// would collide with the next request. So it does at the beginning: a program that was here before may have sent one.
func (l *line) settle(ctx context.Context, t timing) error {
	quiet := t.pause
	switch {
	case !l.opened:
		quiet = max(quiet, t.timeout)
	case l.dirty:
		quiet = max(quiet, t.timeout/2)
	}
	l.heard = l.heard[:0]
	began := time.Now()
	for end := began.Add(babble + quiet); ; {
		err := l.read(ctx, time.Now().Add(quiet))
		l.blind = began.Sub(l.left) > blink && time.Since(began) < blink
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			l.strays(request{}, t, nil)
			return l.port.Discard() // what came while the machine was too busy to look
		case err != nil:
			return err
		case time.Now().After(end):
			return fmt.Errorf("the line is never silent; another master, or a device that talks by itself, is on it")
		}
		l.strays(request{}, t, l.begun)
	}
}

// begun tells whether b may be the first part of a reply.
func (l *line) begun(b []byte) bool { return l.ledger(b[0]).begun(b) }

// strays takes the replies out of what was heard, up to the one that answers r. See find.
func (l *line) strays(r request, t timing, begun func([]byte) bool) (reply, bool) {
	for {
		p, n := find(l.heard, begun)
		if n == 0 {
			l.heard = l.heard[max(0, len(l.heard)-maxFrame):]
			return reply{}, false
		}
		l.heard = l.heard[n:]
		if p.answers(r) && !(p.exception != 0 && l.ledger(r.unit).owes(r.table, 1)) {
			return p, true
		}
		l.counts.Strays++
		if now := time.Now(); !l.ledger(p.unit).explains(p, now, t.late, l.blind) {
			l.strange = now
		}
	}
}

// listen waits for a reply that found sees in what was heard, where begun, if not nil, tells what may be the first part of one. frame is what
// an adapter that hears itself brings first; nil: it could not be told from the reply.
func (l *line) listen(ctx context.Context, frame []byte, t timing, found func(begun func([]byte) bool) (reply, bool)) (reply, error) {
	l.heard, l.blind = make([]byte, 0, bufferSize), false
	missed := silence{timeout: t.timeout, strays: l.counts.Strays}
	start := time.Now()
	for end, echoed := start.Add(t.timeout), frame == nil; ; {
		before := len(l.heard)
		begun := l.begun
		switch err := l.read(ctx, end); {
		case errors.Is(err, os.ErrDeadlineExceeded):
			begun = nil // what was under way has been given up
		case err != nil:
			return reply{}, err
		}
		missed.bytes += len(l.heard) - before
		if now := time.Now(); now.Sub(start) < t.timeout+longest && now.Add(t.gap()).After(end) {
			end = now.Add(t.gap())
		}
		if !echoed && l.dropEcho(frame) {
			echoed, missed.echo = true, true
			missed.bytes -= len(frame)
		}
		if begun != nil && !echoed && bytes.HasPrefix(frame, l.heard) {
			continue // it may become one
		}
		if p, ok := found(begun); ok {
			p.data = slices.Clone(p.data)
			return p, nil
		}
		if begun == nil {
			return reply{}, l.missed(missed)
		}
	}
}

// dropEcho takes the request itself out of what was heard, where an adapter hears itself: it may read like a reply.
func (l *line) dropEcho(frame []byte) bool {
	i := bytes.Index(l.heard, frame)
	if i >= 0 {
		l.heard = slices.Delete(l.heard, i, i+len(frame))
	}
	return i >= 0
}

// missed counts a request without a reply.
func (l *line) missed(m silence) error {
	l.counts.Timeouts++
	if m.strays = l.counts.Strays - m.strays; m.bytes > 0 && m.strays == 0 {
		l.counts.Damaged++
	}
	return &m
}

// read adds to what was heard, looking at the context now and then.
func (l *line) read(ctx context.Context, end time.Time) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		now := time.Now()
		if !now.Before(end) {
			return os.ErrDeadlineExceeded
		}
		until := now.Add(step)
		if until.After(end) {
			until = end
		}
		if err := l.port.SetReadDeadline(until); err != nil {
			return err
		}
		var b [maxFrame]byte
		n, err := l.port.Read(b[:])
		if errors.Is(err, os.ErrDeadlineExceeded) {
			continue
		}
		l.heard = append(l.heard, b[:n]...)
		return err
	}
}
