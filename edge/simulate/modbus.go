package simulate

import (
	"maps"
	"net"
	"sync"
	"time"

	"skerry/board/sim"
	"skerry/drivers/modbus"
	"skerry/drivers/modbus/modbustest"
)

// turnaround is how long a device thinks before it answers.
const turnaround = 5 * time.Millisecond

// modbusLine is a serial line, or a device on the network that stands for one.
type modbusLine struct {
	slave modbustest.Slave

	mu      sync.Mutex
	devices map[byte]*modbusDevice
	heard   []byte
}

// modbusDevice is one device with the values of all sensors that read it.
type modbusDevice struct {
	modbustest.Device
	parts []func() modbus.Entries
	late  time.Duration
	other bool // it is another one: it has nothing of what it is asked for
}

// registers plays a device that speaks Modbus.
func registers(b *bench, s *source) (*handle, error) {
	l, err := modbus.LayoutOf(s.Setup)
	if err != nil {
		return nil, err
	}
	line := b.lineOf(s.Setup.Bus, l)
	unit := l.Unit
	d := line.device(unit)
	d.parts = append(d.parts, func() modbus.Entries { return l.Entries(s.now, s.text) })
	away := func(on bool) {
		if on {
			line.slave.Set(unit, nil)
			return
		}
		line.slave.Set(unit, &d.Device)
	}
	h := &handle{unplug: away, silence: away, hang: away,
		wrong: func(on bool) { line.slave.Change(func(map[byte]*modbustest.Device) { d.other = on }) },
		late: func(by time.Duration) {
			line.mu.Lock()
			defer line.mu.Unlock()
			d.late = by
		}}
	if l.TCP != "" {
		h.unplug = func(on bool) { b.board.Cut(l.TCP, on) }
	}
	return h, nil
}

// lineOf is the line of a sensor, made when its first device is.
func (b *bench) lineOf(bus string, l *modbus.Layout) *modbusLine {
	key := bus + " " + l.TCP
	if line := b.lines[key]; line != nil {
		return line
	}
	line := &modbusLine{devices: map[byte]*modbusDevice{}}
	b.lines[key] = line
	switch {
	case l.TCP == "":
		b.board.Connect(bus, sim.Talk{Hear: line.hear})
	case l.RTU:
		b.board.Host(l.TCP, func(c net.Conn) {
			line.slave.Serve(c, func(request, answer []byte) []modbustest.Piece {
				return []modbustest.Piece{{After: line.delay(request[0]), Bytes: answer}}
			})
		})
	default:
		b.board.Host(l.TCP, func(c net.Conn) {
			line.slave.ServeTCP(c, func(message []byte) [][]byte {
				time.Sleep(line.delay(message[6]))
				return [][]byte{message}
			})
		})
	}
	return line
}

func (m *modbusLine) delay(unit byte) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	if d := m.devices[unit]; d != nil {
		return turnaround + d.late
	}
	return turnaround
}

// hear takes what was written to the line, and says the replies. Whoever is asked is there: only those are that the configuration names.
func (m *modbusLine) hear(written []byte, say func(after time.Duration, text string)) {
	m.heard = modbustest.Requests(append(m.heard, written...), func(frame []byte) {
		m.device(frame[0])
		if reply := m.slave.RTU(frame); reply != nil {
			say(m.delay(frame[0]), string(reply))
		}
	})
	m.heard = m.heard[max(0, len(m.heard)-256):]
}

// The functions of Modbus that read and write ("MODBUS Application Protocol V1.1b3", 6.1 to 6.12), and what a device says to an address
// that it does not have.
const (
	readCoils, readDiscretes   = 1, 2
	writeCoil, writeCoils      = 5, 15
	writeRegister, writeSeries = 6, 16

	illegalAddress = 2
)

// device is the one with a unit id. Each request finds all numbers of one moment. What no sensor reads is 0 until somebody writes it.
func (m *modbusLine) device(unit byte) *modbusDevice {
	m.mu.Lock()
	defer m.mu.Unlock()
	if d := m.devices[unit]; d != nil {
		return d
	}
	d := &modbusDevice{}
	d.Holding, d.Input, d.Coils, d.Discretes = map[uint16]uint16{}, map[uint16]uint16{}, map[uint16]bool{}, map[uint16]bool{}
	d.Refuse = func(function byte, address, count uint16) byte {
		if d.other {
			return illegalAddress
		}
		d.fill()
		switch function {
		case readCoils, writeCoil, writeCoils:
			exist(d.Coils, address, count)
		case readDiscretes:
			exist(d.Discretes, address, count)
		case writeRegister, writeSeries:
			exist(d.Holding, address, count)
		}
		return 0
	}
	d.Fill = func(byte, uint16) (uint16, bool) { return 0, true }
	m.devices[unit] = d
	m.slave.Set(unit, &d.Device)
	return d
}

// exist has a table have what is asked for.
func exist[T any](table map[uint16]T, address, count uint16) {
	for i := range count {
		if _, there := table[address+i]; !there {
			var zero T
			table[address+i] = zero
		}
	}
}

// fill lays out what the sensors read.
func (d *modbusDevice) fill() {
	for _, part := range d.parts {
		e := part()
		maps.Copy(d.Holding, e[modbus.Holding])
		maps.Copy(d.Input, e[modbus.Input])
		setBits(d.Coils, e[modbus.Coil])
		setBits(d.Discretes, e[modbus.Discrete])
	}
}

func setBits(table map[uint16]bool, words map[uint16]uint16) {
	for at, word := range words {
		table[at] = word != 0
	}
}
