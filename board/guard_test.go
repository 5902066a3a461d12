package board_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/physic"

	"skerry/board"
)

// slowBus takes its time for a transfer; with hang it does not come back until it is closed.
type slowBus struct {
	takes time.Duration
	hang  chan struct{}
	err   error
	calls atomic.Int32
}

func (b *slowBus) String() string                    { return "i2c1" }
func (b *slowBus) SetSpeed(f physic.Frequency) error { return nil }

func (b *slowBus) Tx(addr uint16, w, r []byte) error {
	b.calls.Add(1)
	time.Sleep(b.takes)
	if b.hang != nil {
		<-b.hang
	}
	for i := range r {
		r[i] = w[0]
	}
	return b.err
}

func TestGuardPassesTransfersOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		raw := &slowBus{takes: 10 * time.Millisecond}
		bus := board.Guard(raw, time.Second)
		in := make([]byte, 2)
		if err := bus.Tx(0x76, []byte{7}, in); err != nil || in[0] != 7 || in[1] != 7 {
			t.Errorf("%v, %v", in, err)
		}
		raw.err = broken
		if err := bus.Tx(0x76, []byte{7}, nil); !errors.Is(err, broken) {
			t.Errorf("%v, want the error of the bus", err)
		}
		if bus.String() != "i2c1" {
			t.Errorf("called %q", bus)
		}
	})
}

func TestGuardLeavesAHangingBus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		raw := &slowBus{hang: make(chan struct{})}
		bus := board.Guard(raw, 500*time.Millisecond)
		start := time.Now()
		in := []byte{1}
		if err := bus.Tx(0x76, []byte{7}, in); err == nil || !strings.Contains(err.Error(), "i2c1 hangs") || !strings.Contains(err.Error(), "0x76") {
			t.Errorf("%v, want that the bus hangs", err)
		}
		if took := time.Since(start); took != 500*time.Millisecond {
			t.Errorf("took %v of 500ms", took)
		}
		time.Sleep(time.Minute)
		start = time.Now()
		if err := bus.Tx(0x76, []byte{7}, in); err == nil || !strings.Contains(err.Error(), "hangs since 1m0") || time.Since(start) != 0 {
			t.Errorf("after %v: %v, want at once that it hangs since a minute", time.Since(start), err)
		}
		if n := raw.calls.Load(); n != 1 {
			t.Errorf("%d transfers were put on a hanging bus", n)
		}
		close(raw.hang)
		synctest.Wait()
		if in[0] != 1 {
			t.Error("the late transfer wrote into the buffer of a call that was over")
		}
		raw.hang = nil
		for range 2 {
			if err := bus.Tx(0x76, []byte{7}, in); err != nil || in[0] != 7 {
				t.Errorf("after it returned: %v, %v", in, err)
			}
		}
	})
}

// What the log is told: once that the bus hangs, once that it is free.
func TestGuardTells(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		raw := &slowBus{hang: make(chan struct{})}
		bus := board.GuardTelling(raw, time.Second, func(hangs bool, after time.Duration) { told = append(told, fmt.Sprint(hangs, after)) })
		for range 3 {
			bus.Tx(0x76, []byte{7}, nil)
			time.Sleep(20 * time.Second)
		}
		close(raw.hang)
		synctest.Wait()
		bus.Tx(0x76, []byte{7}, nil)
		if got := fmt.Sprint(told); got != "[true 1s false 1m0s]" {
			t.Errorf("told %s", got)
		}
	})
}
