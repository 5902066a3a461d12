package sampler_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker"
	"skerry/drivers"
	"skerry/edge/config"
	"skerry/edge/sampler"
)

// device is a sensor that does what a test says.
type device struct {
	sense func(ctx context.Context, n int) (float64, error) // n counts from 1
	found func(n int) error                                 // nil: it is always there

	mu     sync.Mutex
	looked int
	asked  []time.Time
	halted int
}

func (d *device) String() string { return "a device of this test" }

func (d *device) Sense(ctx context.Context, dst []drivers.Reading) ([]drivers.Reading, error) {
	d.mu.Lock()
	d.asked = append(d.asked, time.Now())
	n := len(d.asked)
	d.mu.Unlock()
	x, err := d.sense(ctx, n)
	if err != nil {
		return dst, err
	}
	return append(dst, drivers.Number("temperature", x, "°C", time.Now())), nil
}

func (d *device) Halt() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.halted++
	return nil
}

// times are the moments the device was asked, as seconds since start.
func (d *device) times(start time.Time) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []string
	for _, t := range d.asked {
		all = append(all, fmt.Sprint(t.Sub(start).Seconds()))
	}
	return strings.Join(all, " ")
}

// counter is a device with a state: how often it was asked in all its lives.
type counter struct {
	device
	total int
}

func (c *counter) Sense(ctx context.Context, dst []drivers.Reading) ([]drivers.Reading, error) {
	c.total++
	return append(dst, drivers.Number("temperature", float64(c.total), "°C", time.Now())), nil
}

func (c *counter) State() []byte { return fmt.Append(nil, c.total) }

func (c *counter) Restore(state []byte) error {
	_, err := fmt.Sscan(string(state), &c.total)
	return err
}

func (d *device) look() error {
	d.mu.Lock()
	d.looked++
	n := d.looked
	d.mu.Unlock()
	if d.found == nil {
		return nil
	}
	return d.found(n)
}

// on makes a sensor of the configuration out of a device. Bus "": it shares none.
func on(bus, name string, every time.Duration, d drivers.Sensor) config.Sensor {
	kind := drivers.NoBus
	if bus != "" {
		kind = drivers.I2CBus
	}
	doc := drivers.ValueDoc{Name: "temperature", Unit: "°C"}
	return config.Sensor{
		Name: name, Bus: bus, Every: every, Stale: 5 * every, Payload: config.Bare, QoS: 1, Retain: true,
		Kind: drivers.Kind{Name: "fake", Bus: kind, Values: []drivers.ValueDoc{doc},
			New: func(context.Context, drivers.Buses, drivers.Setup) (drivers.Sensor, error) {
				if f, ok := d.(interface{ look() error }); ok {
					if err := f.look(); err != nil {
						return nil, err
					}
				}
				return d, nil
			}},
		Values: []config.Value{{Name: "temperature", Doc: doc, Unit: "°C", Multiply: 1, Topic: name,
			Payload: config.Bare, QoS: 1, Retain: true}},
	}
}

// sink notes what is published and kept.
type sink struct {
	publish func(ctx context.Context) error // nil: it takes everything
	keep    func() error                    // nil: it keeps everything
	slow    bool                            // what is kept is not safe before write is called
	late    bool                            // Hurry does not help

	mu    sync.Mutex
	safe  []func()
	lines []string // "topic payload", "keep sensor state"
	state map[string][]byte
}

func (s *sink) Publish(ctx context.Context, messages []*broker.Message) error {
	if s.publish != nil {
		if err := s.publish(ctx); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range messages {
		s.lines = append(s.lines, fmt.Sprintf("%s %s", m.TopicName, m.Payload))
	}
	return nil
}

func (s *sink) State(sensor string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state[sensor]
}

func (s *sink) Keep(sensor string, state []byte, safe func()) error {
	if s.keep != nil {
		if err := s.keep(); err != nil {
			return err
		}
	}
	s.mu.Lock()
	s.state[sensor] = bytes.Clone(state)
	s.lines = append(s.lines, fmt.Sprintf("keep %s %s", sensor, state))
	s.safe = append(s.safe, safe)
	s.mu.Unlock()
	if !s.slow {
		s.write()
	}
	return nil
}

// write makes safe what was kept.
func (s *sink) write() {
	s.mu.Lock()
	safe := s.safe
	s.safe = nil
	s.mu.Unlock()
	for _, f := range safe {
		f()
	}
}

func (s *sink) Hurry() {
	s.mu.Lock()
	s.lines = append(s.lines, "hurry")
	s.mu.Unlock()
	if !s.late {
		s.write()
	}
}

// take returns what was noted since the last take.
func (s *sink) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	lines := s.lines
	s.lines = nil
	return strings.Join(lines, ", ")
}

// station runs a sampler in the bubble of a test.
type station struct {
	t     *testing.T
	sink  *sink
	start time.Time
	log   bytes.Buffer
	mu    sync.Mutex
	end   context.CancelFunc
	ask   func(sensor string)
	ended chan struct{}
}

func (s *station) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Write(p)
}

// takeLog returns the messages logged since the last takeLog, as "LEVEL message err".
func (s *station) takeLog() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := strings.TrimSuffix(s.log.String(), "\n")
	s.log.Reset()
	return text
}

func logger(w *station) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "stack" {
			return slog.Attr{}
		}
		return a
	}}))
}

// launch runs a sampler from now on.
func launch(t *testing.T, to *sink, sensors ...config.Sensor) *station {
	t.Helper()
	return launchOn(t, nil, to, sensors...)
}

// launchOn runs a sampler on a machine.
func launchOn(t *testing.T, machine drivers.Buses, to *sink, sensors ...config.Sensor) *station {
	t.Helper()
	s := &station{t: t, sink: to, start: time.Now(), ended: make(chan struct{})}
	x, err := sampler.New(sensors, sampler.Options{Log: logger(s)})
	if err != nil {
		t.Fatal(err)
	}
	if to.state == nil {
		to.state = map[string][]byte{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	s.end, s.ask = cancel, x.Ask
	go func() {
		defer close(s.ended)
		x.Run(ctx, machine, to)
	}()
	synctest.Wait()
	return s
}

// until lets time pass up to a moment after the start.
func (s *station) until(d time.Duration) {
	time.Sleep(time.Until(s.start.Add(d)))
	synctest.Wait()
}

// stop ends Run and returns how long that took.
func (s *station) stop() time.Duration {
	from := time.Now()
	s.end()
	<-s.ended
	return time.Since(from)
}

var errBroken = errors.New("no acknowledgement at 0x76; check the wires")

// steady answers with the number of the reading.
func steady(_ context.Context, n int) (float64, error) { return float64(n), nil }
