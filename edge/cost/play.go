package cost

import (
	"encoding/json"
	"math"
	"time"

	"skerry/broker"
	"skerry/drivers"
	"skerry/edge/config"
	"skerry/edge/mapping"
)

const (
	day = 24 * time.Hour
	// Days is how many a month has here.
	Days = 30
)

// midnight begins the day that is played. Which one it is changes nothing but digits.
var midnight = time.Date(2026, 1, 15, 0, 0, 0, 0, time.UTC)

// mode is which of the two figures of a Range is reckoned.
type mode int

const (
	typical mode = iota
	worst
)

// Range is a figure as it will usually be, and as it can be.
type Range struct {
	Typical float64 `json:"typical"`
	Worst   float64 `json:"worst"`
}

// MarshalJSON leaves out digits that mean nothing.
func (r Range) MarshalJSON() ([]byte, error) {
	type plain Range
	return json.Marshal(plain{rounded(r.Typical), rounded(r.Worst)})
}

func rounded(x float64) float64 { return math.Round(x*1000) / 1000 }

func (r *Range) add(o Range) { r.Typical, r.Worst = r.Typical+o.Typical, r.Worst+o.Worst }

// above is how much more the range is than another one.
func (r Range) above(o Range) Range {
	return Range{max(r.Typical-o.Typical, 0), max(r.Worst-o.Worst, 0)}
}

func (r *Range) in(m mode) *float64 {
	if m == worst {
		return &r.Worst
	}
	return &r.Typical
}

// Times is both figures, so many times.
func (r Range) Times(n float64) Range { return Range{n * r.Typical, n * r.Worst} }

// player is a sensor that is read without a device.
type player struct {
	sensor  config.Sensor
	mapping *mapping.Sensor
	courses []course
	next    time.Duration // of a trace: its next tick
}

// players are all sensors of a station, each read once already, so that derived values know their inputs.
func players(c *config.Config, present *mapping.Present, at time.Duration) ([]*player, error) {
	var all []*player
	for _, s := range c.Sensors {
		m, err := mapping.New(s, time.Time{}, present)
		if err != nil {
			return nil, err
		}
		all = append(all, &player{sensor: s, mapping: m, courses: courses(s)})
	}
	for range 2 { // derived values may lean on sensors that come later
		for _, p := range all {
			p.read(at, typical)
		}
	}
	return all, nil
}

// read is one reading of the sensor, and what is published of it.
func (p *player) read(since time.Duration, m mode) []*broker.Message {
	date := midnight.Add(since + jitter(p.sensor.Name, since))
	readings := make([]drivers.Reading, 0, len(p.courses))
	for i := range p.courses {
		readings = append(readings, p.courses[i].at(since, date))
	}
	if m == worst {
		p.mapping.Ask()
	}
	return p.mapping.Messages(nil, midnight.Add(since), readings)
}

// jitter is how long after its tick a reading has its time: what the device takes to measure, which is its own, and a millisecond or two of the machine. Stations
// that run with the clock of a machine show this: three of four readings of a device have the same milliseconds.
func jitter(name string, since time.Duration) time.Duration {
	h := uint64(since/time.Millisecond) * 0x9e3779b97f4a7c15
	machine := [...]time.Duration{0, 0, 0, 0, 0, 1, 1, 3}[h>>61]
	device := uint64(17)
	for _, r := range []byte(name) {
		device = (device*31 + uint64(r)) % 193
	}
	return time.Duration(device)*time.Millisecond + machine*time.Millisecond
}

// perDay is how often the sensor is read.
func (p *player) perDay() float64 { return float64(day) / float64(p.sensor.Every) }

const (
	stretches = 24  // parts of a day of which some readings are played
	most      = 120 // readings of one
)

// playDay plays the readings of a day, or enough of them, and gives each tick with how many ticks of a day it stands for. The first reading of a stretch is
// not told of: what has changed since the one before it says nothing about a change within every.
func (p *player) playDay(m mode, tick func(weight float64, since time.Duration, messages []*broker.Message)) {
	every := p.sensor.Every
	n := int(min(p.perDay()/stretches, most))
	if m == worst {
		n = min(n, 4)
	}
	if n < 4 { // it is read seldom: each reading of two days
		for since := every; since <= max(2*day, 4*every); since += every {
			if messages := p.read(since, m); len(messages) > 0 {
				tick(p.perDay()/float64(max(2*day, 4*every)/every), since, messages)
			}
		}
		return
	}
	weight := p.perDay() / float64(stretches*n)
	for stretch := range stretches {
		begin := (day / stretches * time.Duration(stretch)).Truncate(every)
		p.read(begin, m)
		for i := range n {
			since := begin + time.Duration(i+1)*every
			if messages := p.read(since, m); len(messages) > 0 {
				tick(weight, since, messages)
			}
		}
	}
}

// heartbeats is how often a topic is published in a day in spite of any deadband.
func (p *player) heartbeats(topic string) (n float64) {
	for i := range p.sensor.Values {
		v := &p.sensor.Values[i]
		at := v.Topic
		if at == "" {
			at = p.sensor.Topic
		}
		if at == topic && v.Heartbeat > 0 {
			n = max(n, float64(day)/float64(max(v.Heartbeat, p.sensor.Every)))
		}
	}
	return min(n, p.perDay())
}

// event is a tick of a trace.
type event struct {
	at       time.Duration // since the trace began
	messages []*broker.Message
}

const (
	traceBegin    = 10*time.Hour + time.Millisecond // most values change as they do on average then; and not at an hour, when more happens at once
	traceMessages = 4096
	traceReadings = 20_000
	traceBytes    = 512 << 10 // of what other clients are expected to publish
)

// trace plays all sensors side by side from the morning on, for a day or until there are many messages or readings, and tells how long that was.
func trace(all []*player, m mode) (events []event, long time.Duration) {
	for _, p := range all {
		p.next = traceBegin.Truncate(p.sensor.Every) + p.sensor.Every
	}
	for n, readings := 0, 0; n < traceMessages && readings < traceReadings && len(all) > 0; readings++ {
		p := all[0]
		for _, other := range all[1:] {
			if other.next < p.next {
				p = other
			}
		}
		if p.next > traceBegin+day {
			return events, day
		}
		long = p.next - traceBegin
		if messages := p.read(p.next, m); len(messages) > 0 {
			events = append(events, event{long, messages})
			n += len(messages)
		}
		p.next += p.sensor.Every
	}
	if len(all) == 0 {
		return nil, day
	}
	return events, max(long, time.Second)
}
