package sampler_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/drivers"
	"skerry/edge/config"
	"skerry/edge/sampler"
	"skerry/queue"
	"skerry/queue/vfs"
)

// switches are a machine whose lines can be set, and that notes when.
type switches struct {
	drivers.Buses // nothing else is asked of it
	broken        error

	mu    sync.Mutex
	start time.Time
	log   []string
}

// line is one of them.
type line struct {
	on   *switches
	name string
}

func (s *switches) note(name, what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, fmt.Sprintf("%s %s %v", name, what, time.Since(s.start).Seconds()))
}

func (s *switches) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := strings.Join(s.log, ", ")
	s.log = nil
	return all
}

func (s *switches) Output(name string, on bool) (drivers.Output, error) {
	s.mu.Lock()
	broken := s.broken
	s.mu.Unlock()
	if broken != nil {
		return nil, broken
	}
	l := &line{s, name}
	return l, l.Set(on)
}

func (l *line) Set(on bool) error {
	l.on.note(l.name, map[bool]string{true: "high", false: "low"}[on])
	return nil
}

func (l *line) Close() error { l.on.note(l.name, "closed"); return nil }

// fed is a sensor that is fed by a line.
func fed(c config.Sensor, pin string, warmUp time.Duration) config.Sensor {
	c.Power = &config.Power{Pin: pin, WarmUp: warmUp}
	return c
}

func TestPower(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(3 * time.Second) // a program starts at any time
		machine := &switches{start: time.Now()}
		probe, neighbour := &device{sense: steady}, &device{sense: steady}
		s := launchOn(t, machine, &sink{}, fed(on("i2c1", "level", time.Minute, probe), "GPIO22", 5*time.Second), on("i2c1", "air", time.Second, neighbour))
		s.until(2 * time.Minute)
		if got, want := machine.take(), "GPIO22 high 0, GPIO22 low 5, GPIO22 high 52, GPIO22 low 57, GPIO22 high 112, GPIO22 low 117"; got != want {
			t.Errorf("switched\n got %s\nwant %s", got, want)
		}
		if got, want := probe.times(s.start), "5 57 117"; got != want {
			t.Errorf("read at %s, want %s", got, want)
		}
		if n := len(strings.Fields(neighbour.times(s.start))); n != 121 {
			t.Errorf("the neighbour was read %d times, and not each second", n)
		}
		if probe.looked != 3 || probe.halted != 3 {
			t.Errorf("set up %d times and put to rest %d times, want 3: without a supply it forgets", probe.looked, probe.halted)
		}
		s.until(173 * time.Second) // warming up
		machine.take()
		s.stop()
		if got := machine.take(); !strings.Contains(got, "GPIO22 low") || !strings.Contains(got, "GPIO22 closed") {
			t.Errorf("at the end: %s", got)
		}
	})
}

func TestSharedPower(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		machine := &switches{start: time.Now()}
		slow, quick := &device{sense: steady}, &device{sense: steady}
		s := launchOn(t, machine, &sink{}, fed(on("i2c1", "slow", time.Minute, slow), "GPIO22", 10*time.Second), fed(on("i2c2", "quick", time.Minute, quick), "GPIO22", 2*time.Second))
		s.until(70 * time.Second)
		if got, want := machine.take(), "GPIO22 high 0, GPIO22 low 10, GPIO22 high 50, GPIO22 low 60"; got != want {
			t.Errorf("switched\n got %s\nwant %s", got, want)
		}
		if a, b := slow.times(s.start), quick.times(s.start); a != "10 60" || b != "2 60" {
			t.Errorf("read at %s and %s", a, b)
		}
		s.stop()
	})
}

func TestPowerActiveLow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		machine := &switches{start: time.Now()}
		c := fed(on("", "level", time.Minute, &device{sense: steady}), "P1_15", time.Second)
		c.Power.Active = "low"
		s := launchOn(t, machine, &sink{}, c)
		s.until(2 * time.Second)
		s.stop()
		if got, want := machine.take(), "P1_15 low 0, P1_15 high 1, P1_15 high 2, P1_15 closed 2"; got != want {
			t.Errorf("switched %s, want %s", got, want)
		}
	})
}

