package sim

import (
	"encoding/binary"
	"sync"
	"time"
)

// Air is the state of the air.
type Air struct {
	Temperature float64 // °C
	Humidity    float64 // % relative
	Pressure    float64 // hPa
	CO2         float64 // ppm
}

// BME280 is the chip: its register map as the datasheet has it (BST-BME280-DS002, chapter 5).
type BME280 struct {
	mu       sync.Mutex
	air      func(at time.Time) Air
	mem      [256]byte
	until    time.Time // when the measurement under way ends
	measured Air
	wedged   bool
}

// The registers that do something.
const (
	regID       = 0xD0
	regReset    = 0xE0
	regCtrlHum  = 0xF2
	regStatus   = 0xF3
	regCtrlMeas = 0xF4
	regData     = 0xF7
)

const (
	resetWord = 0xB6
	measuring = 1 << 3
	idBME280  = 0x60
)

// measureTime is that of 4x oversampling of all three values.
const measureTime = 25 * time.Millisecond

// NewBME280 makes a chip in the given air.
func NewBME280(air func(at time.Time) Air) *BME280 {
	c := &BME280{air: air}
	c.mem[regID] = idBME280
	for i, v := range calibrationTP {
		binary.LittleEndian.PutUint16(c.mem[0x88+2*i:], uint16(v))
	}
	c.mem[0xA1] = h1
	binary.LittleEndian.PutUint16(c.mem[0xE1:], h2)
	copy(c.mem[0xE3:], []byte{h3, h4 >> 4, h4&0xF | h5&0xF<<4, h5 >> 4, h6})
	c.reset()
	return c
}

// Set fixes the air.
func (c *BME280) Set(a Air) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.air = func(time.Time) Air { return a }
}

// Become changes the chip id: 0x58 is a BMP280, 0x61 a BME680, 0xFF nobody.
func (c *BME280) Become(id byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mem[regID] = id
}

// Wedge lets measurements not end.
func (c *BME280) Wedge(wedged bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wedged = wedged
}

// PowerCycle makes the chip forget its settings.
func (c *BME280) PowerCycle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reset()
}

func (c *BME280) reset() {
	copy(c.mem[regCtrlHum:], []byte{0, 0, 0, 0, 0, 0x80, 0, 0, 0x80, 0, 0, 0x80, 0})
	c.until = time.Time{}
}

// Tx is one transfer: pairs of register and value, or a register to read from.
func (c *BME280) Tx(w, r []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle()
	if len(w) == 1 {
		for i := range r {
			r[i] = c.mem[w[0]+byte(i)]
		}
		return nil
	}
	for ; len(w) >= 2; w = w[2:] {
		c.write(w[0], w[1])
	}
	return nil
}

func (c *BME280) write(reg, value byte) {
	switch {
	case reg == regReset && value == resetWord:
		c.reset()
	case reg >= regCtrlHum && reg < regData && reg != regStatus:
		c.mem[reg] = value
		if mode := value & 3; reg == regCtrlMeas && mode != 0 {
			c.measured = c.air(time.Now())
			c.until = time.Now().Add(measureTime)
			c.mem[regStatus] |= measuring
		}
	}
}

// settle ends a measurement whose time is over: results appear and the chip sleeps.
func (c *BME280) settle() {
	if c.until.IsZero() || c.wedged || time.Now().Before(c.until) {
		return
	}
	c.until = time.Time{}
	c.mem[regStatus] &^= measuring
	c.mem[regCtrlMeas] &^= 3
	t, p, h := rawOf(c.measured)
	copy(c.mem[regData:], []byte{byte(p >> 12), byte(p >> 4), byte(p << 4), byte(t >> 12), byte(t >> 4), byte(t << 4)})
	if c.mem[regCtrlHum]&7 == 0 {
		h = 0x8000 // skipped
	}
	binary.BigEndian.PutUint16(c.mem[regData+6:], uint16(h))
}
