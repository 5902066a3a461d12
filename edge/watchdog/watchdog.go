// Package watchdog feeds what kills the program or resets the board when it is not fed, and feeds it by proof of progress alone.
//
// # Vocabulary
//
// A proof shows that a part of the program gets on: it does something with it, or looks at what it has done. What is fed has a timeout.
//
// # Guarantees
//
// All proofs are made anew each time, three times within the shortest timeout; only when all of them hold everything is fed. A proof that
// does not return in time has failed, and is not made again until it returns. When a proof fails that is logged once, and once when all
// hold again. If they fail twice in a row all stacks are written, once: before a timeout that they lead to.
//
// # Limits
//
// What no proof looks at may hang unseen.
package watchdog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"time"
)

// Proof shows that a part gets on.
type Proof struct {
	Of   string                          // the part
	Made func(ctx context.Context) error // nil: it gets on
}

// Fed is what wants to be fed.
type Fed interface {
	Feed() error
	Timeout() time.Duration // at most so long after the last time; 0: it does not care
}

// Options of a Watchdog.
type Options struct {
	Proofs []Proof
	Fed    []Fed
	Status func(text string) // nil: nobody. Told what does not get on; "": everything does again
	Stacks io.Writer         // nil: nowhere
	Log    *slog.Logger      // nil: discard
}

// longest is how long it is between proofs at most.
const longest = 20 * time.Second

// Watchdog makes the proofs.
type Watchdog struct {
	o        Options
	every    time.Duration
	running  map[string]chan error // proofs that did not return in time
	failures int                   // in a row
	told     bool                  // the stacks were
}

// New makes a watchdog; nil: nothing wants to be fed.
func New(o Options) *Watchdog {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Status == nil {
		o.Status = func(string) {}
	}
	w := &Watchdog{o: o, running: map[string]chan error{}}
	for _, f := range o.Fed {
		if t := f.Timeout(); t > 0 && (w.every == 0 || t/3 < w.every) {
			w.every = min(t/3, longest)
		}
	}
	if w.every == 0 {
		return nil
	}
	return w
}

// Run makes the proofs until ctx ends, and returns nil then.
func (w *Watchdog) Run(ctx context.Context) error {
	tick := time.NewTicker(w.every)
	defer tick.Stop()
	for {
		w.round(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// round makes all proofs and feeds, or says why not.
func (w *Watchdog) round(ctx context.Context) {
	err := w.prove(ctx)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		w.failed(err)
		return
	}
	if w.failures > 0 {
		w.o.Log.Info("everything gets on again: the watchdog is fed", "rounds", w.failures)
		w.o.Status("")
	}
	w.failures = 0
	w.feed()
}

func (w *Watchdog) feed() {
	for _, f := range w.o.Fed {
		if err := f.Feed(); err != nil {
			w.o.Log.Warn("the watchdog could not be fed", "error", err)
		}
	}
}

func (w *Watchdog) failed(err error) {
	w.failures++
	text := strings.ReplaceAll(err.Error(), "\n", "; ")
	w.o.Status("does not get on: " + text)
	switch {
	case w.failures == 1:
		w.o.Log.Error("a part does not get on: the watchdog is not fed", "error", text)
	case w.failures == 2 && !w.told && w.o.Stacks != nil:
		w.told = true
		w.o.Log.Error("a part still does not get on: all stacks follow", "error", text)
		go fmt.Fprintf(w.o.Stacks, "stacks of all goroutines, as %s:\n%s\n", text, stacks()) // who reads them may hang too
	}
}

// prove makes all proofs at a time, and gives what failed.
func (w *Watchdog) prove(ctx context.Context) error {
	ctx, end := context.WithTimeout(ctx, w.patience())
	defer end()
	for _, p := range w.o.Proofs {
		if w.running[p.Of] == nil {
			done := make(chan error, 1)
			w.running[p.Of] = done
			go func() { done <- p.Made(ctx) }()
		}
	}
	var all error
	for _, p := range w.o.Proofs {
		if err := w.ended(ctx, p.Of); err != nil {
			all = errors.Join(all, fmt.Errorf("%s: %w", p.Of, err))
		}
	}
	return all
}

// ended waits for a proof.
func (w *Watchdog) ended(ctx context.Context, of string) error {
	select {
	case err := <-w.running[of]:
		return w.answer(ctx, of, err)
	case <-ctx.Done():
	}
	select {
	case err := <-w.running[of]:
		return w.answer(ctx, of, err)
	case <-time.After(100 * time.Millisecond):
		return fmt.Errorf("does not answer within %v", w.patience())
	}
}

// answer is what a proof has found. One that ended with ctx has its own words for that, which need not tell of the time.
func (w *Watchdog) answer(ctx context.Context, of string, err error) error {
	delete(w.running, of)
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("has not answered within %v: %w", w.patience(), err)
	}
	return err
}

// patience is what a proof may take: so the second one that fails has done so before what was fed last is hungry.
func (w *Watchdog) patience() time.Duration { return w.every / 2 }

// stacks are those of all goroutines, up to 8 MiB.
func stacks() []byte {
	const most = 8 << 20
	for size := 256 << 10; ; size *= 2 {
		buf := make([]byte, size)
		if n := runtime.Stack(buf, true); n < size || size >= most {
			return buf[:n]
		}
	}
}