// A line that cannot be had is a sensor that fails, and comes back.
func TestPowerWithoutLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		machine := &switches{start: time.Now(), broken: errors.New("GPIO22 is in use; name another pin")}
		s := launchOn(t, machine, &sink{}, fed(on("", "level", time.Minute, &device{sense: steady}), "GPIO22", time.Second))
		s.ask("level")
		s.until(2 * time.Minute)
		if got, want := s.takeLog(), `level=WARN msg="sensor fails" sensor=level err="switch the supply on: GPIO22 is in use; name another pin"`; got != want {
			t.Errorf("log\n%s\nwant\n%s", got, want)
		}
		machine.mu.Lock()
		machine.broken = nil
		machine.mu.Unlock()
		s.until(235 * time.Second)
		if got := s.sink.take(); !strings.HasSuffix(got, "level 1, level 2") {
			t.Errorf("published %q", got)
		}
		s.stop()
	})
}

// A sensor that fails costs no more than one that works: its supply is off most of the time.
func TestPowerOfWhatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		machine := &switches{start: time.Now()}
		d := &device{sense: func(context.Context, int) (float64, error) { return 0, errBroken }}
		s := launchOn(t, machine, &sink{}, fed(on("", "level", time.Hour, d), "GPIO22", 10*time.Second))
		s.until(6 * time.Minute)
		if got, want := machine.take(), "GPIO22 high 0, GPIO22 low 10, GPIO22 high 110, GPIO22 low 120, GPIO22 high 220, GPIO22 low 230, GPIO22 high 330, GPIO22 low 340"; got != want {
			t.Errorf("switched\n got %s\nwant %s", got, want)
		}
		s.stop()
	})
}

// several is a driver that has several readings of one value at a time, as those that listen have.
type several struct{ device }

func (*several) Sense(_ context.Context, dst []drivers.Reading) ([]drivers.Reading, error) {
	now := time.Now()
	return append(dst, drivers.Number("temperature", 1, "°C", now.Add(-time.Second)), drivers.Number("temperature", 2, "°C", now)), nil
}

func TestSeveralReadingsAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := launch(t, &sink{}, on("", "air", time.Minute, &several{}))
		s.until(time.Second)
		if got, want := s.sink.take(), "air 1, air 2"; got != want {
			t.Errorf("published %q, want %q", got, want)
		}
		s.stop()
	})
}

// bursting gives the value of a sensor a burst.
func bursting(c config.Sensor, b config.Burst) config.Sensor {
	c.Values[0].Burst = &b
	return c
}

func TestBurst(t *testing.T) {
	gone := math.NaN()
	tests := []struct {
		to   config.Reduction
		in   []float64
		want string
	}{
		{config.Mean, []float64{1, 2, 3, 6, 8}, "air 4"},
		{config.Median, []float64{20, 900, 21, 22, -5}, "air 21"},
		{config.Min, []float64{5, 3, 9, 4, 6}, "air 3"},
		{config.Max, []float64{5, 3, 9, 4, 6}, "air 9"},
		{config.Mean, []float64{gone, 2, 4, gone, 6}, "air 4"},
		{config.Mean, []float64{gone, gone, gone, 1, 2}, "air "}, // bad
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			d := &device{sense: func(_ context.Context, n int) (float64, error) { return tt.in[n-1], nil }}
			s := launch(t, &sink{}, bursting(on("", "air", time.Minute, d), config.Burst{Count: 5, Every: 100 * time.Millisecond, To: tt.to}))
			s.until(10 * time.Second)
			if got := s.sink.take(); got != tt.want {
				t.Errorf("%s of %v: published %q, want %q", tt.to, tt.in, got, tt.want)
			}
			if got, want := d.times(s.start), "0 0.1 0.2 0.3 0.4"; got != want {
				t.Errorf("read at %s, want %s", got, want)
			}
			s.stop()
		})
	}
}

