package sampler_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"skerry/board/sim"
	"skerry/broker"
	"skerry/drivers"
	"skerry/drivers/bme280"
	"skerry/drivers/pulse"
	"skerry/edge/config"
	"skerry/edge/sampler"
)

// diary is a sink that notes when each topic was published, and whether it was good.
type diary struct {
	start time.Time

	mu   sync.Mutex
	good map[string][]time.Duration
	bad  map[string]int
}

func (d *diary) Publish(_ context.Context, messages []*broker.Message) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, m := range messages {
		if strings.Contains(string(m.Payload), `"quality"`) {
			d.bad[m.TopicName]++
			continue
		}
		d.good[m.TopicName] = append(d.good[m.TopicName], time.Since(d.start))
	}
	return nil
}

func (d *diary) State(string) []byte { return nil }
func (d *diary) Hurry()              {}

func (d *diary) Keep(_ string, _ []byte, safe func()) error {
	safe()
	return nil
}

// late are the moments of the schedule at which a topic was not published within a tenth of a second.
func (d *diary) late(topic string, every, from, to time.Duration) (late []time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for at := from; at < to; at += every {
		if !slices.ContainsFunc(d.good[topic], func(t time.Duration) bool { return t >= at && t < at+100*time.Millisecond }) {
			late = append(late, at)
		}
	}
	return late
}

// real is a sensor with a real driver.
func real(name, bus, value string, kind drivers.Kind, opts any) config.Sensor {
	doc, _ := kind.Value(value)
	return config.Sensor{
		Name: name, Kind: kind, Bus: bus, Setup: drivers.Setup{Bus: bus, Opts: opts}, Every: 5 * time.Second, Stale: 25 * time.Second, Payload: config.JSON,
		Values: []config.Value{{Name: value, Doc: doc, Unit: doc.Unit, Multiply: 1, Topic: name}},
	}
}

// TestOneBusHangsForAMinute lets transfers on one of three I2C buses not return for a minute, on the simulated board and with the real
// drivers. All others keep their schedule to a tenth of a second; those on the bus are stale meanwhile, and good again soon after.
func TestOneBusHangsForAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		board := sim.New(sim.Options{})
		defer board.Close()
		var sensors []config.Sensor
		for _, bus := range []string{"i2c1", "i2c2", "i2c3"} {
			sensors = append(sensors, real(bus+"-air", bus, "temperature", bme280.Kind, bme280.Kind.Opts()))
		}
		sensors = append(sensors, real("i2c1-second", "i2c1", "pressure", bme280.Kind, bme280.Kind.Opts()),
			real("rain", "", "total", pulse.Kind, &pulse.Opts{Pin: "GPIO17"}), real("meter", "", "total", pulse.Kind, &pulse.Opts{Pin: "GPIO27"}))
		x, err := sampler.New(sensors, sampler.Options{Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		d := &diary{start: time.Now(), good: map[string][]time.Duration{}, bad: map[string]int{}} // at a whole minute, as the bubble begins
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); x.Run(ctx, board, d) }()

		time.Sleep(time.Minute + time.Second)
		board.Bus("i2c1").Hang()
		time.Sleep(time.Minute)
		board.Bus("i2c1").Release()
		time.Sleep(3 * time.Minute)
		cancel()
		<-ended

		for _, healthy := range []string{"i2c2-air", "i2c3-air", "rain", "meter"} {
			if late := d.late(healthy, 5*time.Second, 5*time.Second, 5*time.Minute); len(late) > 0 || d.bad[healthy] > 0 {
				t.Errorf("%s was not read at %v, and bad %d times", healthy, late, d.bad[healthy])
			}
		}
		for _, held := range []string{"i2c1-air", "i2c1-second"} {
			during := len(d.late(held, 5*time.Second, 65*time.Second, 2*time.Minute))
			after := d.late(held, 5*time.Second, 4*time.Minute, 5*time.Minute)
			if during != 11 || len(after) > 0 || d.bad[held] != 1 {
				t.Errorf("%s: %d of 11 not read while its bus hung, bad %d times, later not read at %v", held, during, d.bad[held], after)
			}
		}
	})
}
