package scan

import (
	"context"
	"encoding/binary"
	"fmt"
	"strconv"
	"time"

	"skerry/drivers"
)

// modbusLines are the settings that devices leave their makers with: what most have, and what the specification asks for ("MODBUS over
// serial line specification and implementation guide V1.02", 2.5.1).
var modbusLines = []struct {
	how  string
	line drivers.SerialConfig
}{
	{"9600 8N1", drivers.SerialConfig{Baud: 9600}},
	{"19200 8E1", drivers.SerialConfig{Baud: 19200, Parity: drivers.EvenParity}},
}

// modbusWait is how long a unit may take to answer. One that takes longer is not found, and what it says late is dropped.
const modbusWait = 300 * time.Millisecond

// findModbus asks units for one holding register, which changes nothing; an exception is an answer too.
func findModbus(ctx context.Context, m Machine, name string, units []byte) (found []string, how string, err error) {
	for _, l := range modbusLines {
		found, err := modbusAt(ctx, m, name, l.line, units)
		if err != nil || len(found) > 0 {
			return found, l.how, err
		}
	}
	return nil, "", nil
}

func modbusAt(ctx context.Context, m Machine, name string, line drivers.SerialConfig, units []byte) (found []string, err error) {
	port, err := m.Serial(name, line)
	if err != nil {
		return nil, err
	}
	defer port.Close()
	for _, unit := range units {
		if err := port.Discard(); err != nil {
			return found, err
		}
		if _, err := port.Write(modbusFrame(unit, 3, 0, 0, 0, 1)); err != nil {
			return found, err
		}
		answer, err := hear(ctx, port, time.Now().Add(modbusWait), func(heard []byte) bool { return answers(heard, unit) })
		if err != nil {
			return found, err
		}
		if answers(answer, unit) {
			found = append(found, strconv.Itoa(int(unit)))
		}
	}
	return found, nil
}

// modbusFrame is a unit, a function and its data, with the checksum behind.
func modbusFrame(b ...byte) []byte { return binary.LittleEndian.AppendUint16(b, modbusCRC(b)) }

// answers finds the answer of a unit: 7 bytes with a register, 5 of an exception. An adapter that repeats what is sent puts that before.
func answers(heard []byte, unit byte) bool {
	for at := range heard {
		for _, size := range []int{7, 5} {
			if at+size > len(heard) {
				continue
			}
			f := heard[at : at+size]
			right := size == 7 && f[1] == 3 && f[2] == 2 || size == 5 && f[1] == 0x83
			if right && f[0] == unit && binary.LittleEndian.Uint16(f[size-2:]) == modbusCRC(f[:size-2]) {
				return true
			}
		}
	}
	return false
}

// modbusCRC is the checksum of Modbus RTU (the same guide, 6.2.2).
func modbusCRC(b []byte) uint16 {
	s := uint16(0xFFFF)
	for _, c := range b {
		s ^= uint16(c)
		for range 8 {
			low := s & 1
			if s >>= 1; low != 0 {
				s ^= 0xA001
			}
		}
	}
	return s
}

// ParseUnits reads "3" or "1..10".
func ParseUnits(text string) ([]byte, error) {
	var first, last int
	if n, err := fmt.Sscanf(text+" ", "%d..%d ", &first, &last); n != 2 || err != nil {
		if first, err = strconv.Atoi(text); err != nil {
			return nil, fmt.Errorf("%q is no range of units (hint: --modbus 1..10, or one: --modbus 3)", text)
		}
		last = first
	}
	if first < 1 || last > 247 || first > last {
		return nil, fmt.Errorf("units are 1 to 247, not %s (hint: --modbus 1..10)", text)
	}
	var units []byte
	for u := first; u <= last; u++ {
		units = append(units, byte(u))
	}
	return units, nil
}
