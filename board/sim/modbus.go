package sim

import (
	"math"
	"time"

	"skerry/drivers/modbus/modbustest"
)

// Modbus is a line with devices that speak Modbus RTU.
type Modbus struct {
	Slave modbustest.Slave
	heard []byte
}

// turnaround is how long a device thinks before it answers.
const turnaround = 5 * time.Millisecond

// Hear takes what was written to the line, and says the replies.
func (m *Modbus) Hear(written []byte, say func(after time.Duration, text string)) {
	m.heard = modbustest.Requests(append(m.heard, written...), func(frame []byte) {
		if reply := m.Slave.RTU(frame); reply != nil {
			say(turnaround, string(reply))
		}
	})
	m.heard = m.heard[max(0, len(m.heard)-256):]
}

// newModbus has an electricity meter, an Eastron SDM120, with unit_id 1, and a heat meter with unit_id 2, whose 32 coils, and holding
// registers from 300 to 307, can be written.
func newModbus() *Modbus {
	m := new(Modbus)
	m.Slave.Set(1, &modbustest.Device{Fill: electricity})
	heat := &modbustest.Device{Fill: heat, Coils: map[uint16]bool{}, Holding: map[uint16]uint16{}}
	for i := range uint16(32) {
		heat.Coils[i] = i == 3
	}
	for i := range uint16(8) {
		heat.Holding[300+i] = 0
	}
	m.Slave.Set(2, heat)
	return m
}

// wave is a slow change between -1 and 1.
func wave(period, phase float64) float64 {
	return math.Sin(2*math.Pi*float64(time.Now().UnixMilli())/1000/period + phase)
}

// electricity is the table of input registers of the meter: a number of four bytes at each even address, 0 where there is none. A
// holding register says which meter it is.
func electricity(function byte, address uint16) (uint16, bool) {
	if function == 3 && address == 0xFC02 {
		return 32, true
	}
	if function != 4 || address >= 0x0200 {
		return 0, false
	}
	voltage, current := 230+3*wave(600, 0), 4.2+2*wave(300, 1)+0.1*wave(17, 0)
	n := map[uint16]float64{0x0000: voltage, 0x0006: current, 0x000C: voltage * current * 0.98, 0x0012: voltage * current,
		0x0018: -voltage * current * 0.2, 0x001E: 0.98, 0x0046: 50 + 0.03*wave(120, 0), 0x0048: consumed(), 0x0054: 900, 0x0156: consumed()}
	bits := math.Float32bits(float32(n[address&^1]))
	if address%2 == 0 {
		return uint16(bits >> 16), true
	}
	return uint16(bits), true
}

// consumed is an energy in kWh that grows by about a kilowatt.
func consumed() float64 { return float64(time.Now().Unix()%1e8) / 3600 }

// heat is the tables of the heat meter: two temperatures in tenths of a degree, and an energy with the low register first.
func heat(function byte, address uint16) (uint16, bool) {
	energy := uint32(10 * consumed())
	switch {
	case function == 4 && address == 0:
		return uint16(620 + 30*wave(900, 0)), true
	case function == 4 && address == 1:
		return uint16(410 + 20*wave(900, -0.5)), true
	case function == 3 && address == 100:
		return uint16(energy), true
	case function == 3 && address == 101:
		return uint16(energy >> 16), true
	}
	return 0, address < 200
}
