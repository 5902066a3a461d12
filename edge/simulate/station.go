package simulate

import (
	"cmp"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"sync"
	"time"

	"skerry/board/sim"
	"skerry/drivers"
	"skerry/edge/config"
	"skerry/edge/mapping"
)

// Station is what a scenario plays around one gateway.
type Station struct {
	config   *config.Config
	scenario *config.Scenario
	log      *slog.Logger
	sensors  []*source
	faults   []*fault
	upstream *upstream // nil: no server stands in for those of the uplinks

	mu    sync.Mutex
	began time.Time     // zero: not open
	start time.Duration // time of day then, in the scenario
}

// New prepares a station, and touches nothing. The error is config.Errors: what of the scenario cannot be played.
func New(c *config.Config, s *config.Scenario, log *slog.Logger) (*Station, error) {
	x := &Station{config: c, scenario: s, log: cmp.Or(log, slog.New(slog.DiscardHandler))}
	var wrong config.Errors
	for _, sensor := range c.Sensors {
		src, errs := x.source(sensor)
		x.sensors = append(x.sensors, src)
		wrong = append(wrong, errs...)
	}
	// A board that is thrown away tells whether all of it can be connected, and which faults there can be.
	b := newBench(x)
	wrong = append(wrong, b.connect()...)
	b.board.Close()
	for _, f := range s.Faults {
		if err := b.possible(f); err != nil {
			wrong = append(wrong, err)
		}
		x.faults = append(x.faults, &fault{Fault: f})
	}
	if len(wrong) > 0 {
		wrong.Sort()
		return nil, wrong
	}
	if len(c.Uplinks) > 0 && s.Upstream != nil {
		x.upstream = newUpstream(s.Upstream.TCP, x.log)
	}
	return x, nil
}

// Open starts the time of the scenario, and gives the board. The board belongs to the caller.
func (x *Station) Open() (*sim.Board, error) {
	x.begin(time.Now())
	for i, s := range x.sensors {
		x.sensors[i], _ = x.source(s.Sensor) // what New has looked at has used up some of its time
	}
	b := newBench(x)
	if wrong := b.connect(); len(wrong) > 0 {
		return nil, wrong
	}
	for _, f := range x.faults {
		f.bench = b
	}
	x.befall()
	return b.board, nil
}

func (x *Station) begin(now time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.began = now
	if s := x.scenario.Start; s != nil {
		x.start = time.Duration(*s)
		return
	}
	hour, minute, second := now.Clock()
	x.start = time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute + time.Duration(second)*time.Second
}

// at is a moment by the clock of the scenario.
func (x *Station) at(now time.Time) instant {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.began.IsZero() {
		return instant{clock: x.start}
	}
	passed := now.Sub(x.began)
	since := time.Duration(min(float64(passed)*x.scenario.Speed, math.MaxInt64/2)) // centuries later it stands still
	return instant{since: since, clock: x.start + since, tick: uint64(passed / (50 * time.Millisecond))}
}

// source is what is true at one sensor.
type source struct {
	config.Sensor
	station *Station
	values  map[string]config.Value
	signals map[string]signal // as published, where the scenario names them; or else as the device says it
	texts   map[string]string
	given   map[string]bool // named by the scenario
}

// source makes the signals of a sensor. Of those that the scenario does not name the usual course is taken.
func (x *Station) source(c config.Sensor) (*source, config.Errors) {
	s := &source{Sensor: c, station: x, values: map[string]config.Value{}, signals: map[string]signal{}, texts: map[string]string{}, given: map[string]bool{}}
	for _, v := range c.Values {
		s.values[v.Name] = v
	}
	docs := c.Kind.Values
	if c.Kind.Declare != nil {
		docs = slices.Concat(docs, c.Kind.Declare(c.Setup))
	}
	for _, doc := range docs {
		if _, ok := s.values[doc.Name]; !ok {
			s.values[doc.Name] = config.Value{Name: doc.Name, Doc: doc, Unit: doc.Unit, Multiply: 1}
		}
	}
	var wrong config.Errors
	p := players[c.Driver]
	for name, sig := range x.scenario.Sensors[c.Name] {
		if why := p.cannot(name, c.Setup.Values[name]); why != "" {
			wrong = append(wrong, x.scenario.Wrong(sig.Key, "cannot be played: "+why, "leave it out"))
		}
		s.given[name] = true
		if sig.IsText() {
			s.texts[name] = sig.Text
			continue
		}
		s.signals[name] = compile(sig, x.scenario.Seed)
	}
	for name, v := range s.values {
		if s.signals[name] == nil && !v.Doc.Text {
			s.signals[name] = compile(usual(c, v), x.scenario.Seed)
		}
	}
	return s, wrong
}

// device is what the device says of a value at a moment: what calibrations and the like turn into its signal.
func (s *source) device(value string, at instant) float64 {
	f := s.signals[value]
	if f == nil {
		return 0
	}
	if v, ok := s.values[value]; ok && s.given[value] {
		return mapping.Device(v, f(at))
	}
	return f(at)
}

// number is the same at a moment of the machine.
func (s *source) number(value string, now time.Time) float64 {
	return s.device(value, s.station.at(now))
}

// now is number at this moment.
func (s *source) now(value string) float64 { return s.number(value, time.Now()) }

// text is what a value that is a text says.
func (s *source) text(value string) string { return cmp.Or(s.texts[value], "simulated") }

// wrong places what of the configuration cannot be played.
func (s *source) wrong(err error) config.Errors {
	return s.station.config.WrongSensor(s.Name, &drivers.OptionError{Problem: "cannot be played: " + err.Error(), Hint: "leave the sensor out of a simulated station"})
}

// find gives the source of a sensor.
func (x *Station) find(name string) *source {
	i := slices.IndexFunc(x.sensors, func(s *source) bool { return s.Name == name })
	if i < 0 {
		panic(fmt.Sprintf("simulate: no sensor %q", name)) // config.LoadScenario has looked
	}
	return x.sensors[i]
}
