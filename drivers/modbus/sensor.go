package modbus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"skerry/drivers"
)

// master speaks to devices: a line or a connection. It is taken for one request at a time.
type master interface {
	take(ctx context.Context) error
	give()
	// room tells how long a request must wait before a reply to it could not be taken for that to another one. solid: it cannot be
	// made longer.
	room(r request, solid bool) time.Duration
	exchange(ctx context.Context, r request, solid bool, t timing) (reply, error)
	// write sends one order and waits for its confirmation. An *exceptionError is a device that says no.
	write(ctx context.Context, o order, t timing) error
	count() *Counts
	// lateness of a device.
	lateness(unit byte) drivers.Lateness
}

// sensor is one device.
type sensor struct {
	name      string
	master    master
	release   func() error
	unit      byte
	given     []register // as configured; addresses may count from the beginning of a model
	registers []register // as they lie in the device
	models    []model    // that were found
	identity  *identity  // nil: the device cannot be told from others
	title     string     // of the profile
	known     bool       // it was told
	counters  []counter
	timing    timing
	retries   int
	limits    limits
	blocks    []*block
	first     int  // block to begin with
	lost      bool // nothing came the last time: one attempt is enough
	late      drivers.Lateness
}

// String names the device and its line.
func (x *sensor) String() string { return x.name }

// Halt gives the line back.
func (x *sensor) Halt() error {
	if x.release == nil {
		return nil
	}
	release := x.release
	x.release = nil
	return release()
}

// Lateness is that of the device, for a drivers.Punctual.
func (x *sensor) Lateness() drivers.Lateness {
	l := x.late
	l.Timeout = x.timing.timeout
	return l
}

// image is what was read in one round.
type image struct {
	parts []part
}

type part struct {
	table   Table
	address uint16
	count   uint16
	data    []byte
	at      time.Time
}

// look finds entries in one part: what came in two replies is never put together into one number.
func (m *image) look(t Table, address, n uint16) ([]byte, bool) {
	for _, p := range m.parts {
		at := int(address) - int(p.address)
		if p.table != t || at < 0 || at+int(n) > int(p.count) {
			continue
		}
		if t.bits() {
			return []byte{p.data[at/8] >> (at % 8)}, true
		}
		return p.data[2*at : 2*(at+int(n))], true
	}
	return nil, false
}

// at is when an entry was read.
func (m *image) at(r register) time.Time {
	for _, p := range m.parts {
		if p.table == r.table && int(r.address) >= int(p.address) && int(r.address) < int(p.address)+int(p.count) {
			return p.at
		}
	}
	return time.Time{}
}

// Sense reads all blocks that are not at rest.
func (x *sensor) Sense(ctx context.Context, dst []drivers.Reading) ([]drivers.Reading, error) {
	var got image
	err := x.round(ctx, &got)
	err = x.moved(&got, err)
	refused := x.refused()
	for i, r := range x.registers {
		if v, ok := r.reading(got.look); ok {
			v.Time = got.at(r)
			dst = append(dst, v)
		} else if refused[i] {
			dst = append(dst, drivers.Missing(r.name, r.unit, time.Now()))
		}
	}
	if len(x.counters) > 0 && x.master.take(ctx) == nil {
		counts := *x.master.count()
		x.master.give()
		for _, c := range x.counters {
			dst = append(dst, drivers.Number(c.name, c.of(counts), "", time.Now()))
		}
	}
	if err != nil {
		return dst, fmt.Errorf("%s: %w", x, err)
	}
	return dst, nil
}

// round asks for each block once, and goes on past one that fails, unless the device seems to be gone.
func (x *sensor) round(ctx context.Context, got *image) error {
	if x.identity != nil && !x.known {
		if err := x.identify(ctx); err != nil {
			return err
		}
	}
	if x.moves() && x.models == nil {
		if err := x.explore(ctx); err != nil {
			return err
		}
	}
	var failed failures
	silent, held := 0, false
	todo := x.turn()
	next := x.first
	defer func() { x.first = next }()
	for i, b := range todo {
		b.solid = max(0, b.solid-1)
		if b.rest > 0 {
			b.rest--
			failed.add(b.err)
			continue
		}
		err := x.read(ctx, b, got)
		if ctx.Err() != nil {
			next = x.first + i // those that had no time come first then
			return outOfTime(ctx, len(todo))
		}
		if err == nil {
			x.lost = false
			continue
		}
		failed.add(err)
		if isHeld(err) && !held {
			held, next = true, x.first+i // its turn comes first then
		}
		if !gone(err) {
			continue
		}
		if silent++; len(got.parts) == 0 || silent > 1 {
			x.lost = len(got.parts) == 0
			x.known = x.known && !x.lost // another one may be plugged in
			next = x.first + i + 1       // the next round begins with another block: it may be this one alone
			break
		}
	}
	return failed.err()
}

// outOfTime says why a round was not finished.
func outOfTime(ctx context.Context, requests int) error {
	switch {
	case !errors.Is(ctx.Err(), context.DeadlineExceeded):
		return ctx.Err()
	case requests == 1:
		return fmt.Errorf("a reading has no time for its request, the line is busy (%w)", ctx.Err())
	}
	return fmt.Errorf("a reading has no time for all %d requests (%w), the next one goes on with them; a faster line, a larger max_gap, or fewer values",
		requests, ctx.Err())
}

// turn gives the blocks, beginning with the first.
func (x *sensor) turn() []*block {
	if len(x.blocks) == 0 {
		return nil // only counters
	}
	n := x.first % len(x.blocks)
	x.first = n
	return slices.Concat(x.blocks[n:], x.blocks[:n])
}

// maxRest bounds how many rounds a block is left out.
const maxRest = 31

// fail lets a block rest for longer each time, so that it does not cost its neighbours their time.
func (b *block) fail(err error) {
	b.failures++
	b.err = err
	b.rest = min(1<<min(b.failures-1, 10)-1, maxRest)
}

// gone tells whether an error may be one of the device or the line as a whole: all but a refusal of one block.
func gone(err error) bool {
	if e, ok := errors.AsType[*exceptionError](err); ok {
		return e.absent() || e.busy()
	}
	return !isHeld(err)
}

// read asks for one block and puts it into the image. One that the device refuses is taken apart.
func (x *sensor) read(ctx context.Context, b *block, got *image) error {
	err := x.ask(ctx, b, got)
	switch {
	case err == nil:
		b.failures, b.err = 0, nil
		return nil
	case ctx.Err() != nil, isHeld(err):
		return err
	}
	if e, ok := errors.AsType[*exceptionError](err); ok && e.permanent() {
		if parts := b.split(x.limits); len(parts) > 1 {
			return x.readParts(ctx, b, parts, got)
		}
	}
	if !gone(err) || len(got.parts) > 0 { // else it is not the block that is sick
		b.fail(err)
	}
	return err
}

func (x *sensor) readParts(ctx context.Context, whole *block, parts []*block, got *image) error {
	i := slices.Index(x.blocks, whole)
	x.blocks = slices.Concat(x.blocks[:i], parts, x.blocks[i+1:])
	var failed failures
	for _, p := range parts {
		err := x.read(ctx, p, got)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			failed.add(err)
			if gone(err) {
				break
			}
		}
	}
	return failed.err()
}

// refused tells which values the device says it does not have.
func (x *sensor) refused() map[int]bool {
	values := map[int]bool{}
	for _, b := range x.blocks {
		if e, ok := errors.AsType[*exceptionError](b.err); ok && e.permanent() {
			for _, i := range b.items {
				values[i.value] = true
			}
		}
	}
	return values
}
