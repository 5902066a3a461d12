package sim

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// SDI12 is a bus of SDI-12 sensors behind an adapter that takes commands as text, after the specification, version 1.4.
type SDI12 struct {
	Sensors map[byte]*SDI12Sensor // by address
	heard   []byte
}

// SDI12Sensor is one of them.
type SDI12Sensor struct {
	Identity string                       // what it says to aI!, behind the address
	Measure  func(which string) []float64 // the values of a measurement: "", "1" ... "9"; of the continuous ones "R0" ...
	Ready    time.Duration                // how long it takes
	Split    int                          // how many values it puts into one answer; 0: 3
	pieces   []string                     // of the last measurement
	crc      bool                         // the last measurement was asked for with a CRC
}

// Hear takes what was written to the adapter, and says the answers.
func (d *SDI12) Hear(written []byte, say func(after time.Duration, text string)) {
	for _, c := range written {
		switch {
		case c <= ' ':
		case c == '!':
			d.command(string(d.heard), say)
			d.heard = d.heard[:0]
		case len(d.heard) < 80:
			d.heard = append(d.heard, c)
		}
	}
}

func (d *SDI12) command(command string, say func(time.Duration, string)) {
	if command == "" {
		return
	}
	for a, s := range d.Sensors {
		if a == command[0] || command == "?" {
			s.command(string(a), command[1:], say)
		}
	}
}

// command is what a sensor does. What it does not know it leaves unanswered.
func (s *SDI12Sensor) command(a, command string, say func(time.Duration, string)) {
	end := func(after time.Duration, text string) { say(after, a+text+"\r\n") }
	name, crc := command, false
	if len(command) > 1 && strings.Contains("MCR", command[:1]) && command[1] == 'C' {
		name, crc = command[:1]+command[2:], true
	}
	switch {
	case command == "":
		end(0, "")
	case command == "I":
		end(0, s.Identity)
	case strings.HasPrefix(name, "M"), strings.HasPrefix(name, "C"):
		s.start(name, crc, end)
	case len(command) == 2 && command[0] == 'D':
		end(0, s.piece(a, int(command[1]-'0')))
	case strings.HasPrefix(name, "R"):
		s.crc = crc
		s.pieces = []string{written(s.Measure(name))}
		end(0, s.piece(a, 0))
	}
}

// start measures: the data are there at once, and said to be ready later.
func (s *SDI12Sensor) start(name string, crc bool, end func(time.Duration, string)) {
	values := s.Measure(name[1:])
	seconds := int(math.Ceil(s.Ready.Seconds()))
	s.crc, s.pieces = crc, nil
	split := s.Split
	if split == 0 {
		split = 3
	}
	for i := 0; i < len(values); i += split {
		s.pieces = append(s.pieces, written(values[i:min(i+split, len(values))]))
	}
	if name[0] == 'C' {
		end(0, fmt.Sprintf("%03d%02d", seconds, len(values)))
		return
	}
	end(0, fmt.Sprintf("%03d%d", seconds, len(values)))
	if seconds > 0 {
		end(s.Ready, "")
	}
}

// piece is the answer to aD0! and the following.
func (s *SDI12Sensor) piece(a string, n int) string {
	text := ""
	if n >= 0 && n < len(s.pieces) {
		text = s.pieces[n]
	}
	if s.crc {
		text += sdi12CRC(a + text)
	}
	return text
}

// written gives values as the bus has them: a sign before each, seven digits at most.
func written(values []float64) string {
	var b strings.Builder
	for _, v := range values {
		fmt.Fprintf(&b, "%+.4f", v)
	}
	return b.String()
}

// sdi12CRC is that of the specification's section on cyclic redundancy checks.
func sdi12CRC(s string) string {
	sum := 0
	for i := range len(s) {
		sum ^= int(s[i])
		for range 8 {
			sum = sum>>1 ^ sum&1*0xA001
		}
	}
	return string([]byte{byte(0x40 | sum>>12), byte(0x40 | sum>>6&0x3F), byte(0x40 | sum&0x3F)})
}

// newSDI12 is a gauge for the level of a river at address 0, and a probe for soil at address 1.
func newSDI12() *SDI12 {
	wave := func(period, phase float64) float64 {
		return math.Sin(2*math.Pi*float64(time.Now().UnixMilli())/1000/period + phase)
	}
	return &SDI12{Sensors: map[byte]*SDI12Sensor{
		'0': {Identity: "14SKERRY  GAUGE 100simulated", Ready: time.Second, Measure: func(string) []float64 {
			return []float64{1.82 + 0.2*wave(6*3600, 0) + 0.004*wave(17, 1), 11.5 + 2*wave(86400, -2)}
		}},
		'1': {Identity: "13SKERRY  SOIL  210", Measure: func(string) []float64 {
			return []float64{27.5 + 3*wave(9*3600, 0), 13 + 4*wave(86400, -2.5), 0.41 + 0.01*wave(61, 0), 3.2}
		}},
	}}
}
