package main

import (
	"bytes"
	"fmt"

	"skerry/board"
)

// stub is the address of the chip that the kernel's i2c-stub plays: 256 registers, by SMBus alone.
const stub = 0x50

// smbus tries an adapter that makes no plain I2C transfers.
func smbus(b *board.Board) {
	bus, err := b.I2C("")
	check("an SMBus adapter opened", err)
	if err != nil {
		return
	}
	for _, test := range []struct {
		w, from []byte
		want    []byte
	}{
		{[]byte{0x10, 0xAB}, []byte{0x10}, []byte{0xAB}},                         // byte
		{[]byte{0x20, 0x34, 0x12}, []byte{0x20}, []byte{0x34, 0x12}},             // word
		{[]byte{0x30, 1, 2, 3, 4, 5, 6}, []byte{0x30}, []byte{1, 2, 3, 4, 5, 6}}, // block
	} {
		_, err := tx(bus, stub, test.w, 0)
		check(fmt.Sprintf("% x written", test.w), err)
		got, err := tx(bus, stub, test.from, len(test.want))
		if err == nil && !bytes.Equal(got, test.want) {
			err = fmt.Errorf("read % x", got)
		}
		check(fmt.Sprintf("% x read back", test.want), err)
	}
	_, err = tx(bus, stub, []byte{0x10}, 0)
	check("a byte sent alone", err)
	got, err := tx(bus, stub, nil, 1)
	if err == nil && got[0] != 0xAB {
		err = fmt.Errorf("read % x", got)
	}
	check("a byte read alone", err)
	_, err = tx(bus, stub, nil, 6)
	check("six bytes read alone are refused", wanted(err, "does not exist on SMBus"))
	_, err = tx(bus, stub, []byte{0x01, 0x20}, 2)
	check("an address of two bytes is refused", wanted(err, "does not exist on SMBus"))
	_, err = tx(bus, nobody, []byte{0}, 1)
	check("an address where nobody is", wanted(err, ""))
}
