package modbus

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"skerry/drivers"
)

// Type is how a number or text is laid in registers.
type Type byte

// The types. The zero Type is none given.
const (
	Bool Type = iota + 1
	Int16
	Uint16
	Int32
	Uint32
	Int64
	Uint64
	Float32
	Float64
	Text
)

var typeWords = []string{"bool", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64", "string"}

func (t Type) String() string {
	if t >= Bool && t <= Text {
		return typeWords[t-Bool]
	}
	return fmt.Sprintf("type(%d)", byte(t))
}

// UnmarshalText reads the name of a type.
func (t *Type) UnmarshalText(b []byte) error {
	i, err := wordIndex(typeWords, b)
	if err == nil {
		*t = Bool + Type(i)
	}
	return err
}

// registers is how many a number takes; 0 for a text.
func (t Type) registers() uint16 {
	switch t {
	case Int32, Uint32, Float32:
		return 2
	case Int64, Uint64, Float64:
		return 4
	case Text:
		return 0
	}
	return 1
}

func (t Type) float() bool { return t == Float32 || t == Float64 }

// Order is the order in which the bytes of a number come. The letters are its bytes, A the most significant one, as four of them come
// over the line. Numbers of two and eight bytes follow the same rule: AB or BA; ABCDEFGH, GHEFCDAB, BADCFEHG or HGFEDCBA. The zero
// Order is none given.
type Order byte

// The orders.
const (
	ABCD Order = iota + 1 // as the specification has it: big-endian
	CDAB                  // the low register first
	BADC                  // bytes swapped in each register
	DCBA                  // little-endian
)

var orderWords = []string{"ABCD", "CDAB", "BADC", "DCBA"}

func (o Order) String() string {
	if o >= ABCD && o <= DCBA {
		return orderWords[o-ABCD]
	}
	return fmt.Sprintf("order(%d)", byte(o))
}

// UnmarshalText reads ABCD, CDAB, BADC or DCBA.
func (o *Order) UnmarshalText(b []byte) error {
	i, err := wordIndex(orderWords, b)
	if err == nil {
		*o = ABCD + Order(i)
	}
	return err
}

// arrange puts the bytes of a number into the order ABCD, in place.
func (o Order) arrange(b []byte) {
	if o == BADC || o == CDAB {
		for i := 0; i+1 < len(b); i += 2 {
			b[i], b[i+1] = b[i+1], b[i]
		}
	}
	if o == CDAB || o == DCBA {
		slices.Reverse(b)
	}
}

// Bits are some of a register: one, or neighbours from the lowest to the highest. Bit 0 is the least significant one.
type Bits struct {
	Set      bool
	Low, Top uint
}

// UnmarshalText reads 3 or 4..7.
func (b *Bits) UnmarshalText(text []byte) error {
	low, top, ranged := strings.Cut(string(text), "..")
	if !ranged {
		top = low
	}
	l, err1 := strconv.ParseUint(low, 10, 6)
	t, err2 := strconv.ParseUint(top, 10, 6)
	if err1 != nil || err2 != nil || l > t {
		return &drivers.WordError{Text: string(text), Words: []string{"3", "4..7"}}
	}
	*b = Bits{true, uint(l), uint(t)}
	return nil
}

// Raw is a number as it stands in registers. Written in hexadecimal it is their bits, whatever the type.
type Raw struct {
	Set      bool
	n        uint64 // of a negative number: its two's complement
	negative bool
	bits     bool
}

// UnmarshalText reads 0x8000, 65535 or -1.
func (r *Raw) UnmarshalText(text []byte) error {
	digits, bits := strings.CutPrefix(strings.ToLower(string(text)), "0x")
	base := 10
	if bits {
		base = 16
	}
	if n, err := strconv.ParseUint(digits, base, 64); err == nil {
		*r = Raw{Set: true, n: n, bits: bits}
		return nil
	}
	signed, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		return &drivers.WordError{Text: string(text), Words: []string{"0x8000", "65535", "-1"}}
	}
	*r = Raw{Set: true, n: uint64(signed), negative: signed < 0}
	return nil
}

// fits tells whether a number of the type can be the one meant.
func (r Raw) fits(t Type) bool {
	size := 16 * uint(t.registers())
	switch {
	case t.float() && !r.bits:
		return true
	case r.negative:
		return int64(r.n) >= math.MinInt64>>(64-size)
	}
	return size == 64 || r.n>>size == 0
}

// is tells whether b, a number in the order ABCD, is the one meant.
func (r Raw) is(b []byte, t Type) bool {
	switch {
	case !r.Set:
		return false
	case t.float() && !r.bits && r.negative:
		return t.number(b) == float64(int64(r.n))
	case t.float() && !r.bits:
		return t.number(b) == float64(r.n)
	}
	return unsigned(b) == r.n&(math.MaxUint64>>(64-8*len(b)))
}

// number reads the bytes of a number in the order ABCD.
func (t Type) number(b []byte) float64 {
	switch t {
	case Int16:
		return float64(int16(binary.BigEndian.Uint16(b)))
	case Int32:
		return float64(int32(binary.BigEndian.Uint32(b)))
	case Int64:
		return float64(int64(binary.BigEndian.Uint64(b)))
	case Float32:
		return float64(math.Float32frombits(binary.BigEndian.Uint32(b)))
	case Float64:
		return math.Float64frombits(binary.BigEndian.Uint64(b))
	}
	return float64(unsigned(b))
}

// unsigned reads two, four or eight bytes.
func unsigned(b []byte) (n uint64) {
	for _, x := range b {
		n = n<<8 | uint64(x)
	}
	return n
}
