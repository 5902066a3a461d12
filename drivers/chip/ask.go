package chip

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"periph.io/x/conn/v3/i2c"
)

// ErrChecksum says that a word came with a wrong checksum.
var ErrChecksum = errors.New("the checksum is wrong")

// Ask sends a command, gives the chip its time, and reads words of 16 bits, each followed by a checksum: what Sensirion's chips have,
// and others since. The time between is the chip's; who reads at once, in one transfer, is not acknowledged by some.
func Ask(ctx context.Context, bus i2c.Bus, addr uint16, command []byte, takes time.Duration, words []uint16) error {
	if err := bus.Tx(addr, command, nil); err != nil {
		return err
	}
	if err := Sleep(ctx, takes); err != nil || len(words) == 0 {
		return err
	}
	r := make([]byte, 3*len(words))
	if err := bus.Tx(addr, nil, r); err != nil {
		return err
	}
	for i := range words {
		b := r[3*i:]
		if Checksum(b[:2]) != b[2] {
			return ErrChecksum
		}
		words[i] = binary.BigEndian.Uint16(b)
	}
	return nil
}

// Checksum is that of Ask: polynomial 0x31, initial value 0xFF. Of 0xBEEF it is 0x92.
func Checksum(b []byte) byte {
	crc := byte(0xFF)
	for _, x := range b {
		crc ^= x
		for range 8 {
			if crc&0x80 != 0 {
				crc = crc<<1 ^ 0x31
			} else {
				crc <<= 1
			}
		}
	}
	return crc
}
