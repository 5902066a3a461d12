package pulse

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// The state: version (1 byte), pulses, lost (8 bytes each, big endian), CRC-32 (IEEE) of all before.
const (
	stateVersion = 1
	stateSize    = 1 + 8 + 8 + 4
)

// State is the counter. It holds pulses, not millimetres: per_pulse may be corrected later.
func (x *sensor) State() []byte {
	b := append(make([]byte, 0, stateSize), stateVersion)
	b = binary.BigEndian.AppendUint64(b, x.counter.pulses)
	b = binary.BigEndian.AppendUint64(b, x.counter.lost)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

// Restore goes on from a State. Pulses counted since New are kept.
func (x *sensor) Restore(state []byte) error {
	c, err := parseState(state)
	if err != nil {
		return fmt.Errorf("%s: restore the total: %w", x, err)
	}
	x.counter.pulses += c.pulses
	x.counter.lost += c.lost
	for i := range x.window.marks {
		x.window.marks[i].pulses += c.pulses
	}
	return nil
}

func parseState(b []byte) (counter, error) {
	if len(b) > 0 && b[0] != stateVersion {
		return counter{}, fmt.Errorf("version %d is not known", b[0])
	}
	if len(b) != stateSize || crc32.ChecksumIEEE(b[:stateSize-4]) != binary.BigEndian.Uint32(b[stateSize-4:]) {
		return counter{}, errors.New("damaged")
	}
	return counter{pulses: binary.BigEndian.Uint64(b[1:]), lost: binary.BigEndian.Uint64(b[9:])}, nil
}