// Between the readings of a burst the bus is free.
func TestBurstDelaysNoNeighbour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		many, neighbour := &device{sense: steady}, &device{sense: steady}
		s := launch(t, &sink{}, bursting(on("i2c1", "many", 30*time.Second, many), config.Burst{Count: 20, Every: time.Second, To: config.Mean}),
			on("i2c1", "air", time.Second, neighbour))
		s.until(29 * time.Second)
		if n := len(strings.Fields(many.times(s.start))); n != 20 {
			t.Errorf("a burst of %d", n)
		}
		if n := len(strings.Fields(neighbour.times(s.start))); n != 30 {
			t.Errorf("the neighbour was read %d times, and not each second", n)
		}
		if got := s.sink.take(); !strings.Contains(got, "many 10.5") {
			t.Errorf("published %s", got)
		}
		s.stop()
	})
}

// measuring is a device that is not ready for so many calls, of each reading.
func measuring(calls int, longs time.Duration) *device {
	return &device{sense: func(_ context.Context, n int) (float64, error) {
		if n%(calls+1) != 0 {
			return 0, fmt.Errorf("level: %w", &drivers.NotYetError{After: longs, Err: errors.New("it measures")})
		}
		return float64(n), nil
	}}
}

// A device that measures for longer than a call has does not fail: it is asked again when it is ready, with its supply on, and the bus is
// free meanwhile.
func TestDeviceThatIsNotReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		machine := &switches{start: time.Now()}
		slow, neighbour := measuring(1, 30*time.Second), &device{sense: steady}
		s := launchOn(t, machine, &sink{}, fed(on("sdi12", "level", time.Minute, slow), "GPIO22", 5*time.Second), on("sdi12", "air", time.Second, neighbour))
		s.until(150 * time.Second)
		if got, want := slow.times(s.start), "5 35 60 90 120 150"; got != want {
			t.Errorf("asked at %s, want %s", got, want)
		}
		if got, want := machine.take(), "GPIO22 high 0, GPIO22 low 35, GPIO22 high 55, GPIO22 low 90, GPIO22 high 115, GPIO22 low 150"; got != want {
			t.Errorf("switched\n got %s\nwant %s", got, want)
		}
		if n := len(strings.Fields(neighbour.times(s.start))); n != 151 {
			t.Errorf("the neighbour was read %d times, and not each second", n)
		}
		if got := s.sink.take(); !strings.Contains(got, "level 2") || !strings.Contains(got, "level 4") {
			t.Errorf("published %s", got)
		}
		if got := s.takeLog(); got != "" {
			t.Errorf("log %s", got)
		}
		s.stop()
	})
}

// In a burst it may say so before each reading.
func TestBurstOfWhatIsNotReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := measuring(1, time.Second)
		s := launch(t, &sink{}, bursting(on("", "level", time.Minute, slow), config.Burst{Count: 5, Every: 2 * time.Second, To: config.Mean}))
		s.until(30 * time.Second)
		if got, want := s.sink.take(), "level 6"; got != want { // of 2, 4, 6, 8 and 10
			t.Errorf("published %q, want %q", got, want)
		}
		s.stop()
	})
}

// One that is never ready fails, and is tried again like any other.
func TestDeviceThatIsNeverReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		never := measuring(1000, time.Second)
		s := launch(t, &sink{}, on("", "level", time.Hour, never))
		s.until(10 * time.Second)
		if got, want := never.times(s.start), "0 1 2 3 8 9 10"; got != want {
			t.Errorf("asked at %s, want %s", got, want)
		}
		if got := s.takeLog(); !strings.Contains(got, "sensor fails") || !strings.Contains(got, "it measures") {
			t.Errorf("log %s", got)
		}
		s.stop()
	})
}

