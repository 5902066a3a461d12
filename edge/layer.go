package edge

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// settle is how long all layers together may take to stop.
const settle = 4500 * time.Millisecond

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
		if err := run(ctx); err != nil {
			s.fail(fmt.Errorf("%s: %w", name, err))
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
// left behind and the next one is ended.
func (s *layers) stop() error {
	deadline := time.Now().Add(settle)
	for _, l := range slices.Backward(s.running) {
		l.cancel()
		t := time.NewTimer(min(l.patience, time.Until(deadline)))
		select {
		case <-l.done:
		case <-t.C:
			s.log.Error("did not stop in time and is left behind", "layer", l.name)
		}
		t.Stop()
	}
	select {
	case <-s.fell:
		return s.failure
	default:
		return nil
	}
}
