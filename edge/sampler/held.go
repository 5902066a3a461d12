package sampler

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"skerry/drivers"
)

// held is what a sensor said in one round. It is published, and seen by derived values and alarms, when the state that it follows from is
// on the disk: else a total that somebody has heard could be higher than that which a restart goes on from.
type held struct {
	readings []drivers.Reading
	came     time.Time
	answer   bool         // somebody waits for it
	round    uint64       // its number
	safe     *atomic.Bool // nil: it waits for nothing
}

const (
	// manyHeld rounds that wait do not wait for the commit window: what is kept is written now, since memory is bounded.
	manyHeld = 256
	// mostHeld is how many rounds wait at most. So many come together only while the disk does not answer.
	mostHeld = 4 * manyHeld
)

var errHeld = errors.New("the state that they follow from is not on the disk yet, and too many wait for that (hint: the disk is slow, or does not answer; `dmesg` tells)")

// hold puts a round behind those that wait, and has it wait itself if the state has changed. With an error nothing of it may be published.
func (x *sensor) hold(sink Sink, state []byte, h held) error {
	n := len(x.held)
	switch {
	case n >= mostHeld:
		return errHeld
	case n > 0 && n%manyHeld == 0:
		sink.Hurry()
	}
	if state != nil && !bytes.Equal(state, x.state) {
		state, h.safe = bytes.Clone(state), new(atomic.Bool)
		if err := sink.Keep(x.config.Name, state, func() { h.safe.Store(true); x.signal() }); err != nil {
			return err
		}
		x.state = state
	}
	x.held = append(x.held, h)
	return nil
}

func (h *held) ready() bool { return h.safe == nil || h.safe.Load() }

// release publishes what need not wait any more, in the order in which it came.
func (x *sensor) release(ctx context.Context, sink Sink) {
	n := 0
	for ; n < len(x.held) && x.held[n].ready(); n++ {
		x.tell(ctx, sink, &x.held[n])
	}
	x.held = slices.Delete(x.held, 0, n)
}

// tell publishes a round, and makes it the status of the sensor.
func (x *sensor) tell(ctx context.Context, sink Sink, h *held) {
	x.date(h.readings)
	if h.answer {
		x.mapping.Ask()
	}
	x.publish(ctx, sink, x.mapping.Late(x.messages[:0], h.came, time.Now(), h.readings))
	x.noteReadings(h)
}

// empty publishes what is held back when Run ends: what is kept is written at once for it.
func (b *bus) empty(sink Sink) {
	holds := func() bool {
		return slices.ContainsFunc(b.sensors, func(x *sensor) bool { return len(x.held) > 0 })
	}
	if !holds() {
		return
	}
	sink.Hurry()
	ctx, cancel := context.WithTimeout(context.Background(), lastWord)
	defer cancel()
	for {
		for _, x := range b.sensors {
			x.release(ctx, sink)
		}
		if !holds() || ctx.Err() != nil {
			break
		}
		b.sleep(ctx, lastWord)
	}
	for _, x := range b.sensors {
		if n := len(x.held); n > 0 {
			x.log.Warn("the last readings are not published: the disk took too long to take the state that they follow from", "readings", n)
		}
	}
}