// A device that does not answer is not asked the rest of a burst, and half a burst is no reading.
func TestBurstThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &device{sense: func(_ context.Context, n int) (float64, error) {
			if n == 3 {
				return 0, errBroken
			}
			return float64(n), nil
		}}
		s := launch(t, &sink{}, bursting(on("", "air", time.Minute, d), config.Burst{Count: 10, Every: 100 * time.Millisecond, To: config.Mean}))
		s.until(time.Second)
		if got, want := d.times(s.start), "0 0.1 0.2"; got != want {
			t.Errorf("read at %s, want %s", got, want)
		}
		if got := s.takeLog(); !strings.Contains(got, "sensor fails") {
			t.Errorf("log %s", got)
		}
		if got := s.sink.take(); got != "air " { // bad
			t.Errorf("published %q", got)
		}
		s.stop()
	})
}

func TestAlignedToTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(3 * time.Second)
		d := &device{sense: steady}
		c := on("", "air", 10*time.Second, d)
		c.Align = config.ToStart
		s := launch(t, &sink{}, c)
		s.until(35 * time.Second)
		if got, want := d.times(s.start), "0 10 20 30"; got != want {
			t.Errorf("read at %s, want %s", got, want)
		}
		s.stop()
	})
}

func TestAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &device{sense: func(context.Context, int) (float64, error) { return 7, nil }}
		c := on("i2c1", "air", time.Minute, d)
		c.Values[0].Deadband.Amount = 5
		s := launch(t, &sink{}, c)
		s.until(10 * time.Second)
		s.ask("air")
		s.ask("nobody")
		s.until(11 * time.Second)
		if got, want := s.sink.take(), "air 7, air 7"; got != want {
			t.Errorf("published %q, want %q: an answer passes the deadband", got, want)
		}
		s.until(20 * time.Second)
		for range 50 { // in five seconds
			s.ask("air")
			time.Sleep(100 * time.Millisecond)
		}
		s.until(70 * time.Second)
		if got, want := d.times(s.start), "0 10 20 21 22 23 24 25 60"; got != want {
			t.Errorf("read at %s, want %s", got, want)
		}
		s.stop()
	})
}

// Who asks while a supply warms up gets the reading that it warms up for.
func TestAskDuringWarmUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		machine := &switches{start: time.Now()}
		d := &device{sense: steady}
		s := launchOn(t, machine, &sink{}, fed(on("", "level", time.Minute, d), "GPIO22", 10*time.Second))
		s.until(20 * time.Second)
		s.ask("level")
		s.until(25 * time.Second)
		s.ask("level")
		s.until(55 * time.Second)
		s.ask("level")
		s.until(100 * time.Second)
		if got, want := d.times(s.start), "10 30 60"; got != want {
			t.Errorf("read at %s, want %s", got, want)
		}
		s.stop()
	})
}

// Who asks a sensor that fails has it tried again.
func TestAskWhatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &device{sense: func(_ context.Context, n int) (float64, error) {
			if n < 4 {
				return 0, errBroken
			}
			return float64(n), nil
		}}
		s := launch(t, &sink{}, on("", "air", time.Hour, d))
		s.until(17 * time.Second) // tried at 0, 5 and 15
		s.ask("air")
		s.until(18 * time.Second)
		if got, want := s.sink.take(), "air 4"; got != want {
			t.Errorf("published %q, want %q", got, want)
		}
		s.until(time.Hour + time.Second)
		if got, want := d.times(s.start), "0 5 15 17 3600"; got != want {
			t.Errorf("read at %s, want %s", got, want)
		}
		s.stop()
	})
}

