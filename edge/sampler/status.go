package sampler

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"skerry/drivers"
	"skerry/edge/mapping"
)

// Status is how a sensor fares. It is not changed any more.
type Status struct {
	Name   string
	Driver string
	Bus    string
	Device string // as the driver names it; empty: not found
	Every  time.Duration

	Rounds   uint64    // readings that were tried and, if they had something to say, published
	Answered time.Time // the last time that it said something; zero: never
	Next     time.Time // when it is to be asked again; zero: not asked yet
	Failures int       // in a row
	Failing  time.Time // since when
	Err      error     // of the last reading that was tried; nil: none
	Late     drivers.Lateness

	Raw    []drivers.Reading // of the last time that it said something
	Values []mapping.Look    // what became of them
}

// note makes it part of the status of the sensor how the last call went.
func (x *sensor) note(found outcome) {
	now, s := time.Now(), x.lastStatus()
	s.Err, s.Failures, s.Failing, s.Next = found.err, x.failures, x.failing, now.Add(max(0, x.wait(now)))
	if found.late.Asked > 0 {
		s.Late = found.late
	}
	if found.device != nil {
		s.Device = found.device.String()
	}
	x.status.Store(&s)
}

// noteReadings adds what it said, once that may be told.
func (x *sensor) noteReadings(h *held) {
	s := x.lastStatus()
	s.Rounds = max(s.Rounds, h.round)
	if len(h.readings) > 0 {
		s.Answered, s.Raw = h.came, slices.Clone(h.readings)
	}
	s.Values = x.mapping.Look(nil)
	x.status.Store(&s)
}

// noteStale is for what became of the values without a round.
func (x *sensor) noteStale() {
	s := x.lastStatus()
	s.Values = x.mapping.Look(nil)
	x.status.Store(&s)
}

func (x *sensor) lastStatus() Status {
	if s := x.status.Load(); s != nil {
		return *s
	}
	c := x.config
	return Status{Name: c.Name, Driver: c.Kind.Name, Bus: c.Bus, Every: c.Every}
}

// Statuses are those of all sensors, by name.
func (s *Sampler) Statuses() []Status {
	var all []Status
	for _, b := range s.buses {
		for _, x := range b.sensors {
			all = append(all, x.lastStatus())
		}
	}
	slices.SortFunc(all, func(a, b Status) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// look is how often Read looks whether the reading is there.
const look = 20 * time.Millisecond

// Read has a sensor read as soon as its bus is free, see Ask, and gives what came of it. An error is that there is no such sensor, or
// that ctx ended before; what the sensor has against it stands in Status.Err.
func (s *Sampler) Read(ctx context.Context, sensor string) (Status, error) {
	x := s.sensor(sensor)
	if x == nil {
		var names []string
		for _, c := range s.Statuses() {
			names = append(names, c.Name)
		}
		return Status{}, fmt.Errorf("there is no sensor %s (hint: there is %s)", sensor, strings.Join(names, ", "))
	}
	before := x.rounds.Load()
	s.Ask(sensor)
	for {
		if now := x.lastStatus(); now.Rounds > before {
			return now, nil
		}
		sleep(ctx, look)
		if err := context.Cause(ctx); err != nil {
			return Status{}, err
		}
	}
}

func (s *Sampler) sensor(name string) *sensor {
	for _, b := range s.buses {
		for _, x := range b.sensors {
			if x.config.Name == name {
				return x
			}
		}
	}
	return nil
}
