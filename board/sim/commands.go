package sim

import (
	"math"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Commands is a chip that takes commands of two bytes and answers some with words, each with a checksum, once.
type Commands struct {
	// Answer gives the words for a command; known: the chip has such a command.
	Answer func(command uint16, at time.Time) (words []uint16, known bool)

	mu      sync.Mutex
	pending []byte
}

// Tx takes a command, or gives the answer to the last one.
func (c *Commands) Tx(w, r []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(w) > 0 {
		if len(w) == 1 {
			return unix.EREMOTEIO
		}
		words, known := c.Answer(uint16(w[0])<<8|uint16(w[1]), time.Now())
		if !known {
			return unix.EREMOTEIO
		}
		c.pending = nil
		for _, n := range words {
			c.pending = append(c.pending, sensirion(n)...)
		}
	}
	if len(r) > 0 {
		if c.pending == nil {
			return unix.EREMOTEIO
		}
		copy(r, c.pending)
		c.pending = nil
	}
	return nil
}

// NewHDC302x makes a chip in the given air.
func NewHDC302x(air func(at time.Time) Air) *Commands {
	return &Commands{Answer: func(command uint16, at time.Time) ([]uint16, bool) {
		switch command {
		case 0x3781:
			return []uint16{0x3000}, true
		case 0x2400:
			a := air(at)
			return []uint16{part((a.Temperature + 45) / 175), part(a.Humidity / 100)}, true
		}
		return nil, false
	}}
}

// NewSCD4x makes a chip in the given air, with people in the room.
func NewSCD4x(air func(at time.Time) Air) *Commands {
	var began, read time.Time // of measuring; of the last reading
	return &Commands{Answer: func(command uint16, at time.Time) ([]uint16, bool) {
		const interval = 5 * time.Second
		newest := began.Add(at.Sub(began).Truncate(interval))
		fresh := !began.IsZero() && newest.After(began) && newest.After(read)
		switch command {
		case 0x21B1:
			began = at
			return nil, true
		case 0x3F86:
			began = time.Time{}
			return nil, true
		case 0x3682:
			return []uint16{0xF896, 0x9F07, 0x3BBE}, began.IsZero()
		case 0x2427:
			return nil, began.IsZero()
		case 0xE4B8:
			if fresh {
				return []uint16{0x8006}, true
			}
			return []uint16{0x8000}, true
		case 0xEC05:
			if read = newest; !fresh {
				return nil, false
			}
			a := air(at)
			return []uint16{uint16(min(max(math.Round(a.CO2), 0), 40_000)), part((a.Temperature + 45) / 175), part(a.Humidity / 100)}, true
		}
		return nil, false
	}}
}

// BH1750 is the chip: a command, and two bytes 180 ms later.
type BH1750 struct {
	light func(at time.Time) float64

	mu    sync.Mutex
	until time.Time
	lux   float64
}

// NewBH1750 makes a chip in the given light, in lux.
func NewBH1750(light func(at time.Time) float64) *BH1750 { return &BH1750{light: light} }

// Tx takes a command, or gives the last measurement that has ended.
func (c *BH1750) Tx(w, r []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if len(w) == 1 && w[0] == 0x20 {
		c.until = now.Add(180 * time.Millisecond)
	}
	if len(r) == 2 {
		if !c.until.IsZero() && !now.Before(c.until) {
			c.lux, c.until = c.light(now), time.Time{}
		}
		n := uint16(min(math.Round(max(c.lux, 0)*1.2), 0xFFFF))
		r[0], r[1] = byte(n>>8), byte(n)
	}
	return nil
}
