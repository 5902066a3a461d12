package sim

import (
	"math"
	"time"
)

// NewINA219 makes a chip that measures a supply: volts, and millivolts at its shunt.
func NewINA219(volts, shunt func(at time.Time) float64) *Words {
	c := &Words{}
	c.mem[0] = 0x399F
	began := time.Time{}
	c.Write = func(reg byte, value uint16) {
		if reg == 0 && value&0x8000 != 0 {
			c.mem[0] = 0x399F
		}
		began = time.Now()
	}
	c.Read = func(reg byte) (uint16, bool) {
		now := time.Now()
		switch reg {
		case 1:
			return uint16(int16(math.Round(shunt(now) / 0.01))), true
		case 2:
			v := uint16(math.Round(volts(now)/4e-3)) << 3
			if now.Sub(began) >= 137*time.Millisecond {
				v |= 2
			}
			return v, true
		}
		return 0, false
	}
	return c
}

// Slow is how much longer an ADS1115 takes than by the book: its clock may be 10 % slow.
const Slow = 1.1

// NewADS1115 makes a converter at whose inputs A0 to A3 those voltages are.
func NewADS1115(volts func(at time.Time) [4]float64) *Words {
	c := &Words{}
	c.mem[1] = 0x8583
	var until time.Time
	var next, done uint16
	settle := func() {
		if !until.IsZero() && !time.Now().Before(until) {
			done, until = next, time.Time{}
		}
	}
	c.Write = func(reg byte, value uint16) {
		if settle(); reg == 1 && value&0x8000 != 0 {
			rates := []float64{8, 16, 32, 64, 128, 250, 475, 860}
			until = time.Now().Add(time.Duration(Slow / rates[value>>5&7] * float64(time.Second)))
			next = convert(value, volts(time.Now()))
		}
	}
	c.Read = func(reg byte) (uint16, bool) {
		settle()
		switch {
		case reg == 0:
			return done, true
		case reg == 1 && until.IsZero():
			return c.mem[1] | 0x8000, true
		case reg == 1:
			return c.mem[1] &^ 0x8000, true
		}
		return 0, false
	}
	return c
}

// convert is the result for a configuration.
func convert(config uint16, v [4]float64) uint16 {
	inputs := [8]float64{v[0] - v[1], v[0] - v[3], v[1] - v[3], v[2] - v[3], v[0], v[1], v[2], v[3]}
	ranges := [8]float64{6.144, 4.096, 2.048, 1.024, 0.512, 0.256, 0.256, 0.256}
	raw := math.Round(inputs[config>>12&7] / ranges[config>>9&7] * (1 << 15))
	return uint16(int16(max(-(1 << 15), min(raw, 1<<15-1))))
}
