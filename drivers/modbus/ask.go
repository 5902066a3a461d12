package modbus

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	breath     = 100 * time.Millisecond // what a device gets that says it is busy, more each time
	shortWait  = 300 * time.Millisecond // a request waits so long until its reply can be told from others, if it has no other way
	maxBusy    = 4                      // how often a busy device is asked again
	solidAgain = 250                    // rounds after which a device that refused longer requests is tried with one again
)

// attempt is how one block fares in one round.
type attempt struct {
	left     int // requests that may stay without a reply
	busy     int
	refusals int
}

// ask asks for one block until it is answered or has failed often enough.
func (x *sensor) ask(ctx context.Context, b *block, got *image) error {
	a := attempt{left: 1 + x.retries}
	if x.lost {
		a.left = 1
	}
	var before error
	for {
		longer, err := x.once(ctx, b, got)
		if before != nil && isHeld(err) {
			return before // why it is held
		}
		if err == nil || ctx.Err() != nil || isHeld(err) || !a.again(b, longer, err) {
			return err
		}
		before = err
		if err := sleep(ctx, time.Duration(a.busy)*breath); err != nil {
			return err
		}
	}
}

// again tells whether a request that failed is to be sent again. longer: it asked for more than the block.
func (a *attempt) again(b *block, longer bool, err error) bool {
	e, refused := errors.AsType[*exceptionError](err)
	switch {
	case refused && e.busy():
		a.busy++
		return a.busy <= maxBusy
	case refused && e.permanent() && longer:
		b.solid = solidAgain // the block alone will tell whether its length was the reason
		return true
	case refused && e.permanent():
		a.refusals++ // one alone may have been late, and meant for another request
		return a.refusals < 2
	case longer && !b.stretched:
		b.solid = solidAgain // some devices do not answer at all when a register is missing
	}
	a.left--
	return a.left > 0
}

func isHeld(err error) bool { _, ok := errors.AsType[*held](err); return ok }

// once sends one request for a block. longer: for more than the block.
func (x *sensor) once(ctx context.Context, b *block, got *image) (longer bool, err error) {
	if err := x.master.take(ctx); err != nil {
		return false, err
	}
	defer x.master.give()
	r, p, err := x.send(ctx, b)
	if isHeld(err) { // what came meanwhile made it so
		r, p, err = x.send(ctx, b)
	}
	longer, x.late = r.count > b.count, x.master.lateness(x.unit)
	switch {
	case isHeld(err):
		return longer, x.about(b, err)
	case err != nil:
		return longer, err
	case p.exception != 0:
		return longer, x.about(b, &exceptionError{code: p.exception})
	}
	b.stretched = b.stretched || longer
	got.parts = append(got.parts, part{b.table, b.address, r.count, p.data, time.Now()})
	return longer, nil
}

// send chooses a request for the block and sends it.
func (x *sensor) send(ctx context.Context, b *block) (request, reply, error) {
	r, solid, wait := x.choose(b)
	if wait > shortWait {
		return r, reply{}, &held{wait}
	}
	if err := sleep(ctx, wait); err != nil {
		return r, reply{}, err
	}
	p, err := x.master.exchange(ctx, r, solid, x.timing)
	return r, p, err
}

// choose finds a request for the block whose reply cannot be taken for another one: for the block itself, or for some entries
// more. wait is how long it takes until there is one; solid: it has no other shape.
func (x *sensor) choose(b *block) (best request, solid bool, wait time.Duration) {
	best, _ = b.request(x.unit, 0, x.limits)
	if b.solid == 0 {
		if x.master.room(best, false) == 0 {
			return best, false, 0
		}
		for more := b.grain; ; more += b.grain {
			r, ok := b.request(x.unit, more, x.limits)
			if !ok {
				break
			}
			if x.master.room(r, false) == 0 {
				return r, false, 0
			}
		}
	}
	return best, true, x.master.room(best, true)
}

// about says which values an error is about.
func (x *sensor) about(b *block, err error) error {
	if b.name != "" {
		return fmt.Errorf("%s: %w", b.name, err)
	}
	first := x.registers[b.items[0].value]
	if len(b.items) == 1 {
		return fmt.Errorf("%s: %w", first.place(), err)
	}
	return fmt.Errorf("%s and %d more: %w", first.place(), len(b.items)-1, err)
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
