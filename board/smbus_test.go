package board_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"skerry/board"
)

// From linux/i2c.h: what an adapter of a PC can do that has the blocks of I2C, and one that has not.
const (
	readByte, writeByte         = 0x00020000, 0x00040000
	readByteData, writeByteData = 0x00080000, 0x00100000
	readWordData, writeWordData = 0x00200000, 0x00400000
	processCall                 = 0x00800000
	readBlock, writeBlock       = 0x04000000, 0x08000000

	allOfIt = readByte | writeByte | readByteData | writeByteData | readWordData | writeWordData | processCall | readBlock | writeBlock
)

// wire is what goes over the bus for a call, by the diagrams of Documentation/i2c/smbus-protocol.rst: S start, A address with its
// direction, then bytes; "?" is one that the device sends.
func wire(t *testing.T, size uint32, read, command byte, data *[34]byte) string {
	t.Helper()
	word := fmt.Sprintf("%02x %02x", byte(binary.NativeEndian.Uint16(data[:])), binary.NativeEndian.Uint16(data[:])>>8)
	c := fmt.Sprintf("S W %02x", command)
	switch fmt.Sprint(size, read) {
	case "1 1":
		return "S R ?"
	case "1 0":
		return c
	case "2 1":
		return c + " S R ?"
	case "2 0":
		return c + fmt.Sprintf(" %02x", data[0])
	case "3 1":
		return c + " S R ? ?"
	case "3 0":
		return c + " " + word
	case "4 1":
		return c + " " + word + " S R ? ?"
	case "8 1":
		return c + " S R" + strings.Repeat(" ?", int(data[0]))
	case "8 0":
		return c + fmt.Sprintf(" % x", data[1:1+data[0]])
	}
	t.Fatalf("no call of size %d, read %d", size, read)
	return ""
}

// plain is what goes over the bus for the transfer itself.
func plain(w, r []byte) string {
	var parts []string
	if len(w) > 0 {
		parts = append(parts, fmt.Sprintf("S W % x", w))
	}
	if len(r) > 0 {
		parts = append(parts, "S R"+strings.Repeat(" ?", len(r)))
	}
	return strings.Join(parts, " ")
}

// answer fills the data as the kernel does for the bytes 0xA0, 0xA1 ...
func answer(size uint32, read byte, data *[34]byte) {
	switch {
	case read == 0:
	case size == 3 || size == 4:
		binary.NativeEndian.PutUint16(data[:], 0xA1A0)
	case size == 8:
		for i := range data[0] {
			data[1+i] = 0xA0 + i
		}
	default:
		data[0] = 0xA0
	}
}

// A call of SMBus is the same on the bus as the transfer that it stands for, for every length that can be mapped; the others are refused.
func TestSMBusIsTheSameOnTheBus(t *testing.T) {
	mapped := 0
	for written := range 40 {
		for back := range 40 {
			if written+back == 0 {
				continue
			}
			w, r := make([]byte, written), make([]byte, back)
			for i := range w {
				w[i] = byte(0x10 + i)
			}
			err := board.SMBus(allOfIt, w, r, func(size uint32, read, command byte, data *[34]byte) {
				if got, want := wire(t, size, read, command, data), plain(w, r); got != want {
					t.Errorf("%d and %d bytes: %s, want %s", written, back, got, want)
				}
				answer(size, read, data)
			})
			possible := written == 0 && back == 1 || written == 1 && back <= 32 || written == 3 && back == 2 || written > 0 && written <= 33 && back == 0
			if possible != (err == nil) {
				t.Errorf("%d and %d bytes: %v", written, back, err)
			}
			if err != nil {
				if !strings.Contains(err.Error(), fmt.Sprintf("writing %d and reading %d bytes", written, back)) {
					t.Error(err)
				}
				continue
			}
			mapped++
			for i, b := range r {
				if b != byte(0xA0+i) {
					t.Fatalf("%d and %d bytes: byte %d is %#x", written, back, i, b)
				}
			}
		}
	}
	if mapped != 33+33+1 {
		t.Errorf("%d pairs of lengths were mapped", mapped)
	}
}

func TestSMBusByWhatTheAdapterCan(t *testing.T) {
	tests := []struct {
		name          string
		funcs         uint32
		written, back int
		size          uint32 // 0: refused
	}{
		{"a word as a word", allOfIt, 1, 2, 3},
		{"a word as a block", readBlock, 1, 2, 8},
		{"a byte as a block", readBlock, 1, 1, 8},
		{"a byte written as a block", writeBlock, 2, 0, 8},
		{"no blocks", readByteData | readWordData, 1, 6, 0},
		{"no words", readByteData, 1, 2, 0},
		{"nothing", 0, 1, 0, 0},
	}
	for _, test := range tests {
		var size uint32
		err := board.SMBus(test.funcs, make([]byte, test.written), make([]byte, test.back), func(s uint32, read, command byte, data *[34]byte) { size = s })
		if size != test.size || (err == nil) != (test.size != 0) {
			t.Errorf("%s: call of size %d, %v; want %d", test.name, size, err, test.size)
		}
		if err != nil && !strings.Contains(err.Error(), "plain I2C transfers") {
			t.Errorf("%s: no hint in %q", test.name, err)
		}
	}
}

// An adapter that stops early gives no bytes of before for new ones.
func TestShortSMBusBlock(t *testing.T) {
	r := bytes.Repeat([]byte{7}, 6)
	err := board.SMBus(readBlock, []byte{1}, r, func(size uint32, read, command byte, data *[34]byte) { data[0] = 4 })
	if err == nil || !bytes.Equal(r, bytes.Repeat([]byte{7}, 6)) {
		t.Errorf("%v, %v", r, err)
	}
}
