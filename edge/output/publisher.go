package output

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"skerry/broker"
)

const (
	// mostStates wait to be published. Beyond that the oldest give way, but not the last one of any output.
	mostStates = 512
	// lastWord is how long the last states may take at the end.
	lastWord = 500 * time.Millisecond
)

// states are those that wait to be published: storage that is slow must not hold up what is set.
type states struct {
	log  *slog.Logger
	wake chan struct{} // capacity 1
	done chan struct{} // closed when run has ended

	kept   map[string]string // by output; of run
	unkept bool              // that something could not be kept was said

	mu    sync.Mutex
	queue []state
	ended bool
}

// state is one to be published, and what is kept of it before.
type state struct {
	message *broker.Message
	output  string // empty: nothing is kept
	keep    string
}

func newStates(log *slog.Logger) *states {
	return &states{log: log, wake: make(chan struct{}, 1), done: make(chan struct{}), kept: map[string]string{}}
}

func (s *states) put(x state) {
	s.mu.Lock()
	if s.queue = append(s.queue, x); len(s.queue) > mostStates {
		s.queue = slices.Delete(s.queue, s.oldest(), s.oldest()+1)
	}
	s.mu.Unlock()
	s.signal()
}

// oldest is the first state that is not the last one of its output. There is one: outputs are fewer than mostStates.
func (s *states) oldest() (at int) {
	later := map[string]bool{}
	for i, x := range slices.Backward(s.queue) {
		if topic := x.message.TopicName; later[topic] {
			at = i
		} else {
			later[topic] = true
		}
	}
	return at
}

func (s *states) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// end has what waits published, and waits for it.
func (s *states) end(cancel context.CancelFunc) {
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	s.signal()
	last := time.AfterFunc(lastWord, cancel)
	defer last.Stop()
	<-s.done
}

// run publishes until end is called.
func (s *states) run(ctx context.Context, sink Sink) {
	defer close(s.done)
	for range s.wake {
		s.mu.Lock()
		batch, ended := s.queue, s.ended
		s.queue = nil
		s.mu.Unlock()
		var messages []*broker.Message
		for _, x := range batch {
			s.keep(ctx, sink, x)
			messages = append(messages, x.message)
		}
		if len(messages) > 0 {
			if err := sink.Publish(ctx, messages); err != nil {
				s.log.Error("the state of an output could not be published", "err", err)
			}
		}
		if ended {
			return
		}
	}
}

// keep keeps what an output begins with next time, before anybody hears that it has it.
func (s *states) keep(ctx context.Context, sink Sink, x state) {
	if x.output == "" || s.kept[x.output] == x.keep {
		return
	}
	err := sink.KeepOutput(ctx, x.output, []byte(x.keep))
	if err != nil && !s.unkept {
		s.log.Error("what an output was set to could not be kept: after a restart it would have an older value", "output", x.output, "err", err)
	}
	if s.unkept = err != nil; err == nil {
		s.kept[x.output] = x.keep
	}
}
