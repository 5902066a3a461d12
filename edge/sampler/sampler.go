package sampler

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"skerry/broker"
	"skerry/drivers"
	"skerry/edge/config"
	"skerry/edge/mapping"
)

// Sink is where readings go. Session is one, on the broker. All buses call it.
type Sink interface {
	// Publish hands over the messages of one round. It waits while storage is too slow to take them.
	Publish(ctx context.Context, messages []*broker.Message) error
	// State returns what Keep kept last for a sensor, nil if nothing.
	State(sensor string) []byte
	// Keep keeps the state of a sensor. It may hold on to state. safe is called once, from any goroutine and without waiting for anything,
	// when the state is on the disk, or cannot come there because storage has failed. After an error it is not called. Of several
	// states the earlier is safe first.
	Keep(sensor string, state []byte, safe func()) error
	// Hurry has what is kept written now.
	Hurry()
}

// Options of a Sampler. The zero Options are usable.
type Options struct {
	ClockFloor time.Time        // a time that is certainly past; a reading from before it was made with a clock that was not set
	Clock      Clock            // nil: the system's, which is right
	Present    *mapping.Present // what the values are now is written there; nil: nowhere that others see
	Log        *slog.Logger     // nil: discard
}

// Clock is what knows the date.
type Clock interface {
	Date(at time.Time) (date time.Time, trusted bool) // of a local moment; the moment itself while no date is trusted
	Fix(utc, at time.Time)                            // see drivers.Timekeeper
}

// Sampler asks the sensors of one gateway.
type Sampler struct {
	buses  []*bus
	byName map[string]*bus
	log    *slog.Logger
}

// New prepares the sampler; no device is touched. An error is what is wrong with the sensors of the configuration, see
// SensorErrors.
func New(sensors []config.Sensor, o Options) (*Sampler, error) {
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	present := o.Present
	if present == nil {
		present = mapping.NewPresent()
	}
	s := &Sampler{log: log, byName: map[string]*bus{}}
	shared := map[string]*bus{}
	var errs []error
	for _, c := range sensors {
		m, err := mapping.New(c, o.ClockFloor, present)
		if err != nil {
			errs = append(errs, &SensorError{c.Name, err})
			continue
		}
		b := s.busOf(c, shared)
		b.sensors = append(b.sensors, newSensor(c, m, o.Clock, b.signal, log))
		s.byName[c.Name] = b
	}
	return s, errors.Join(errs...)
}

// busOf returns the bus that a sensor is asked on: that of its neighbours, or a new one.
func (s *Sampler) busOf(c config.Sensor, shared map[string]*bus) *bus {
	key := c.Kind.Bus.String() + " " + c.Bus
	sharing := c.Kind.Bus.Named()
	if b := shared[key]; sharing && b != nil {
		return b
	}
	b := &bus{log: s.log, wake: make(chan struct{}, 1)}
	s.buses = append(s.buses, b)
	if sharing {
		shared[key] = b
	}
	return b
}

// Run asks the sensors until ctx ends, then puts them to rest. It returns within three seconds of that, whatever the drivers do.
func (s *Sampler) Run(ctx context.Context, buses drivers.Buses, sink Sink) {
	var wg sync.WaitGroup
	supplies := newSupplies(buses, s.log)
	defer supplies.close()
	for _, b := range s.buses {
		for _, x := range b.sensors {
			x.buses, x.state, x.supplies = buses, x.remembered(sink), supplies
		}
		wg.Go(func() { b.run(ctx, sink) })
	}
	wg.Wait()
}

// Ask has a sensor read as soon as its bus is free, and what it says published in spite of deadbands. Readings that were asked for
// are a second apart at least, or the sensor's interval if that is shorter: who asks more often waits, and several may get one answer.
func (s *Sampler) Ask(sensor string) {
	b := s.byName[sensor]
	if b == nil {
		return
	}
	for _, x := range b.sensors {
		if x.config.Name == sensor {
			x.wanted.Store(true)
		}
	}
	b.signal()
}

// SensorErrors takes the error of New apart.
func SensorErrors(err error) []*SensorError {
	var all []*SensorError
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			if s, ok := errors.AsType[*SensorError](e); ok {
				all = append(all, s)
			}
		}
	}
	return all
}

// SensorError is what is wrong with the configuration of a sensor; Err is a *drivers.OptionError, one or joined.
type SensorError struct {
	Sensor string
	Err    error
}

func (e *SensorError) Error() string { return "sensor " + e.Sensor + ": " + e.Err.Error() }
func (e *SensorError) Unwrap() error { return e.Err }
