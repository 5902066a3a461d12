package stack_test

import (
	"sync"
	"testing"

	"skerry/broker/stack"
)

// TestGrow: what comes to be deep afterwards works as it does without, in many goroutines at a time.
func TestGrow(t *testing.T) {
	var depth func(n int) int
	depth = func(n int) int {
		var room [64]byte
		if n == 0 {
			return int(room[0])
		}
		return depth(n-1) + 1
	}
	var wg sync.WaitGroup
	for _, grow := range []func(){stack.Grow, stack.GrowLarge, stack.Grow} {
		for range 10 {
			wg.Go(func() {
				grow()
				if got := depth(10000); got != 10000 {
					t.Errorf("%d calls, not 10000", got)
				}
			})
		}
	}
	wg.Wait()
}

// TestGrowAllocatesNothing on the heap: what it needs is the stack itself.
func TestGrowAllocatesNothing(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { stack.Grow(); stack.GrowLarge() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
