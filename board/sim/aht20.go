package sim

import (
	"math"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// AHT20 is the chip: it answers to a status command and to one that starts a measurement.
type AHT20 struct {
	air func(at time.Time) Air

	mu   sync.Mutex
	data []byte
	busy bool // for ever
}

// NewAHT20 makes a chip in the given air.
func NewAHT20(air func(at time.Time) Air) *AHT20 { return &AHT20{air: air} }

// Wedge makes the chip stay busy.
func (c *AHT20) Wedge() { c.mu.Lock(); c.busy = true; c.mu.Unlock() }

// Tx takes a command, or gives status and the last measurement.
func (c *AHT20) Tx(w, r []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	const calibrated, busy = 1 << 3, 1 << 7
	switch {
	case len(w) == 1 && w[0] == 0x71:
		if len(r) > 0 {
			r[0] = calibrated
		}
		return nil
	case len(w) == 3 && w[0] == 0xAC:
		a := c.air(time.Now())
		h, t := uint32(math.Round(a.Humidity/100*(1<<20))), uint32(math.Round((a.Temperature+50)/200*(1<<20)))
		c.data = []byte{calibrated, byte(h >> 12), byte(h >> 4), byte(h<<4) | byte(t>>16), byte(t >> 8), byte(t)}
	case len(w) == 3 && w[0] == 0xBE:
	case len(w) == 0 && c.data == nil && len(r) == 1:
		r[0] = calibrated
		return nil
	case len(w) > 0, c.data == nil:
		return unix.EREMOTEIO
	}
	if len(r) > 0 {
		d := c.data
		if c.busy {
			d = append([]byte{d[0] | busy}, d[1:]...)
		}
		copy(r, append(d, sensirionCRC(d)))
	}
	return nil
}
