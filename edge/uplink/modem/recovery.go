package modem

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// stepPatience bounds one step, whatever it is.
const stepPatience = 3 * time.Minute

// RecoveryOptions say what a Recovery can do. A nil step is not there, and is passed over.
type RecoveryOptions struct {
	Reconnect func(ctx context.Context) error // gives up the connection and dials at once
	Bearer    func(ctx context.Context) error // Watcher.Bounce, or Commands
	Radio     func(ctx context.Context) error // Watcher.Radio
	Power     func(ctx context.Context) error // PowerByOutput or PowerByUSB

	// Saved is what Save kept last; nil: nothing.
	Saved []byte
	// Save keeps the document; nil in it: nothing is to be kept. It is called before a step is taken, and after a success. A step that
	// would cut the power is not taken when it cannot be kept.
	Save func(document []byte) error

	Changed func()       // the status has changed; must not block. nil: nobody is told
	Log     *slog.Logger // nil: discard
}

// Recovery climbs the ladder. Its methods may be called by several goroutines.
type Recovery struct {
	do   [steps]func(ctx context.Context) error
	save func([]byte) error
	told func()
	log  *slog.Logger
	wake chan struct{}

	mu     sync.Mutex
	ladder *Ladder
	last   StepStatus
	taken  [steps]uint64
	busy   bool
}

// StepStatus is how a step went.
type StepStatus struct {
	Step Step      `json:"step"`
	When time.Time `json:"when,omitzero"` // zero: none was taken
	Err  string    `json:"err,omitempty"`
}

// RecoveryStatus is the truth about a Recovery. Counters are since the start of the gateway.
type RecoveryStatus struct {
	Next   string            `json:"next,omitempty"` // the step that comes next; empty: none
	At     time.Time         `json:"at,omitzero"`    // when
	Busy   bool              `json:"busy,omitempty"` // a step is being taken
	Last   StepStatus        `json:"last"`
	Taken  map[string]uint64 `json:"taken,omitempty"`   // by step
	Spaced map[string]string `json:"spacing,omitempty"` // the shortest distance to the next time, by step, where it has grown
}

// NewRecovery builds a recovery; Run runs it.
func NewRecovery(o RecoveryOptions) *Recovery {
	r := &Recovery{
		do:   [steps]func(context.Context) error{Reconnect: o.Reconnect, Bearer: o.Bearer, Radio: o.Radio, Power: o.Power},
		save: o.Save, told: o.Changed, log: o.Log, wake: make(chan struct{}, 1),
	}
	if r.save == nil {
		r.save = func([]byte) error { return nil }
	}
	if r.told == nil {
		r.told = func() {}
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	var have []Step
	for s := range steps {
		if r.do[s] != nil {
			have = append(have, s)
		}
	}
	r.ladder = NewLadder(have, o.Saved, time.Now())
	if r.ladder.damaged {
		r.log.Error("what was kept of the steps that recover the modem cannot be read; they count as just taken")
	}
	return r
}

// Offline notes that the link has no connection.
func (r *Recovery) Offline() { r.note((*Ladder).Offline) }

// Online notes that the link has one.
func (r *Recovery) Online() { r.note((*Ladder).Online) }

func (r *Recovery) note(what func(*Ladder, time.Time)) {
	r.mu.Lock()
	what(r.ladder, time.Now())
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Run takes the steps until ctx ends.
func (r *Recovery) Run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		r.round(ctx)
		r.mu.Lock()
		at := r.ladder.Wake()
		r.mu.Unlock()
		wait := 24 * time.Hour
		if !at.IsZero() {
			wait = max(time.Until(at), 0)
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
		case <-r.wake:
		case <-timer.C:
		}
	}
}

// round does what is due.
func (r *Recovery) round(ctx context.Context) {
	r.mu.Lock()
	now := time.Now()
	proven := r.ladder.Proven(now)
	step, at, ok := r.ladder.Next()
	due := ok && !now.Before(at)
	if due {
		r.ladder.Take(step, now)
		r.busy = true
		r.last = StepStatus{Step: step, When: now}
		r.taken[step]++
	}
	document := r.ladder.Document()
	r.mu.Unlock()
	switch {
	case due:
		r.take(ctx, step, document)
	case proven:
		if err := r.save(document); err != nil {
			r.log.Warn("that the modem works again cannot be kept", "err", err)
		}
		r.log.Info("the link works again; the steps that recover it begin anew")
		r.told()
	}
}

// take takes a step. Each is logged, once: there are few, and each is something that a user would want to know of.
func (r *Recovery) take(ctx context.Context, step Step, document []byte) {
	r.told()
	err := r.save(document)
	if err != nil && step == Power {
		err = fmt.Errorf("not taken, as it cannot be kept that it was: %w", err)
	} else {
		doing, cancel := context.WithTimeout(ctx, stepPatience)
		err = r.do[step](doing)
		cancel()
	}
	r.mu.Lock()
	r.busy = false
	if err != nil {
		r.last.Err = err.Error()
	}
	spaced := spacing(step, r.ladder.times[step])
	r.mu.Unlock()
	r.told()
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		r.log.Warn("recovery of the link: a step failed", "step", step, "err", err, "not_again_for", spaced)
		return
	}
	r.log.Info("recovery of the link: a step was taken", "step", step, "not_again_for", spaced)
}

// Status gives a copy.
func (r *Recovery) Status() RecoveryStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := RecoveryStatus{Busy: r.busy, Last: r.last, Taken: map[string]uint64{}, Spaced: map[string]string{}}
	if step, at, ok := r.ladder.Next(); ok {
		s.Next, s.At = step.String(), at
	}
	for step := range steps {
		if r.taken[step] > 0 {
			s.Taken[step.String()] = r.taken[step]
		}
		if n := r.ladder.times[step]; n > 0 {
			s.Spaced[step.String()] = spacing(step, n).String()
		}
	}
	return s
}

// String is a line for people.
func (s RecoveryStatus) String() string {
	text := "no step was needed"
	if !s.Last.When.IsZero() {
		text = fmt.Sprintf("%s was the last step, at %s", s.Last.Step, s.Last.When.Format(time.DateTime))
		if s.Last.Err != "" {
			text += ", and failed: " + s.Last.Err
		}
	}
	if s.Next != "" {
		text += fmt.Sprintf("; next %s at %s", s.Next, s.At.Format(time.DateTime))
	}
	return text
}
