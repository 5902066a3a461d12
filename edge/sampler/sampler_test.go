package sampler_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"skerry/drivers"
	"skerry/edge/config"
	"skerry/edge/sampler"
)

func TestScheduleIsAligned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		time.Sleep(3 * time.Second) // a program starts at any time
		fast, slow := &device{sense: steady}, &device{sense: steady}
		s := launch(t, &sink{}, on("i2c1", "fast", 10*time.Second, fast), on("i2c1", "slow", 15*time.Minute, slow))
		s.until(31 * time.Minute)
		s.stop()
		if got, want := fast.times(start)[:15], "3 10 20 30 40 5"; got != want {
			t.Errorf("every 10s at %s ..., want %s ...", got, want)
		}
		if got, want := slow.times(start), "3 900 1800"; got != want {
			t.Errorf("every 15min at %s, want %s", got, want)
		}
	})
}

func TestLateReadingDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		d := &device{sense: func(_ context.Context, n int) (float64, error) {
			if n == 2 {
				time.Sleep(9 * time.Second)
			}
			return 0, nil
		}}
		s := launch(t, &sink{}, on("", "air", 4*time.Second, d))
		s.until(21 * time.Second)
		s.stop()
		// The reading of :08 was missed and is not made up for; that of :12 came at :13.
		if got, want := d.times(start), "0 4 13 16 20"; got != want {
			t.Errorf("asked at %s, want %s", got, want)
		}
	})
}

func TestFailingSensor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &device{sense: func(_ context.Context, n int) (float64, error) {
			if n >= 3 && n < 10 {
				return 0, errBroken
			}
			return float64(n), nil
		}}
		s := launch(t, &sink{}, on("i2c1", "air", 10*time.Second, d))
		s.until(50 * time.Second)
		if got, want := s.sink.take(), "air 1, air 2"; got != want {
			t.Errorf("published %q, want %q", got, want)
		}
		s.until(61 * time.Second)
		if got, want := s.sink.take(), "air "; got != want { // empty: stale
			t.Errorf("published %q, want %q", got, want)
		}
		s.until(300 * time.Second)
		if got, want := d.times(s.start), "0 10 20 25 35 55 95 155 215 275 280 290 300"; got != want {
			t.Errorf("asked at %s, want %s", got, want)
		}
		if got, want := s.sink.take(), "air 10, air 11, air 12, air 13"; got != want {
			t.Errorf("published %q, want %q", got, want)
		}
		want := `level=WARN msg="sensor fails" sensor=air err="no acknowledgement at 0x76; check the wires"
level=INFO msg="sensor answers again" sensor=air failures=7 after=4m15s`
		if got := s.takeLog(); got != want {
			t.Errorf("log\n%s\nwant\n%s", got, want)
		}
		s.stop()
		if d.halted != 1 {
			t.Errorf("halted %d times, want once", d.halted)
		}
	})
}

func TestDeviceThatComesLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &device{sense: steady, found: func(n int) error {
			if n < 4 {
				return errors.New("no bus /dev/i2c-1; add dtparam=i2c_arm=on to config.txt")
			}
			return nil
		}}
		s := launch(t, &sink{}, on("i2c1", "air", 10*time.Second, d))
		s.until(45 * time.Second)
		if got, want := s.sink.take(), "air 1, air 2"; got != want {
			t.Errorf("published %q, want %q", got, want)
		}
		if got := s.takeLog(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "dtparam=i2c_arm=on") {
			t.Errorf("log: %s", got)
		}
		s.stop()
	})
}

func TestErrorBesideReadings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		partly := &partlyDevice{}
		s := launch(t, &sink{}, on("", "gps", 10*time.Second, partly))
		s.until(20 * time.Second)
		if got, want := s.sink.take(), "gps 1, gps 2, gps 3"; got != want {
			t.Errorf("published %q, want %q", got, want)
		}
		if got := s.takeLog(); strings.Count(got, "sensor fails") != 1 {
			t.Errorf("log: %s", got)
		}
		s.stop()
	})
}

// partlyDevice answers, and complains.
type partlyDevice struct{ n float64 }

func (p *partlyDevice) String() string { return "" }
func (p *partlyDevice) Halt() error    { return nil }
func (p *partlyDevice) Sense(_ context.Context, dst []drivers.Reading) ([]drivers.Reading, error) {
	p.n++
	return append(dst, drivers.Number("temperature", p.n, "°C", time.Now())), errors.New("the other half is missing")
}

func TestHungBusStopsOnlyItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		sick := &device{sense: func(_ context.Context, n int) (float64, error) {
			if n == 2 {
				<-release // whatever its context says
			}
			return float64(n), nil
		}}
		neighbour, other := &device{sense: steady}, &device{sense: steady}
		s := launch(t, &sink{}, on("i2c1", "sick", 20*time.Second, sick), on("i2c1", "neighbour", 20*time.Second, neighbour),
			on("i2c2", "other", 20*time.Second, other))
		s.until(5*time.Minute + 5*time.Second)
		if got, want := len(strings.Fields(other.times(s.start))), 16; got != want {
			t.Errorf("the other bus was read %d times, want %d", got, want)
		}
		if n := len(strings.Fields(neighbour.times(s.start))); n != 1 {
			t.Errorf("the neighbour was read %d times while the bus was held", n)
		}
		want := `level=WARN msg="sensor fails" sensor=sick err="no answer within 11s, and the driver does not give up; the bus is left alone until it does"
level=WARN msg="sensor fails" sensor=neighbour err="the bus is held up by sensor sick"`
		if got := s.takeLog(); got != want {
			t.Errorf("log\n%s\nwant\n%s", got, want)
		}
		s.sink.take()
		close(release)
		s.until(5*time.Minute + 30*time.Second)
		if n := len(strings.Fields(neighbour.times(s.start))); n < 2 {
			t.Error("the neighbour waits on although the bus is free")
		}
		s.until(8 * time.Minute)
		if got := s.sink.take(); strings.Contains(got, "sick 2,") || !strings.Contains(got, "sick 3") || !strings.Contains(got, "neighbour 2") {
			t.Errorf("published after the call came back: %s", got)
		}
		if got := s.takeLog(); strings.Count(got, "sensor answers again") != 2 || !strings.Contains(got, "bus is free again") {
			t.Errorf("log\n%s", got)
		}
		s.stop()
	})
}

func TestHungSensorsBecomeStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		d := &device{sense: func(_ context.Context, n int) (float64, error) {
			if n == 2 {
				<-release
			}
			return float64(n), nil
		}}
		s := launch(t, &sink{}, on("i2c1", "air", 10*time.Second, d))
		s.until(2 * time.Minute)
		if got, want := s.sink.take(), "air 1, air "; got != want {
			t.Errorf("published %q, want %q", got, want)
		}
		s.stop()
		close(release)
	})
}

func TestEndWithHungSensor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		hang := func(context.Context, int) (float64, error) { <-release; return 0, nil }
		s := launch(t, &sink{}, on("i2c1", "air", time.Minute, &device{sense: hang}), on("", "soil", time.Minute, &device{sense: hang}))
		if d := s.stop(); d > 3*time.Second {
			t.Errorf("Run took %v to end", d)
		}
		if got := s.takeLog(); strings.Count(got, "sensor was left as it was") != 2 {
			t.Errorf("log\n%s", got)
		}
		close(release)
	})
}

func TestEndDuringReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &device{sense: func(ctx context.Context, n int) (float64, error) { <-ctx.Done(); return 0, ctx.Err() }}
		s := launch(t, &sink{}, on("", "gps", time.Minute, d))
		if took := s.stop(); took != 0 {
			t.Errorf("Run took %v to end", took)
		}
		if got := s.takeLog(); got != "" {
			t.Errorf("an interrupted reading is no failure: %s", got)
		}
	})
}

func TestPanicIsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &device{sense: func(_ context.Context, n int) (float64, error) {
			if n == 1 {
				panic("index out of range")
			}
			return float64(n), nil
		}}
		s := launch(t, &sink{}, on("", "air", time.Minute, d))
		s.until(10 * time.Second)
		if got := s.sink.take(); got != "air 2" {
			t.Errorf("published %q", got)
		}
		if got := s.takeLog(); !strings.Contains(got, `err="the driver panicked: index out of range"`) {
			t.Errorf("log\n%s", got)
		}
		s.stop()
		if d.looked != 1 || d.halted != 1 {
			t.Errorf("opened %d times, given back %d times, want once", d.looked, d.halted)
		}
	})
}

func TestStateIsKeptAndRestored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := &sink{}
		s := launch(t, to, on("", "rain", time.Minute, &counter{}))
		s.until(70 * time.Second)
		if got, want := to.take(), "keep rain 1, rain 1, keep rain 2, rain 2"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		s.stop()
		if got, want := to.take(), "keep rain 3, rain 3"; got != want {
			t.Errorf("at the end: got %q, want %q", got, want)
		}
		s = launch(t, to, on("", "rain", time.Minute, &counter{}))
		s.stop()
		if got, want := to.take(), "keep rain 4, rain 4, keep rain 5, rain 5"; got != want {
			t.Errorf("in the next life: got %q, want %q", got, want)
		}
	})
}

