package modbus

import (
	"math"
	"slices"
	"strings"
	"unicode"

	"skerry/drivers"
)

// register is a value: where it is, how it is laid there, what it means.
type register struct {
	name    string
	table   Table
	address uint16
	kind    Type
	order   Order
	bits    Bits
	length  int     // of a text, in characters
	model   Models  // addresses count from its beginning
	missing Raw     // stands for "no value"
	scale   *uint16 // address of a register of the same table with a power of ten (SunSpec)
	factor  float64 // 0: 1
	unit    string
}

// span is how many entries of its table the value takes.
func (r register) span() uint16 {
	if r.kind == Text {
		return uint16((r.length + 1) / 2)
	}
	return r.kind.registers()
}

// place names the value in messages.
func (r register) place() string { return "value " + r.name + ", " + r.table.place(r.address) }

// maxScale bounds the power of ten (SunSpec Device Information Model Specification, sunssf). Beyond it, at 0x8000, it stands for none.
const maxScale = 10

// lookup gives the bytes of n entries of a table, in the order of the line; false: they were not read.
type lookup func(t Table, address, n uint16) ([]byte, bool)

// reading makes the value of what was read; false: it was not read. What is laid there and stands for nothing is a reading without
// a value.
func (r register) reading(look lookup) (x drivers.Reading, ok bool) {
	data, ok := look(r.table, r.address, r.span())
	if !ok {
		return drivers.Reading{}, false
	}
	x = drivers.Reading{Value: r.name, Unit: r.unit, Number: math.NaN(), Quality: drivers.Bad}
	if r.kind == Text {
		if x.Text = readText(data, r.length, r.order); x.Text != "" {
			x.Quality = drivers.Good
		}
		return x, true
	}
	exponent := 0
	if r.scale != nil {
		raw, ok := look(r.table, *r.scale, 1)
		if !ok {
			return drivers.Reading{}, false
		}
		if exponent = int(int16(unsigned(raw))); exponent < -maxScale || exponent > maxScale {
			return x, true
		}
	}
	if n, ok := r.decode(data); ok {
		if n *= math.Pow10(exponent); !math.IsNaN(n) && !math.IsInf(n, 0) {
			x.Number, x.Quality = n, drivers.Good
		}
	}
	return x, true
}

// decode reads the number; false: what stands there stands for none.
func (r register) decode(data []byte) (float64, bool) {
	if r.table.bits() {
		return float64(data[0] & 1), true
	}
	b := slices.Clone(data)
	r.order.arrange(b)
	if r.missing.is(b, r.kind) {
		return 0, false
	}
	n := r.kind.number(b)
	switch {
	case r.bits.Set:
		n = float64(unsigned(b) >> r.bits.Low & (math.MaxUint64 >> (63 - (r.bits.Top - r.bits.Low))))
	case r.kind == Bool && n != 0:
		n = 1
	}
	if r.factor != 0 {
		n *= r.factor
	}
	return n, true
}

// readText reads so many characters, two from each register, up to the first that is none.
func readText(data []byte, length int, o Order) string {
	b := slices.Clone(data)
	if o == BADC || o == DCBA {
		BADC.arrange(b)
	}
	b = b[:min(len(b), length)]
	if end := slices.Index(b, 0); end >= 0 {
		b = b[:end]
	}
	return strings.TrimSpace(strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) && c != unicode.ReplacementChar {
			return c
		}
		return -1
	}, string(b)))
}
