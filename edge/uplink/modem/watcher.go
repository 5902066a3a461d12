package modem

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// source is where samples come from.
type source interface {
	name() string
	read(ctx context.Context) (Sample, error)
	bounce(ctx context.Context) error // the data context, down and up
	radio(ctx context.Context) error  // off and on
	close() error
}

// Watcher polls a modem and says what its signal changes. Its methods may be called by several goroutines.
type Watcher struct {
	o      Options
	source source // nil: there is to be none

	mu       sync.Mutex
	signal   Signal // of the last poll that was answered
	steady   steady
	attached time.Time // when it was registered, or came into another network; zero: longer than we watch
	holds    holds
	told     state // what Changed was told last
	polls    uint64
	failures uint64
	inRow    int // failures
	err      error
}

// New builds a watcher. It touches no device. The error is one of the configuration.
func New(o Options) (*Watcher, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	w := &Watcher{o: o, holds: holds{most: o.MaxHold}}
	switch {
	case o.Modem == Auto:
		w.source = newManager(o)
	case strings.HasPrefix(o.Modem, "/"):
		w.source = newAT(o)
	}
	w.told = w.state(time.Now())
	return w, nil
}

// Run polls until ctx ends.
func (w *Watcher) Run(ctx context.Context) {
	if w.source == nil {
		<-ctx.Done()
		return
	}
	defer w.source.close() // what it says matters to nobody any more
	for next := time.Now(); ctx.Err() == nil; {
		if !time.Now().Before(next) {
			w.poll(ctx)
			next = time.Now().Add(w.o.Every)
		}
		if ctx.Err() == nil {
			w.tell()
		}
		pause(ctx, time.Until(w.soonest(next)))
	}
}

// soonest is when something changes without a poll: a class that was held back long enough, an answer that is too old, a rest that is over.
func (w *Watcher) soonest(next time.Time) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	for _, at := range []time.Time{w.holds.release(now), w.staleAt(), w.attached.Add(attachRest)} {
		if at.After(now) && at.Before(next) {
			next = at
		}
	}
	return next
}

func (w *Watcher) staleAt() time.Time { return w.signal.When.Add(staleAfter * w.o.Every) }

// poll asks once.
func (w *Watcher) poll(ctx context.Context) {
	asking, cancel := context.WithTimeout(ctx, max(w.o.Every, 12*w.o.Patience))
	defer cancel()
	sample, err := w.source.read(asking)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		w.failed(err)
		return
	}
	w.took(sample)
}

func (w *Watcher) took(sample Sample) {
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	back := w.inRow > 0
	w.polls++
	w.err, w.inRow = nil, 0
	if w.stale(now) {
		w.steady.forget()
	}
	was := w.signal
	w.signal = Signal{When: now, Source: w.source.name(), Sample: sample, Score: Score(sample)}
	w.signal.Band = w.steady.take(sample, w.signal.Score)
	if sample.Registration.Registered() && (was.Registration.absent() || was.Operator != "" && was.Operator != sample.Operator) {
		w.attached = now
	}
	if back || was.When.IsZero() {
		w.o.Log.Info("the modem answers", "modem", w.o.Modem, "model", sample.Model)
	}
	if sample.Trouble != was.Trouble && sample.Trouble != "" {
		w.o.Log.Warn("the modem cannot be used", "modem", w.o.Modem, "err", sample.Trouble)
	}
}

// failed notes that the modem gave nothing. It is logged once for each silence; that ModemManager is not there is no fault where `auto` stands.
func (w *Watcher) failed(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.polls++
	w.failures++
	w.inRow++
	w.err = err
	switch {
	case w.inRow > 1:
	case errors.Is(err, ErrNoModemManager):
		w.o.Log.Info("no signal strength: there is no ModemManager", "modem", w.o.Modem, "hint", "apt install modemmanager, or name the port for AT commands")
	default:
		w.o.Log.Warn("the modem cannot be asked for its signal, which is taken to be fair", "modem", w.o.Modem, "err", err)
	}
}

