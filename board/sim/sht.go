package sim

import (
	"bytes"
	"math"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// SHT is a Sensirion SHT3x or SHT4x: two commands, each answered once.
type SHT struct {
	serial, measure []byte
	humidity        func(percent float64) float64 // as a part of the range
	air             func(at time.Time) Air

	mu     sync.Mutex
	answer []byte
}

// NewSHT3x makes a chip in the given air.
func NewSHT3x(air func(at time.Time) Air) *SHT {
	return &SHT{serial: []byte{0x37, 0x80}, measure: []byte{0x24, 0x00}, air: air, humidity: func(p float64) float64 { return p / 100 }}
}

// NewSHT4x makes a chip in the given air.
func NewSHT4x(air func(at time.Time) Air) *SHT {
	return &SHT{serial: []byte{0x89}, measure: []byte{0xFD}, air: air, humidity: func(p float64) float64 { return (p + 6) / 125 }}
}

// Tx takes a command, or gives the answer to the last one.
func (c *SHT) Tx(w, r []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case len(w) > 0 && bytes.Equal(w, c.serial):
		c.answer = append(sensirion(0x1234), sensirion(0x5678)...)
	case len(w) > 0 && bytes.Equal(w, c.measure):
		a := c.air(time.Now())
		c.answer = append(sensirion(part((a.Temperature+45)/175)), sensirion(part(c.humidity(a.Humidity)))...)
	case len(w) > 0, len(r) > 0 && c.answer == nil:
		return unix.EREMOTEIO
	}
	if len(r) > 0 {
		copy(r, c.answer)
		c.answer = nil
	}
	return nil
}

func part(x float64) uint16 { return uint16(math.Round(65535 * min(max(x, 0), 1))) }

// sensirion is a word as chips of that maker send it: with a checksum.
func sensirion(n uint16) []byte {
	b := []byte{byte(n >> 8), byte(n)}
	return append(b, sensirionCRC(b))
}

// sensirionCRC is the checksum of that maker, and of others: polynomial 0x31, initial value 0xFF.
func sensirionCRC(b []byte) byte {
	crc := byte(0xFF)
	for _, x := range b {
		crc ^= x
		for range 8 {
			if crc&0x80 != 0 {
				crc = crc<<1 ^ 0x31
			} else {
				crc <<= 1
			}
		}
	}
	return crc
}
