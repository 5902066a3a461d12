package modbus

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"

	"skerry/drivers"
)

// Layout is what a device has in its tables: for who plays the device.
type Layout struct {
	Unit byte
	TCP  string // host:port where it listens; empty: it is on a serial line
	RTU  bool   // over TCP it speaks in frames of a serial line

	registers []register
	fixed     map[uint16]uint16 // holding registers with the list of SunSpec models
	identity  *identity
}

// Entries are the contents of the tables, by address: of a coil or discrete input 0 or 1.
type Entries map[Table]map[uint16]uint16

// LayoutOf finds the places of a sensor's values. A device with SunSpec models has those that the values need, one behind the other.
func LayoutOf(s drivers.Setup) (*Layout, error) {
	o := options(s)
	p, err := o.profile()
	if err != nil {
		return nil, err
	}
	l := &Layout{Unit: byte(o.unit(p)), RTU: o.Framing == framingRTU, identity: p.identity, fixed: map[uint16]uint16{}}
	if o.TCP != "" {
		l.TCP = withPort(o.TCP)
	}
	l.registers, _ = registers(s, cmp.Or(o.Order, p.order))
	x := &sensor{given: l.registers}
	if !x.moves() {
		return l, nil
	}
	if err := x.place(l.models()); err != nil {
		return nil, err
	}
	l.registers = x.registers
	return l, nil
}

// models lays out the list of models, at the first place where it is looked for.
func (l *Layout) models() (all []model) {
	at := roots[0]
	put := func(words ...uint16) {
		for _, w := range words {
			l.fixed[at] = w
			at++
		}
	}
	put(rootMark>>16, rootMark&0xFFFF)
	for _, r := range l.registers {
		if !r.model.Set || slices.ContainsFunc(all, func(m model) bool { return r.model.has(m.number) }) {
			continue
		}
		all = append(all, model{r.model.Low, at})
		length := l.length(r.model.Low)
		put(r.model.Low, length)
		at += length
	}
	put(endMark, 0)
	return all
}

// length is how many registers a model needs behind its head.
func (l *Layout) length(number uint16) uint16 {
	const head = 2
	end := uint16(head + 1)
	for _, r := range l.registers {
		if r.model.Set && r.model.has(number) {
			end = max(end, r.address+r.span())
			if r.scale != nil {
				end = max(end, *r.scale+1)
			}
		}
	}
	return end - head
}

// Entries lays the numbers and texts of the values where they are read.
func (l *Layout) Entries(number func(value string) float64, text func(value string) string) Entries {
	all := Entries{Coil: {}, Discrete: {}, Holding: {}, Input: {}}
	for at, word := range l.fixed {
		all[Holding][at] = word
	}
	if id := l.identity; id != nil {
		all.put(id.register, id.words[0].low)
	}
	for _, r := range l.registers {
		switch {
		case r.kind == Text:
			all.putText(r, text(r.name))
		case r.table.bits():
			all[r.table][r.address] = boolean(number(r.name))
		default:
			x := number(r.name)
			if r.scale != nil {
				e := exponent(r.unit)
				all[r.table][*r.scale] = uint16(int16(e))
				x /= math.Pow10(e)
			}
			all.put(r, r.encode(x)|all.other(r))
		}
	}
	return all
}

func boolean(x float64) uint16 {
	if x != 0 {
		return 1
	}
	return 0
}

// exponent is a power of ten that leaves digits behind the point, and room for what is usual in a unit.
func exponent(unit string) int {
	switch unit {
	case "W", "VA", "var", "Wh", "VAh", "varh":
		return 0
	case "V", "°C":
		return -1
	}
	return -2
}

// encode is the number as it stands in registers, as near as its type comes.
func (r register) encode(x float64) uint64 {
	if r.factor != 0 {
		x /= r.factor
	}
	switch {
	case r.bits.Set:
		mask := uint64(math.MaxUint64) >> (63 - (r.bits.Top - r.bits.Low))
		return (uint64(max(0, math.Round(x))) & mask) << r.bits.Low
	case r.kind == Bool:
		return uint64(boolean(x))
	case r.kind == Float32:
		return uint64(math.Float32bits(float32(x)))
	case r.kind == Float64:
		return math.Float64bits(x)
	}
	bits := 16 * uint(r.span())
	low, high := 0.0, math.Pow(2, float64(bits))-1
	if r.kind == Int16 || r.kind == Int32 || r.kind == Int64 {
		low, high = -math.Pow(2, float64(bits-1)), math.Pow(2, float64(bits-1))-1
	}
	switch x = math.Round(x); {
	case x <= low:
		return uint64(int64(low)) & (math.MaxUint64 >> (64 - bits))
	case x >= high: // which a float64 may not hold
		return uint64(math.MaxUint64>>(64-bits)) >> uint(boolean(-low))
	}
	return uint64(int64(x)) & (math.MaxUint64 >> (64 - bits))
}

// other is what other values have put into bits of the same number.
func (e Entries) other(r register) uint64 {
	if !r.bits.Set {
		return 0
	}
	b := make([]byte, 0, 8)
	for i := range r.span() {
		b = binary.BigEndian.AppendUint16(b, e[r.table][r.address+i])
	}
	r.order.arrange(b)
	return unsigned(b)
}

func (e Entries) put(r register, n uint64) {
	b := binary.BigEndian.AppendUint64(nil, n)[8-2*int(r.span()):]
	r.order.arrange(b)
	e.words(r, b)
}

func (e Entries) putText(r register, text string) {
	b := make([]byte, 2*int(r.span()))
	copy(b[:min(len(b), r.length)], text)
	if r.order == BADC || r.order == DCBA {
		BADC.arrange(b)
	}
	e.words(r, b)
}

func (e Entries) words(r register, b []byte) {
	for i := range r.span() {
		e[r.table][r.address+i] = binary.BigEndian.Uint16(b[2*i:])
	}
}
