package board

import (
	"bytes"
	"fmt"
	"sync"
	"time"

	"periph.io/x/conn/v3/i2c"
)

// Guard puts a deadline on each transfer of a bus. A transfer that does not return (a system call cannot be called off) is left
// behind with a goroutine and buffers of its own, and the bus answers with an error until it has returned.
func Guard(bus i2c.Bus, timeout time.Duration) i2c.Bus { return newGuarded(bus, timeout) }

func newGuarded(bus i2c.Bus, timeout time.Duration) *guarded {
	return &guarded{Bus: bus, timeout: timeout}
}

type guarded struct {
	i2c.Bus
	timeout time.Duration
	hung    func(hangs bool, after time.Duration) // told when the bus begins and ceases to hang; may be nil

	mu    sync.Mutex
	hangs chan error // of the transfer left behind; nil: none
	since time.Time
}

// Tx is that of the bus, or an error after the timeout.
func (g *guarded) Tx(addr uint16, w, r []byte) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.stillHangs(); err != nil {
		return err
	}
	out, in := bytes.Clone(w), make([]byte, len(r))
	done := make(chan error, 1)
	go func() { done <- g.Bus.Tx(addr, out, in) }()
	timer := time.NewTimer(g.timeout)
	defer timer.Stop()
	select {
	case err := <-done:
		copy(r, in)
		return err
	case <-timer.C:
		g.hangs, g.since = done, time.Now()
		g.tell(true, g.timeout)
		return fmt.Errorf("%s hangs: no end of a transfer with %#x after %v; look for a device that holds SDA or SCL low", g, addr, g.timeout)
	}
}

// Free tells whether the bus can be used; an error says since when it hangs.
func (g *guarded) Free() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.stillHangs()
}

func (g *guarded) stillHangs() error {
	if g.hangs == nil {
		return nil
	}
	select {
	case <-g.hangs:
		g.hangs = nil
		g.tell(false, time.Since(g.since))
		return nil
	default:
		return fmt.Errorf("%s hangs since %v; look for a device that holds SDA or SCL low", g, time.Since(g.since).Round(time.Second))
	}
}

func (g *guarded) tell(hangs bool, after time.Duration) {
	if g.hung != nil {
		g.hung(hangs, after)
	}
}
