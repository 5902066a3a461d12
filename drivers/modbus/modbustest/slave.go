package modbustest

import (
	"encoding/binary"
	"math"
	"sync"
)

// Device is one device with its tables. A register that is in none is an illegal address, unless Fill makes it up.
type Device struct {
	Coils, Discretes map[uint16]bool
	Holding, Input   map[uint16]uint16
	// Fill makes up registers that are not in the maps; false: there is none. Nil: there are none.
	Fill func(function byte, address uint16) (uint16, bool)
	// Refuse gives an exception before anything else; 0: none. May be nil.
	Refuse func(function byte, address, count uint16) byte
	// Most is how many registers it gives at once; 0: 125.
	Most uint16
	// Lacks are functions for writing that it does not know.
	Lacks map[byte]bool
	// Deaf: it confirms what it is to write, and does not do it.
	Deaf bool
	// Writes counts what was written.
	Writes int
}

// SetFloat puts a number of four bytes into two input registers.
func (d *Device) SetFloat(address uint16, n float64) {
	if d.Input == nil {
		d.Input = map[uint16]uint16{}
	}
	bits := math.Float32bits(float32(n))
	d.Input[address], d.Input[address+1] = uint16(bits>>16), uint16(bits)
}

// Slave is the devices that answer on one line.
type Slave struct {
	mu      sync.Mutex
	devices map[byte]*Device
	asked   int
}

// Set puts a device on the line; nil takes it away.
func (s *Slave) Set(unit byte, d *Device) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.devices == nil {
		s.devices = map[byte]*Device{}
	}
	if d == nil {
		delete(s.devices, unit)
		return
	}
	s.devices[unit] = d
}

// Change gives the devices to f while nobody is answered.
func (s *Slave) Change(f func(devices map[byte]*Device)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s.devices)
}

// Asked counts the requests that were for one of the devices.
func (s *Slave) Asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// Answer gives the reply to a request without address and checksum; nil: no such device.
func (s *Slave) Answer(unit byte, pdu []byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.devices[unit]
	if d == nil || len(pdu) == 0 {
		return nil
	}
	s.asked++
	if answer, ok := d.write(pdu); ok {
		return answer
	}
	if len(pdu) != 5 || pdu[0] < 1 || pdu[0] > 4 {
		return []byte{pdu[0] | 0x80, 1}
	}
	data, exception := d.read(pdu[0], binary.BigEndian.Uint16(pdu[1:]), binary.BigEndian.Uint16(pdu[3:]))
	if exception != 0 {
		return []byte{pdu[0] | 0x80, exception}
	}
	return append([]byte{pdu[0], byte(len(data))}, data...)
}

func (d *Device) read(function byte, address, count uint16) (data []byte, exception byte) {
	if d.Refuse != nil {
		if e := d.Refuse(function, address, count); e != 0 {
			return nil, e
		}
	}
	most := uint16(2000)
	if function > 2 {
		if most = 125; d.Most != 0 {
			most = d.Most
		}
	}
	switch {
	case count == 0 || count > most:
		return nil, 3
	case int(address)+int(count) > 1<<16:
		return nil, 2
	case function <= 2:
		return d.readBits(function, address, count)
	}
	for i := range count {
		n, ok := d.register(function, address+i)
		if !ok {
			return nil, 2
		}
		data = binary.BigEndian.AppendUint16(data, n)
	}
	return data, 0
}

func (d *Device) register(function byte, address uint16) (uint16, bool) {
	table := d.Holding
	if function == 4 {
		table = d.Input
	}
	if n, ok := table[address]; ok || d.Fill == nil {
		return n, ok
	}
	return d.Fill(function, address)
}

func (d *Device) readBits(function byte, address, count uint16) (data []byte, exception byte) {
	table := d.Coils
	if function == 2 {
		table = d.Discretes
	}
	data = make([]byte, (count+7)/8)
	for i := range count {
		on, ok := table[address+i]
		if !ok {
			return nil, 2
		}
		if on {
			data[i/8] |= 1 << (i % 8)
		}
	}
	return data, 0
}

// RTU gives the reply to a frame; nil: it is damaged, or for nobody here.
func (s *Slave) RTU(frame []byte) []byte {
	if len(frame) < 4 || binary.LittleEndian.Uint16(frame[len(frame)-2:]) != CRC(frame[:len(frame)-2]) {
		return nil
	}
	pdu := s.Answer(frame[0], frame[1:len(frame)-2])
	if pdu == nil {
		return nil
	}
	return Frame(append([]byte{frame[0]}, pdu...)...)
}

// Frame appends the checksum.
func Frame(b ...byte) []byte { return binary.LittleEndian.AppendUint16(b, CRC(b)) }

// CRC of a frame, bit by bit.
func CRC(frame []byte) uint16 {
	c := uint16(0xFFFF)
	for _, b := range frame {
		c ^= uint16(b)
		for range 8 {
			carry := c & 1
			if c >>= 1; carry != 0 {
				c ^= 0xA001
			}
		}
	}
	return c
}

// requestSize is that of every request for function 1 to 6. Of functions 15 and 16 it says itself how long it is.
const requestSize = 8

func sizeOf(b []byte) int {
	if b[1] == 15 || b[1] == 16 {
		return 9 + int(b[6])
	}
	return requestSize
}

// Requests finds the requests in what was written to a line. It gives what is left.
func Requests(b []byte, each func(frame []byte)) []byte {
	for len(b) >= requestSize {
		n := sizeOf(b)
		if n > len(b) {
			return b
		}
		if binary.LittleEndian.Uint16(b[n-2:]) != CRC(b[:n-2]) {
			b = b[1:]
			continue
		}
		each(b[:n:n])
		b = b[n:]
	}
	return b
}
