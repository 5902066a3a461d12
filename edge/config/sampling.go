package config

import (
	"fmt"
	"time"
)

// Align says what the schedule of a sensor hangs on.
type Align string

// The choices.
const (
	ToClock Align = "clock" // the date, in UTC: 15min means :00, :15, :30 and :45
	ToStart Align = "start" // the first reading, which comes at once; the clock may be set as it likes
)

// Power is a line that feeds a sensor while it is read.
type Power struct {
	Pin    string        `yaml:"pin"`                     // GPIO22 or P1_15
	WarmUp time.Duration `yaml:"warm_up" in:"0s..30min"`  // from switching on to the reading
	Active string        `yaml:"active" oneof:"high low"` // the level that feeds; "": high
}

// High reports whether the high level feeds.
func (p *Power) High() bool { return p.Active != "low" }

// Reduction makes one number of several.
type Reduction string

// The reductions.
const (
	Mean   Reduction = "mean"
	Median Reduction = "median"
	Min    Reduction = "min"
	Max    Reduction = "max"
)

// Burst is a series of readings that stands for one.
type Burst struct {
	Count int           `yaml:"count" in:"2..1000"`
	Every time.Duration `yaml:"every" in:"1ms..1min"` // default 100ms
	To    Reduction     `yaml:"to" oneof:"mean median min max"`
}

// Window is what is remembered of the last readings: those of a time, or so many.
type Window struct {
	Over  time.Duration `yaml:"over" in:"1s..31d"`
	Count int           `yaml:"count" in:"2..10000"`
	To    Reduction     `yaml:"to" oneof:"mean median min max"`
}

// maxWindow is how many readings a window remembers at most.
const maxWindow = 10_000

// power checks the line that feeds a sensor, and that those who share it agree.
func (d *decoder) power(at string, s *Sensor) {
	key := below(at, "power")
	if s.Power == nil || !d.sound(key) {
		return
	}
	p := s.Power
	if p.Pin == "" {
		d.fail(key, "names no pin", "{pin: GPIO22, warm_up: 2s}")
		return
	}
	if p.WarmUp >= s.Every {
		d.fail(d.nearest(key, below(key, "warm_up")), fmt.Sprintf("warming up for %s, a sensor that is read every %s would never be off",
			FormatDuration(p.WarmUp), FormatDuration(s.Every)), "leave power out, or read it less often")
	}
	if other, shared := d.feeds[p.Pin]; shared && other.high != p.High() {
		d.fail(key, fmt.Sprintf("feeds with the other level of %s than %s does", p.Pin, other.at), "active: the same for both")
		return
	}
	d.feeds[p.Pin] = feed{at, p.High()}
}

// feed is a line that feeds sensors.
type feed struct {
	at   string // the first sensor
	high bool
}

// burst fills in and checks a series of readings.
func (d *decoder) burst(at string, v *Value, s *Sensor) {
	key := below(at, "burst")
	if v.Burst == nil || !d.sound(key) {
		return
	}
	b := v.Burst
	if b.Every == 0 {
		b.Every = 100 * time.Millisecond
	}
	if b.To == "" {
		b.To = Mean
	}
	took := time.Duration(b.Count-1) * b.Every
	switch {
	case b.Count == 0:
		d.fail(key, "says nothing about how many readings", "{count: 10, every: 100ms, to: mean}")
	case took >= s.Every:
		d.fail(key, fmt.Sprintf("%d readings take %s, and the next one begins after %s", b.Count, FormatDuration(took), FormatDuration(s.Every)),
			"fewer readings, or every: longer for the sensor")
	}
	for i := range s.Values {
		if o := s.Values[i].Burst; o != nil && o.Every != b.Every && o.Every != 0 {
			d.fail(key, fmt.Sprintf("reads every %s, and %s every %s", FormatDuration(b.Every), s.Values[i].Name, FormatDuration(o.Every)),
				"the values of a sensor are read together: the same every for all")
			return
		}
	}
}

// window fills in and checks what is remembered.
func (d *decoder) window(at string, v *Value, s *Sensor) {
	key := below(at, "window")
	if v.Window == nil || !d.sound(key) {
		return
	}
	w := v.Window
	if w.To == "" {
		w.To = Mean
	}
	switch {
	case w.Over == 0 && w.Count == 0:
		d.fail(key, "says nothing about how long", "{over: 5min, to: mean} or {count: 10, to: median}")
	case w.Over != 0 && w.Count != 0:
		d.fail(key, "is both over a time and a count", "one of the two")
	case w.Over != 0 && w.Over < s.Every:
		d.fail(below(key, "over"), fmt.Sprintf("is shorter than the %s between two readings", FormatDuration(s.Every)), "several times every")
	case w.Over/s.Every > maxWindow:
		d.fail(below(key, "over"), fmt.Sprintf("holds more than %d readings", maxWindow), "read less often, or a shorter window")
	}
}

// asking resolves the topic on which a reading is asked for. Several sensors may have one.
func (d *decoder) asking(at string, s *Sensor, v vars) {
	key := d.nearest("defaults.get", below(at, "get"))
	if s.Get == "" || !d.checkTemplate(key, s.Get, []string{"site", "gateway", "sensor"}) {
		return
	}
	s.Get = v.expand(s.Get)
	if d.checkTopicName(d.nearest(at, key), s.Get) {
		d.asked[s.Get] = at
	}
}

// answers refuses to publish where readings are asked for: each would ask for the next.
func (d *decoder) answers() {
	for topic, at := range d.asked {
		if other, ok := d.taken[topic]; ok {
			d.fail(d.nearest(at, below(at, "get")), fmt.Sprintf("readings are asked for on %q, where %s is published", topic, other),
				"get: another topic, such as {site}/{gateway}/{sensor}/get")
		}
	}
}