// stale tells whether the last answer is too old to say anything.
func (w *Watcher) stale(now time.Time) bool {
	return w.signal.When.IsZero() || !now.Before(w.staleAt())
}

// Signal is what is known now. It is Unknown when the modem has not answered for three polls.
func (w *Watcher) Signal() Signal {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.look(time.Now())
}

func (w *Watcher) look(now time.Time) Signal {
	if w.stale(now) {
		return Signal{When: w.signal.When, Source: w.signal.Source}
	}
	s := w.signal
	s.Frozen = w.frozen(now)
	return s
}

// frozen says why nothing is to be learned about the link.
func (w *Watcher) frozen(now time.Time) string {
	switch {
	case EffectsOf(w.signal.Band).Freeze:
		return "the signal is " + w.signal.Band.String()
	case w.signal.Registration == Roaming:
		return "roaming"
	case now.Before(w.attached.Add(attachRest)):
		return "in this network for less than 3 min"
	}
	return ""
}

// Band is that of Signal.
func (w *Watcher) Band() Band { return w.Signal().Band }

// Effects is what the signal changes now: the row of the table, without the classes that were held back long enough, and with what
// else freezes learning.
func (w *Watcher) Effects() Effects {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.effects(time.Now())
}

func (w *Watcher) effects(now time.Time) Effects {
	s := w.look(now)
	e := EffectsOf(s.Band)
	e.Held = w.holds.hold(e.Held, now)
	e.Freeze = s.Frozen != ""
	return e
}

// Bounce takes the data context of the modem down and up again.
func (w *Watcher) Bounce(ctx context.Context) error { return w.act(ctx, source.bounce) }

// Radio switches the radio of the modem off and on.
func (w *Watcher) Radio(ctx context.Context) error { return w.act(ctx, source.radio) }

func (w *Watcher) act(ctx context.Context, do func(source, context.Context) error) error {
	if w.source == nil {
		return fmt.Errorf("%w: none is configured for this link (hint: modem: auto)", ErrNoModem)
	}
	return do(w.source, ctx)
}

// state is what a change of is told.
type state struct {
	band         Band
	held         Classes
	frozen       bool
	registration Registration
	operator     string
	apn          string
	technology   string
}

func (w *Watcher) state(now time.Time) state {
	s, e := w.look(now), w.effects(now)
	return state{s.Band, e.Held, e.Freeze, s.Registration, s.Operator, s.APN, s.Technology}
}

// tell calls Changed when something has changed.
func (w *Watcher) tell() {
	w.mu.Lock()
	now := time.Now()
	state, was := w.state(now), w.told
	w.told = state
	s := w.look(now)
	w.mu.Unlock()
	if state == was {
		return
	}
	if state.band != was.band || state.held != was.held {
		w.o.Log.Info("signal changed", "band", s.Band, "was", was.band, "score", s.Score, "held_back", state.held, "registration", s.Registration)
	}
	w.o.Changed(s)
}

// holds keeps when each class began to be held back.
type holds struct {
	most  time.Duration
	since [len(classNames)]time.Time // zero: it is not
}

// hold gives which of the classes that a band holds back are held now: not those for which the time is over. They flow until the band
// lets them go, and then the time begins anew.
func (h *holds) hold(wanted Classes, now time.Time) Classes {
	held := Classes(0)
	for i := range h.since {
		class := Classes(1 << i)
		switch {
		case !wanted.Has(class):
			h.since[i] = time.Time{}
			continue
		case h.since[i].IsZero():
			h.since[i] = now
		}
		if now.Sub(h.since[i]) < h.most {
			held |= class
		}
	}
	return held
}

// release is when the next class that is held is let go; zero: none is held.
func (h *holds) release(now time.Time) (next time.Time) {
	for _, since := range h.since {
		end := since.Add(h.most)
		if !since.IsZero() && end.After(now) && (next.IsZero() || end.Before(next)) {
			next = end
		}
	}
	return next
}
