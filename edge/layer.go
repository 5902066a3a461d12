package edge

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"skerry/broker/stack"
)

const (
	// settle is how long all layers together may take to stop.
	settle = 4 * time.Second
	// lastWord is what the lowest layer gets even if the others took all the time: storage has something to write.
	lastWord = time.Second
)

// layers are the running parts of a gateway, the lowest first.
type layers struct {
	log     *slog.Logger
	running []*layer

	once    sync.Once
	fell    chan struct{} // closed by the first failure
	failure error         // the others follow from it
}

type layer struct {
	name     string
	patience time.Duration // to stop in
	cancel   context.CancelFunc
	done     chan struct{}
}

func newLayers(log *slog.Logger) *layers { return &layers{log: log, fell: make(chan struct{})} }

// start runs a layer on top of those started before. A layer that ends with an error, asked to or not, fails the whole.
func (s *layers) start(name string, patience time.Duration, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	l := &layer{name, patience, cancel, make(chan struct{})}
	s.running = append(s.running, l)
	go func() {
		defer close(l.done)
		stack.Grow() // each layer comes to that
		if err := run(ctx); err != nil {
			s.fail(err)
		}
	}()
}

func (s *layers) fail(err error) {
	s.once.Do(func() {
		s.failure = err
		close(s.fell)
	})
}

// wait returns when ctx ends or a layer fails.
func (s *layers) wait(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-s.fell:
	}
}

// stop ends the layers, the highest first, and returns the first failure there was. A layer that does not end in time is
// left behind and the next one is ended; that is a failure only if it is the lowest one, which may have something to lose.
func (s *layers) stop() error {
	deadline := time.Now().Add(settle)
	for i, l := range slices.Backward(s.running) {
		patience := min(l.patience, time.Until(deadline))
		if i == 0 {
			patience = max(patience, lastWord)
		}
		if l.stop(patience) {
			continue
		}
		s.log.Error("did not stop in time and is left behind", "layer", l.name)
		if i == 0 {
			s.fail(fmt.Errorf("%s did not stop in time: what was not acknowledged may be lost", l.name))
		}
	}
	select {
	case <-s.fell:
		return s.failure
	default:
		return nil
	}
}

// stop ends a layer and tells whether it did so in time.
func (l *layer) stop(patience time.Duration) bool {
	l.cancel()
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case <-l.done:
		return true
	case <-t.C:
		return false
	}
}
