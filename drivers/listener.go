package drivers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

const (
	// ready is how long what waits in a port may take to be read.
	ready = 20 * time.Millisecond
	// kernelKeeps is how much the kernel keeps of what nobody reads. Of more some is lost, and the rest may be joined without it.
	kernelKeeps = 4000
	// settled is the silence after which nothing more of an answer comes.
	settled = 200 * time.Millisecond
)

// Listener hears a device at a serial port that talks by itself, or that answers a request.
type Listener struct {
	Port    Port
	Request []byte        // sent before listening; empty: the device talks by itself
	Wait    time.Duration // how long one Listen waits at most, after a late answer to the last request has been waited for
	Fresh   time.Duration // without a request: how old what waits in the port may be

	buf   [256]byte
	empty time.Time // when nothing waited in the port
	late  bool      // an answer is missing, and may still come
}

// Decoder makes something of bytes.
type Decoder interface {
	// Feed takes what came, and tells whether it is enough.
	Feed(b []byte) bool
	// Reset says that bytes were lost: what comes next may begin in the middle. With clean it does not: it is an answer from its
	// beginning.
	Reset(clean bool)
}

// Listen feeds a decoder until it has enough, and gives the number of bytes. When it is silence, or not enough, in the end, the
// error is os.ErrDeadlineExceeded. What has waited in the port is all fed, so that the last of it counts.
func (l *Listener) Listen(ctx context.Context, d Decoder) (heard int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	old, err := l.begin(ctx, d)
	if err != nil {
		return 0, l.failed(d, err)
	}
	start := time.Now()
	end := start.Add(l.Wait)
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(end) {
		end = deadline
	}
	for enough := false; ; {
		until := end
		if old {
			until = time.Now().Add(ready)
		}
		n, err := Receive(ctx, l.Port, l.buf[:], until)
		heard += n
		switch {
		case n > 0 && old && heard >= kernelKeeps:
			d.Reset(false)
			old, enough = false, false
			err = l.Port.Discard()
		case n > 0:
			enough = d.Feed(l.buf[:n]) || enough
			if enough && (!old || time.Since(start) > 2*ready) {
				return heard, nil
			}
		case errors.Is(err, os.ErrDeadlineExceeded):
			old, l.empty, err = false, time.Now(), nil
			if enough {
				return heard, nil
			}
			if !l.empty.Before(end) {
				l.late = true
				return heard, os.ErrDeadlineExceeded
			}
		}
		if err != nil {
			return heard, l.failed(d, err)
		}
	}
}

// begin makes the port ready: what is too old is dropped, and a request is sent when no other answer can come any more. old: there may be
// something in the port that has waited.
func (l *Listener) begin(ctx context.Context, d Decoder) (old bool, err error) {
	if len(l.Request) == 0 {
		if time.Since(l.empty) <= l.Fresh {
			return true, nil
		}
		d.Reset(false)
		l.empty = time.Now()
		return false, l.Port.Discard()
	}
	if l.late {
		if err := Settle(ctx, l.Port, settled); err != nil {
			return false, err
		}
	}
	l.late = false
	d.Reset(true)
	if err := l.Port.Discard(); err != nil {
		return false, err
	}
	_, err = l.Port.Write(l.Request)
	return false, err
}

func (l *Listener) failed(d Decoder, err error) error {
	l.empty, l.late = time.Time{}, true
	d.Reset(false)
	return err
}

// mostSettling is how long a device may go on talking after it should be silent.
const mostSettling = 3 * time.Second

// Settle reads and drops until a port has been silent for a while.
func Settle(ctx context.Context, p Port, silence time.Duration) error {
	var buf [256]byte
	for end := time.Now().Add(mostSettling); time.Now().Before(end); {
		_, err := Receive(ctx, p, buf[:], time.Now().Add(silence))
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return err
		}
	}
	return fmt.Errorf("never silent for %v; is it a device that talks by itself?", silence)
}
