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

// Raw is a number as it stands in registers.
type Raw struct {
	Set bool
	n   uint64 // of a negative number: its two's complement
}

// UnmarshalText reads 0x8000, 65535 or -1.
func (r *Raw) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(string(text), 0, 64)
	if err != nil {
		signed, err := strconv.ParseInt(string(text), 0, 64)
		if err != nil {
			return &drivers.WordError{Text: string(text), Words: []string{"0x8000", "65535", "-1"}}
		}
		n = uint64(signed)
	}
	*r = Raw{true, n}
	return nil
}

// is tells whether a number of so many bytes is the one meant.
func (r Raw) is(n uint64, size int) bool {
	return r.Set && n == r.n&(math.MaxUint64>>(64-8*size))
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