// TestStateOfRenamedSensor: under a new name it counts on from what was kept under the old one, once.
func TestStateOfRenamedSensor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := &sink{state: map[string][]byte{"bucket": []byte("7")}}
		renamed := on("", "rain", time.Minute, &counter{})
		renamed.Was = "bucket"
		launch(t, to, renamed).stop()
		if got, want := to.take(), "keep rain 7, keep rain 8, rain 8, keep rain 9, rain 9"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		renamed = on("", "rain", time.Minute, &counter{})
		renamed.Was = "bucket"
		launch(t, to, renamed).stop()
		if got, want := to.take(), "keep rain 10, rain 10, keep rain 11, rain 11"; got != want {
			t.Errorf("in the next life: got %q, want %q", got, want)
		}
	})
}

func TestNothingIsPublishedWhoseStateIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		to := &sink{keep: func() error {
			if calls++; calls == 2 || calls == 3 {
				return errors.New("too much is waiting for the disk")
			}
			return nil
		}}
		s := launch(t, to, on("", "rain", time.Second, &counter{}))
		s.until(3500 * time.Millisecond)
		if got, want := to.take(), "keep rain 1, rain 1, keep rain 4, rain 4"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if got, want := s.takeLog(), `level=ERROR msg="readings are lost" sensor=rain err="too much is waiting for the disk"`; got != want {
			t.Errorf("log\n%s\nwant\n%s", got, want)
		}
		s.stop()
	})
}

func TestUnusableStateIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := launch(t, &sink{state: map[string][]byte{"rain": []byte("?")}}, on("", "rain", time.Minute, &counter{}))
		if got := s.takeLog(); !strings.Contains(got, "level=ERROR") || !strings.Contains(got, "counts from zero") {
			t.Errorf("log\n%s", got)
		}
		s.stop()
	})
}

func TestSlowStorageHoldsReadingsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		to := &sink{publish: func(ctx context.Context) error {
			select {
			case <-gate:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}}
		d := &device{sense: steady}
		s := launch(t, to, on("", "air", time.Second, d))
		s.until(10 * time.Minute)
		if got := d.times(s.start); got != "0" {
			t.Errorf("asked at %s while nothing could be published", got)
		}
		close(gate)
		s.until(10*time.Minute + 1500*time.Millisecond)
		if got, want := to.take(), "air 1, air , air 2, air 3"; got != want { // stale in between: so it was
			t.Errorf("published %q, want %q", got, want)
		}
		s.stop()
	})
}

func TestRefusedReadingsAreReportedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := &sink{publish: func(context.Context) error { return errors.New("store closed") }}
		s := launch(t, to, on("", "air", time.Second, &device{sense: steady}))
		s.until(time.Minute)
		if got, want := s.takeLog(), `level=ERROR msg="readings are lost" sensor=air err="store closed"`; got != want {
			t.Errorf("log\n%s\nwant\n%s", got, want)
		}
		s.stop()
	})
}

func TestNewReportsEverySensor(t *testing.T) {
	wrong := on("", "air", time.Minute, nil)
	wrong.Values[0].Unit = "apples"
	also := on("", "soil", time.Minute, nil)
	also.Values[0].Unit = "pears"
	_, err := sampler.New([]config.Sensor{wrong, on("", "fine", time.Minute, nil), also}, sampler.Options{})
	var one *sampler.SensorError
	if !errors.As(err, &one) || one.Sensor != "air" {
		t.Fatalf("error %v", err)
	}
	if !strings.Contains(err.Error(), "sensor soil: values.temperature.unit: ") {
		t.Errorf("error %v", err)
	}
}

// A neighbour on the bus wakes it more often: a value whose next reading is not due yet is not stale.
func TestNotStaleBeforeTheNextReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := on("i2c1", "slow", time.Minute, &device{sense: steady})
		slow.Stale = slow.Every // stale_after: 1x
		s := launch(t, &sink{}, on("i2c1", "fast", time.Second, &device{sense: steady}), slow)
		s.until(150 * time.Second)
		var got []string
		for line := range strings.SplitSeq(s.sink.take(), ", ") {
			if strings.HasPrefix(line, "slow") {
				got = append(got, line)
			}
		}
		if want := []string{"slow 1", "slow 2", "slow 3"}; !slices.Equal(got, want) {
			t.Errorf("published %q, want %q", got, want)
		}
		s.stop()
	})
}
