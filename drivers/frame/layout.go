package frame

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"skerry/drivers"
)

// Hex is a row of bytes of the configuration: "42 4D", "424d".
type Hex []byte

// UnmarshalText reads hexadecimal digits, two for a byte, with spaces between as one likes.
func (h *Hex) UnmarshalText(b []byte) error {
	v, err := hex.DecodeString(strings.Join(strings.Fields(string(b)), ""))
	if err != nil {
		return fmt.Errorf("%q are no bytes; write them in hexadecimal: 42 4D", b)
	}
	*h = v
	return nil
}

// layout is the form of a frame.
type layout struct {
	start, end []byte
	length     int
	check      checksum
	checkFrom  int // the checksum is of the bytes from here
	checkAt    int // up to here, where it stands
	checkOrder binary.ByteOrder
	request    []byte
}

var (
	errForm     = errors.New("no frame")
	errChecksum = errors.New("wrong checksum")
)

// accept tells whether b, of the right length, is a frame.
func (l *layout) accept(b []byte) error {
	if len(b) != l.length || !bytes.HasPrefix(b, l.start) || !bytes.HasSuffix(b, l.end) {
		return errForm
	}
	want := l.check.size
	switch {
	case want == 1 && uint16(b[l.checkAt]) != l.check.of(b[l.checkFrom:l.checkAt]),
		want == 2 && l.checkOrder.Uint16(b[l.checkAt:]) != l.check.of(b[l.checkFrom:l.checkAt]):
		return errChecksum
	}
	return nil
}

// problems says what is wrong with a form, at the keys of the configuration.
func (l *layout) problems() []error {
	var errs []error
	wrong := func(is bool, key, problem, hint string) {
		if is {
			errs = append(errs, &drivers.OptionError{Key: key, Problem: problem, Hint: hint})
		}
	}
	wrong(len(l.start) == 0, "start", "is missing", "write the bytes that each frame begins with, in hexadecimal: 42 4D")
	wrong(l.length == 0, "length", "is missing", "write how many bytes a frame has, from the first of start on")
	wrong(l.length != 0 && l.length < len(l.start)+len(l.end)+l.check.size, "length", "is shorter than start, checksum and end together", "count all bytes of a frame")
	if l.check.size == 0 || len(errs) > 0 {
		return errs
	}
	last := l.length - len(l.end) - l.check.size
	wrong(l.checkAt < len(l.start) || l.checkAt > last, "checksum_at", "is not between start and end", fmt.Sprintf("a place from %d to %d", len(l.start), last))
	wrong(l.checkFrom < 0 || l.checkFrom >= l.checkAt, "checksum_from", "is not before the checksum", "the place of the first byte that it counts")
	return errs
}

// number is a type of number: its size, how it is read, and the least and the largest one of whole numbers.
type number struct {
	size      int
	read      func(b []byte, o binary.ByteOrder) float64
	low, high float64 // both 0: it is no whole number
}

func (n number) bounds() (low, high float64, float bool) { return n.low, n.high, n.low == n.high }

// numbers by their names in the configuration.
var numbers = map[string]number{
	"uint8":   {1, func(b []byte, o binary.ByteOrder) float64 { return float64(b[0]) }, 0, math.MaxUint8},
	"int8":    {1, func(b []byte, o binary.ByteOrder) float64 { return float64(int8(b[0])) }, math.MinInt8, math.MaxInt8},
	"uint16":  {2, func(b []byte, o binary.ByteOrder) float64 { return float64(o.Uint16(b)) }, 0, math.MaxUint16},
	"int16":   {2, func(b []byte, o binary.ByteOrder) float64 { return float64(int16(o.Uint16(b))) }, math.MinInt16, math.MaxInt16},
	"uint32":  {4, func(b []byte, o binary.ByteOrder) float64 { return float64(o.Uint32(b)) }, 0, math.MaxUint32},
	"int32":   {4, func(b []byte, o binary.ByteOrder) float64 { return float64(int32(o.Uint32(b))) }, math.MinInt32, math.MaxInt32},
	"float32": {4, func(b []byte, o binary.ByteOrder) float64 { return float64(math.Float32frombits(o.Uint32(b))) }, 0, 0},
	"float64": {8, func(b []byte, o binary.ByteOrder) float64 { return math.Float64frombits(o.Uint64(b)) }, 0, 0},
}

// value is a value and where it stands in a frame.
type value struct {
	name  string
	unit  string
	at    int
	kind  number
	order binary.ByteOrder
	scale float64
}

// digits are those of a number that a multiplication keeps: 123 * 0.1 is 12.3, without what nobody measured.
const digits = 14

func (v value) of(frame []byte) float64 {
	n := v.kind.read(frame[v.at:], v.order)
	if v.scale == 1 {
		return n
	}
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(n*v.scale, 'g', digits, 64), 64)
	if err != nil { // beyond what a number can be
		return n * v.scale
	}
	return rounded
}
