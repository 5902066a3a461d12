package drivertest

import (
	"os"
	"sync"
	"time"

	"skerry/drivers"
)

// Talker is a device at a serial port that talks by itself.
type Talker struct {
	Every time.Duration             // 0: never
	Say   func(at time.Time) string // what it says each time; in pieces of Piece bytes
	Piece int                       // 0: 32
	Hear  func(written []byte)      // what is written to it; may be nil
	// Answer is what it says to what is written to it, at once; may be nil.
	Answer func(written []byte) string
	next   time.Time
	queue  []byte
}

// hear moves what was said up to now to the queue, and gives when more will come.
func (t *Talker) hear(now time.Time) time.Time {
	if t.Every == 0 {
		return time.Time{}
	}
	if t.next.IsZero() {
		t.next = now.Truncate(t.Every).Add(t.Every)
	}
	for ; !t.next.After(now); t.next = t.next.Add(t.Every) {
		t.queue = append(t.queue, t.Say(t.next)...)
	}
	return t.next
}

type port struct {
	m        *Machine
	mu       sync.Mutex
	deadline time.Time
	closed   bool
}

func (p *port) SetReadDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deadline = t
	return nil
}

func (p *port) state() (deadline time.Time, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return p.deadline, os.ErrClosed
	}
	if p.m.Talker == nil {
		return p.deadline, drivers.ErrUnplugged
	}
	return p.deadline, nil
}

func (p *port) Read(b []byte) (int, error) {
	if err := p.m.transfer(); err != nil {
		return 0, err
	}
	for {
		deadline, err := p.state()
		if err != nil {
			return 0, err
		}
		if n := p.take(b); n > 0 {
			return n, nil
		}
		if !deadline.IsZero() && !time.Now().Before(deadline) {
			return 0, os.ErrDeadlineExceeded
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (p *port) take(b []byte) int {
	t := p.m.Talker
	if p.m.hung {
		return 0
	}
	t.hear(time.Now())
	piece := t.Piece
	if piece == 0 {
		piece = 32
	}
	n := copy(b[:min(len(b), piece)], t.queue)
	t.queue = t.queue[n:]
	return n
}

func (p *port) Write(b []byte) (int, error) {
	if err := p.m.transfer(); err != nil {
		return 0, err
	}
	if _, err := p.state(); err != nil {
		return 0, err
	}
	if p.m.Talker.Hear != nil {
		p.m.Talker.Hear(b)
	}
	if p.m.Talker.Answer != nil {
		p.m.Talker.queue = append(p.m.Talker.queue, p.m.Talker.Answer(b)...)
	}
	return len(b), nil
}

func (p *port) Discard() error {
	if err := p.m.transfer(); err != nil {
		return err
	}
	if _, err := p.state(); err != nil {
		return err
	}
	p.m.Talker.hear(time.Now())
	p.m.Talker.queue = nil
	return nil
}

func (p *port) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	return nil
}
