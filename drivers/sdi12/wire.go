package sdi12

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"skerry/drivers"
)

const (
	character = 25 * time.Second / 3000 // ten bits at 1200 bit/s: 8.33 ms

	// The specification's section on timing: at least 12 ms of break, at least 8.33 ms of marking behind it.
	breakTime   = 20 * time.Millisecond
	markingTime = 10 * time.Millisecond

	// After so much marking sensors are asleep again, and a command needs a break before it.
	awake = 87 * time.Millisecond

	maxLine   = 1 + 75 + 3 + 32 // address, values, CRC, and room for the echo of the command
	maxAnswer = maxLine * character
)

// adapter is how the wire is reached.
type adapter struct {
	breaks  bool          // the wire itself: breaks are made here
	lineEnd string        // behind a command
	timeout time.Duration // from the end of a command to the first character of its answer
	gap     time.Duration // silence that tears an answer
}

var adapters = map[string]adapter{
	// 15 ms by the specification, and what a USB adapter and this machine add; together below `awake`.
	"transparent": {breaks: true, timeout: 75 * time.Millisecond},
	// These try three times themselves before they are silent.
	"text": {timeout: time.Second},
}

// leastGap is what the gaps between characters may become by the 1.66 ms of the specification, and by a USB adapter that hands on
// what it has every 16 ms.
const leastGap = 40 * time.Millisecond

// wire carries lines over the port.
type wire struct {
	port drivers.Port
	adapter
	buf    [256]byte
	unread []byte // in buf
}

// send puts a command on the wire.
func (w *wire) send(ctx context.Context, command string, wake bool) error {
	if w.breaks && wake {
		if err := w.wake(ctx); err != nil {
			return err
		}
	}
	_, err := w.port.Write([]byte(command + w.lineEnd))
	return err
}

func (w *wire) wake(ctx context.Context) error {
	b, ok := w.port.(drivers.Breaker)
	if !ok {
		return errors.New("this port makes no break; write adapter: text for an adapter that does it by itself")
	}
	if err := b.Break(breakTime); err != nil {
		return fmt.Errorf("break: %w", err)
	}
	return sleep(ctx, markingTime)
}

// forget drops what has come.
func (w *wire) forget() error {
	w.unread = nil
	return w.port.Discard()
}

// settle reads until the wire is silent, so that the rest of an answer is not taken for another one.
func (w *wire) settle(ctx context.Context) error {
	w.unread = nil
	for end := time.Now().Add(maxAnswer + w.timeout); ; {
		_, err := drivers.Receive(ctx, w.port, w.buf[:], time.Now().Add(w.gap))
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() == nil:
			return nil
		case err != nil:
			return err
		case time.Now().After(end):
			return fmt.Errorf("%w: the wire is never silent", ErrGarbled)
		}
	}
}

// line reads one line, without its end and without what noise and echo put before it. The first character of it comes before a
// moment, the others without a gap.
func (w *wire) line(ctx context.Context, first time.Time, echo string) (string, error) {
	for until := first; ; {
		if line, rest, ok := bytes.Cut(w.unread, []byte{'\n'}); ok {
			w.unread = rest
			if s := clean(string(line), echo); s != "" {
				return s, nil
			}
			until = first
			continue
		}
		if len(w.unread) > maxLine {
			w.unread = nil
			return "", fmt.Errorf("%w: %d characters without an end", ErrGarbled, maxLine)
		}
		if err := w.fill(ctx, until); err != nil {
			return "", err
		}
		if until = first; clean(string(w.unread), echo) != "" {
			until = time.Now().Add(w.gap)
		}
	}
}

// fill appends what comes next to unread.
func (w *wire) fill(ctx context.Context, until time.Time) error {
	torn := copy(w.buf[:], w.unread)
	n, err := drivers.Receive(ctx, w.port, w.buf[torn:], until)
	w.unread = w.buf[:torn+n]
	switch {
	case !errors.Is(err, os.ErrDeadlineExceeded):
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case torn > 0:
		w.unread = nil
		return fmt.Errorf("%w: torn after %q", ErrGarbled, w.buf[:torn])
	}
	return ErrNoAnswer
}

// clean takes away the line end, what a break looks like to a receiver, and the echo that a wire with one line for both ways gives. At the end
// 0x7F stays: it may be the last character of a CRC.
func clean(line, echo string) string {
	s := strings.TrimLeftFunc(line, func(r rune) bool { return r < ' ' || r > '~' })
	s = strings.TrimRightFunc(s, func(r rune) bool { return r < ' ' || r > 0x7F })
	return strings.TrimPrefix(s, echo)
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
