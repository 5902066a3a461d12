package edge

import (
	"context"
	"math"
	"time"

	"skerry/broker"
	"skerry/drivers"
	"skerry/edge/config"
	"skerry/edge/control"
	"skerry/edge/mapping"
	"skerry/edge/sampler"
)

// sensors shows the sampler's sensors to who asks through the control socket.
type sensors struct{ *sampler.Sampler }

// List gives them by name.
func (s sensors) List() []control.Sensor {
	var all []control.Sensor
	for _, x := range s.Statuses() {
		all = append(all, row(x))
	}
	return all
}

// Read reads one now.
func (s sensors) Read(ctx context.Context, name string) (control.Sensor, error) {
	x, err := s.Sampler.Read(ctx, name)
	return row(x), err
}

func row(s sampler.Status) control.Sensor {
	now := time.Now()
	c := control.Sensor{Name: s.Name, Driver: s.Driver, Bus: s.Bus, Device: s.Device, Every: s.Every.Seconds(), Failures: s.Failures}
	if s.Err != nil {
		c.Error = s.Err.Error()
	}
	if l := s.Late; l.Late > 0 {
		c.Late = &control.Lateness{Asked: l.Asked, Late: l.Late, Slowest: l.Slowest.Seconds(), Timeout: l.Timeout.Seconds()}
	}
	if s.Failures > 0 {
		c.Failing = now.Sub(s.Failing).Seconds()
	}
	if !s.Answered.IsZero() {
		c.Age = new(now.Sub(s.Answered).Seconds())
	}
	if !s.Next.IsZero() {
		c.Next = new(max(0, s.Next.Sub(now).Seconds()))
	}
	for _, l := range s.Values {
		c.Values = append(c.Values, treated(l, s.Raw))
	}
	for _, r := range s.Raw {
		if !configured(r.Value, s.Values) {
			v := control.SensorValue{Name: r.Value}
			addRaw(&v, r)
			c.Values = append(c.Values, v)
		}
	}
	return c
}

func configured(name string, values []mapping.Look) bool {
	for _, l := range values {
		if l.Name == name {
			return true
		}
	}
	return false
}

// treated is a value with the reading that it came of. Derived ones have none.
func treated(l mapping.Look, raw []drivers.Reading) control.SensorValue {
	v := control.SensorValue{Name: l.Name, Number: finite(l.Number), Shown: l.Shown, Text: l.Text, Unit: l.Unit, Rejected: finite(l.Rejected),
		Quality: l.Quality.String()}
	if !l.Time.IsZero() {
		v.Time = l.Time.UTC().Format("2006-01-02T15:04:05.000Z")
	}
	for _, r := range raw {
		if r.Value == l.Name {
			addRaw(&v, r)
		}
	}
	return v
}

func addRaw(v *control.SensorValue, r drivers.Reading) {
	v.Raw, v.RawText, v.RawUnit, v.RawQuality = nil, r.Text, r.Unit, r.Quality.String()
	if r.Text == "" {
		v.Raw = finite(r.Number)
	}
}

// finite is a number as JSON can have it.
func finite(x float64) *float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return &x
}

// ReadSensor reads one sensor of a station that does not run: it opens the board, reads, publishes nothing, and puts the device to rest.
// A counter begins at zero.
func ReadSensor(ctx context.Context, c *config.Config, name string, o Options) (control.Sensor, error) {
	g, err := New(c, o)
	if err != nil {
		return control.Sensor{}, err
	}
	one := only(c.Sensors, name)
	s, err := sampler.New(one, sampler.Options{ClockFloor: clockFloor(), Log: o.Log})
	if err != nil {
		return control.Sensor{}, wrong(c, err)
	}
	if len(one) == 0 { // its error has the names that there are
		_, err := g.sensors.Read(ctx, name)
		return control.Sensor{}, err
	}
	buses, release, err := g.openBoard()
	if err != nil {
		return control.Sensor{}, err
	}
	defer release()
	run, end := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Run(run, buses, nowhere{})
	}()
	got, err := sensors{s}.Read(ctx, name)
	end()
	<-done
	return got, err
}

func only(all []config.Sensor, name string) []config.Sensor {
	for _, s := range all {
		if s.Name == name {
			return []config.Sensor{s}
		}
	}
	return nil
}

// nowhere is a sampler.Sink for readings that nobody else is to hear.
type nowhere struct{}

func (nowhere) Publish(context.Context, []*broker.Message) error { return nil }
func (nowhere) State(string) []byte                              { return nil }
func (nowhere) Hurry()                                           {}

func (nowhere) Keep(_ string, _ []byte, safe func()) error {
	safe()
	return nil
}
