package modbus

import (
	"fmt"
	"strconv"

	"skerry/drivers"
)

// Table is one of the four tables of a device. Its number is the function code that reads it ("MODBUS Application Protocol V1.1b3", 6.1 to 6.4).
type Table byte

// The tables. The zero Table is none.
const (
	Coil     Table = 1 // bits that can be written
	Discrete Table = 2 // bits
	Holding  Table = 3 // registers of 16 bits that can be written
	Input    Table = 4 // registers of 16 bits
)

var tableWords = []string{"coil", "discrete", "holding", "input"}

func (t Table) String() string {
	if t >= Coil && t <= Input {
		return tableWords[t-Coil]
	}
	return fmt.Sprintf("table(%d)", byte(t))
}

// UnmarshalText reads coil, discrete, holding or input.
func (t *Table) UnmarshalText(b []byte) error {
	i, err := wordIndex(tableWords, b)
	if err == nil {
		*t = Coil + Table(i)
	}
	return err
}

func (t Table) bits() bool { return t == Coil || t == Discrete }

// limit is how many bits or registers one request may ask for (6.1, 6.3).
func (t Table) limit() int {
	if t.bits() {
		return 2000
	}
	return 125
}

// bytes is how many bytes of data a reply with n bits or registers has.
func (t Table) bytes(n uint16) int {
	if t.bits() {
		return (int(n) + 7) / 8
	}
	return 2 * int(n)
}

// place names an entry of a table in messages, also by the number that manuals give it.
func (t Table) place(address uint16) string {
	digit := map[Table]byte{Coil: '0', Discrete: '1', Input: '3', Holding: '4'}[t]
	width := 4
	if address >= 9999 {
		width = 5
	}
	noun := t.String()
	if !t.bits() {
		noun += " register"
	}
	return fmt.Sprintf("%s 0x%04X (reference %c%0*d)", noun, address, digit, width, int(address)+1)
}

// Reference is the number of a register as manuals write it: the first digit is the table, the rest counts from 1. 40001 is the
// holding register with address 0. Both five and six digits are in use.
type Reference struct {
	Table   Table
	Address uint16
}

// UnmarshalText reads 30013 or 300013.
func (r *Reference) UnmarshalText(b []byte) error {
	tables := map[byte]Table{'0': Coil, '1': Discrete, '3': Input, '4': Holding}
	if len(b) != 5 && len(b) != 6 {
		return fmt.Errorf("%q is no reference: five or six digits, the first is 0 (coil), 1 (discrete), 3 (input) or 4 (holding)", b)
	}
	n, err := strconv.ParseUint(string(b[1:]), 10, 32)
	if err != nil || n < 1 || n > 65536 || tables[b[0]] == 0 {
		return fmt.Errorf("%q is no reference: 0 (coil), 1 (discrete), 3 (input) or 4 (holding), then 00001 to 65536", b)
	}
	*r = Reference{tables[b[0]], uint16(n - 1)}
	return nil
}

func wordIndex(words []string, b []byte) (int, error) {
	for i, w := range words {
		if w == string(b) {
			return i, nil
		}
	}
	return 0, &drivers.WordError{Text: string(b), Words: words}
}
