package sim

import (
	"encoding/binary"
	"sync"

	"golang.org/x/sys/unix"
)

// Words is a chip with registers of 16 bits, the higher byte first. Reading gives the register that was written last.
type Words struct {
	// Read makes up a register; nil, or not known: what was written to it.
	Read func(reg byte) (value uint16, known bool)
	// Write is told of a write; it may be nil.
	Write func(reg byte, value uint16)

	mu      sync.Mutex
	pointer byte
	mem     [256]uint16
}

// Tx takes the pointer, and a register to write or to read.
func (c *Words) Tx(w, r []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(w) > 0 {
		c.pointer = w[0]
	}
	switch len(w) {
	case 0, 1:
	case 2:
		c.set(uint16(w[1]))
	case 3:
		c.set(binary.BigEndian.Uint16(w[1:]))
	default:
		return unix.EREMOTEIO
	}
	if len(r) == 0 {
		return nil
	}
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], c.get())
	copy(r, b[:])
	return nil
}

func (c *Words) set(value uint16) {
	c.mem[c.pointer] = value
	if c.Write != nil {
		c.Write(c.pointer, value)
	}
}

func (c *Words) get() uint16 {
	if c.Read != nil {
		if v, known := c.Read(c.pointer); known {
			return v
		}
	}
	return c.mem[c.pointer]
}
