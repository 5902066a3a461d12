package server

import (
	"sync"
	"sync/atomic"
	"testing"
)

// Whoever finds the turn taken leaves word, and the one who has it must look once more before it is given back.
func TestTurn(t *testing.T) {
	var turn turn
	steps := []struct {
		name string
		do   func() bool
		want bool
	}{
		{"take", turn.take, true},
		{"take what is taken", turn.take, false},
		{"leave word once more", turn.take, false},
		{"shut what is taken", turn.shut, false},
		{"release with word left", turn.release, false},
		{"release", turn.release, true},
		{"take again", turn.take, true},
		{"release", turn.release, true},
		{"shut", turn.shut, true},
		{"shut again", turn.shut, true},
		{"take after the end", turn.take, false},
	}
	for i, s := range steps {
		if got := s.do(); got != s.want {
			t.Fatalf("step %d, %s: %t", i+1, s.name, got)
		}
	}
}

// Nothing that is there when take is called is ever left behind.
func TestTurnForgetsNothing(t *testing.T) {
	var turn turn
	var waiting, done atomic.Int64
	var all sync.WaitGroup
	const each = 20_000
	for range 4 {
		all.Go(func() {
			for range each {
				waiting.Add(1)
				if !turn.take() {
					continue
				}
				for again := true; again; again = !turn.release() {
					done.Add(waiting.Swap(0))
				}
			}
		})
	}
	all.Wait()
	if done.Load() != 4*each {
		t.Errorf("%d of %d were looked at", done.Load(), 4*each)
	}
}
