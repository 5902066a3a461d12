package frame

import "encoding/binary"

// profile is a known device.
type profile struct {
	layout layout
	baud   int
	values []value
}

func word(name, unit string, at int, order binary.ByteOrder, scale float64) value {
	return value{name: name, unit: unit, at: at, kind: numbers["uint16"], order: order, scale: scale}
}

const (
	dust   = "µg/m³"
	counts = "1/dL" // the manual: in 0.1 L of air
)

// profiles are the devices that are known, each with the manual of its maker that gives the form.
var profiles = map[string]*profile{
	// "Digital universal particle concentration sensor, PMS5003 series data manual", Plantower, 2016, V2.3, Appendix I: active mode.
	"pms5003": {
		baud: 9600,
		layout: layout{start: []byte{0x42, 0x4D, 0, 28}, length: 32, check: checksums["sum16"], checkFrom: 0, checkAt: 30,
			checkOrder: binary.BigEndian},
		values: []value{
			word("pm1", dust, 10, binary.BigEndian, 1),
			word("pm2_5", dust, 12, binary.BigEndian, 1),
			word("pm10", dust, 14, binary.BigEndian, 1),
			word("pm1_standard", dust, 4, binary.BigEndian, 1),
			word("pm2_5_standard", dust, 6, binary.BigEndian, 1),
			word("pm10_standard", dust, 8, binary.BigEndian, 1),
			word("particles_0_3", counts, 16, binary.BigEndian, 1),
			word("particles_0_5", counts, 18, binary.BigEndian, 1),
			word("particles_1", counts, 20, binary.BigEndian, 1),
			word("particles_2_5", counts, 22, binary.BigEndian, 1),
			word("particles_5", counts, 24, binary.BigEndian, 1),
			word("particles_10", counts, 26, binary.BigEndian, 1),
		},
	},
	// "Intelligent infrared CO2 module (model: MH-Z19B) user's manual", Zhengzhou Winsen Electronics, page 7: command 0x86.
	"mhz19": {
		baud: 9600,
		layout: layout{start: []byte{0xFF, 0x86}, length: 9, check: checksums["neg8"], checkFrom: 1, checkAt: 8,
			request: []byte{0xFF, 0x01, 0x86, 0, 0, 0, 0, 0, 0x79}},
		values: []value{word("co2", "ppm", 2, binary.BigEndian, 1)},
	},
	// "Laser PM2.5 sensor specification, product model SDS011", Nova Fitness, 2015, V1.3: communication protocol.
	"sds011": {
		baud:   9600,
		layout: layout{start: []byte{0xAA, 0xC0}, end: []byte{0xAB}, length: 10, check: checksums["sum8"], checkFrom: 2, checkAt: 8},
		values: []value{
			word("pm2_5", dust, 2, binary.LittleEndian, 0.1),
			word("pm10", dust, 4, binary.LittleEndian, 0.1),
		},
	},
}

func (p *profile) value(name string) (value, bool) {
	for _, v := range p.values {
		if v.name == name {
			return v, true
		}
	}
	return value{}, false
}