func TestCommands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, end := house(t, vfs.NewDisk(), queue.Options{})
		defer end()
		publisher, _, err := b.Connect(broker.ConnectOptions{ClientID: "anna", Version: packet.V5, CleanStart: true})
		if err != nil {
			t.Fatal(err)
		}
		var touched broker.Touched
		publish := func(topic string, retain bool) {
			t.Helper()
			if _, code := publisher.Publish(&broker.Message{TopicName: topic, QoS: 1, Retain: retain}, &touched); code.IsError() {
				t.Fatal(code)
			}
			touched.Flush()
			synctest.Wait()
		}
		publish("lake/air/get", true) // before anybody listens
		sensors := []config.Sensor{{Name: "air", Get: "lake/air/get"}, {Name: "rain", Get: "lake/get"}, {Name: "soil", Get: "lake/get"}, {Name: "deaf"}}
		c, err := sampler.NewCommands(b, sensors, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var mu sync.Mutex
		var asked []string
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			c.Run(ctx, func(sensor string) {
				mu.Lock()
				defer mu.Unlock()
				asked = append(asked, sensor)
			})
		}()
		for _, topic := range []string{"lake/air/get", "lake/get", "lake/air", "lake/deaf/get"} {
			publish(topic, false)
		}
		mu.Lock()
		if got, want := strings.Join(asked, " "), "air rain soil"; got != want {
			t.Errorf("asked for %q, want %q", got, want)
		}
		mu.Unlock()
		cancel()
		<-ended
		publisher.Disconnect(broker.DisconnectOptions{})
	})
}

// A broker that allows too few subscriptions does not stop the station.
func TestCommandsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, found, err := queue.Open(vfs.NewDisk(), "data", queue.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		b, err := broker.New(store, found, broker.Options{Limits: broker.Limits{Subscriptions: 1}})
		if err != nil {
			t.Fatal(err)
		}
		s := &station{}
		c, err := sampler.NewCommands(b, []config.Sensor{{Name: "a", Get: "lake/a/get"}, {Name: "b", Get: "lake/b/get"}}, logger(s))
		if err != nil {
			t.Fatal(err)
		}
		if got := s.takeLog(); !strings.Contains(got, "readings cannot be asked for") || !strings.Contains(got, "lake/b/get") {
			t.Errorf("log %s", got)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		c.Run(ctx, nil)
	})
}

// receiver is a date that differs from the system's clock.
type receiver struct{ off time.Duration }

func (r receiver) Date(at time.Time) (time.Time, bool) { return at.Round(0).Add(r.off), true }
func (r receiver) Fix(time.Time, time.Time)            {}

// A station that may not set the system's clock is aligned to the date that it knows.
func TestAlignedToTheKnownDate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &device{sense: steady}
		x, err := sampler.New([]config.Sensor{on("", "air", time.Minute, d)}, sampler.Options{Clock: receiver{20 * time.Second}})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
		defer cancel()
		x.Run(ctx, nil, &sink{state: map[string][]byte{}})
		if got, want := d.times(start), "0 40 100 160"; got != want {
			t.Errorf("read at %s, want %s", got, want)
		}
	})
}

// late is a date that becomes known after a while, and is years from what the system's clock says.
type late struct{ from time.Time }

const lateBy = 26 * 365 * 24 * time.Hour

func (l late) Date(at time.Time) (time.Time, bool) {
	if time.Now().Before(l.from) {
		return at, false
	}
	return time.Now().Add(lateBy - time.Since(at)), true
}
func (l late) Fix(time.Time, time.Time) {}

// A sensor that fell silent before the date was known becomes stale after, with the right time of its last reading.
func TestStaleAfterTheDateIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		d := &device{sense: func(_ context.Context, n int) (float64, error) {
			if n > 1 {
				return 0, errors.New("gone")
			}
			return 21.5, nil
		}}
		c := on("", "air", time.Minute, d)
		c.Values[0].Payload = config.JSON
		out := &sink{state: map[string][]byte{}}
		x, err := sampler.New([]config.Sensor{c}, sampler.Options{Clock: late{start.Add(90 * time.Second)}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		x.Run(ctx, nil, out)
		first, rest, _ := strings.Cut(out.take(), ", ")
		if !strings.Contains(first, `"quality":"clock-unset"`) {
			t.Errorf("first: %s", first)
		}
		if want := start.Add(lateBy).UTC().Format(`"time":"2006-01-02T15:04:05.000Z","quality":"stale"}`); !strings.Contains(rest, want) {
			t.Errorf("then: %s, want %s", rest, want)
		}
	})
}
