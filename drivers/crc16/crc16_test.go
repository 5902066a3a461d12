package crc16_test

import (
	"testing"

	"skerry/drivers/crc16"
)

// The check values of the catalogue of parametrised CRC algorithms (CRC-16/MODBUS, CRC-16/ARC), the example of the Modbus guide (6.2.2:
// unit 2, function 7), and that of SDI-12 ("0+3.14" has the characters OqZ).
func TestSum(t *testing.T) {
	tests := []struct {
		start uint16
		text  string
		want  uint16
	}{
		{crc16.Modbus, "123456789", 0x4B37},
		{crc16.Modbus, "\x02\x07", 0x1241},
		{crc16.Modbus, "", 0xFFFF},
		{crc16.SDI12, "123456789", 0xBB3D},
		{crc16.SDI12, "0+3.14", ('O'&0x3F)<<12&0xF000 | ('q'&0x3F)<<6 | 'Z'&0x3F},
	}
	for _, test := range tests {
		if got := crc16.Sum(test.start, []byte(test.text)); got != test.want {
			t.Errorf("%q from %#x: %#x, want %#x", test.text, test.start, got, test.want)
		}
		half := crc16.Sum(test.start, []byte(test.text[:len(test.text)/2]))
		if got := crc16.Sum(half, []byte(test.text[len(test.text)/2:])); got != test.want {
			t.Errorf("%q in two parts: %#x, want %#x", test.text, got, test.want)
		}
	}
}
