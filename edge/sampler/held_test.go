package sampler_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"skerry/drivers"
	"skerry/edge/config"
	"skerry/edge/mapping"
	"skerry/edge/sampler"
)

// gauge is a device whose total a test sets.
type gauge struct {
	device
	total atomic.Int64
}

func (g *gauge) Sense(_ context.Context, dst []drivers.Reading) ([]drivers.Reading, error) {
	return append(dst, drivers.Number("temperature", float64(g.total.Load()), "°C", time.Now())), nil
}

func (g *gauge) State() []byte { return fmt.Append(nil, g.total.Load()) }

func (g *gauge) Restore(state []byte) error {
	var n int64
	_, err := fmt.Sscan(string(state), &n)
	g.total.Add(n)
	return err
}

func expect(t *testing.T, s *sink, want ...string) {
	t.Helper()
	if got := s.take(); got != strings.Join(want, ", ") {
		t.Errorf("got  %s\nwant %s", got, strings.Join(want, ", "))
	}
}

// about are those of the lines that a sensor is in.
func about(sensor, lines string) string {
	return strings.Join(slices.DeleteFunc(strings.Split(lines, ", "), func(l string) bool { return !strings.Contains(l, sensor) }), ", ")
}

// TestReadingsWaitForTheirState: a reading is published when its state is on the disk, and none overtakes it; those of others do not wait.
func TestReadingsWaitForTheirState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gauge{}
		to := &sink{slow: true}
		s := launch(t, to, on("", "rain", 10*time.Second, g), on("", "air", 10*time.Second, &device{sense: steady}))
		for _, step := range []struct {
			at, total int
			safe      bool // from then on
			rain, air string
		}{
			{0, 0, false, "keep rain 0", "air 1"},
			{5, 0, true, "rain 0", ""},
			{10, 0, false, "rain 0", "air 2"}, // nothing has changed
			{20, 1, false, "keep rain 1", "air 3"},
			{30, 1, false, "", "air 4"}, // the same total, and behind it
			{40, 2, false, "keep rain 2", "air 5"},
			{42, 2, true, "rain 1, rain 1, rain 2", ""},
		} {
			g.total.Store(int64(step.total))
			s.until(time.Duration(step.at) * time.Second)
			if step.safe {
				to.write()
				synctest.Wait()
			}
			lines := to.take()
			if rain, air := about("rain", lines), about("air", lines); rain != step.rain || air != step.air {
				t.Errorf("at %d s: got %q and %q, want %q and %q", step.at, rain, air, step.rain, step.air)
			}
		}
		s.stop()
	})
}

// TestHeldReadingKeepsItsTime: what was held back has the time at which it was measured, and is not stale.
func TestHeldReadingKeepsItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gauge{}
		c := on("", "rain", 10*time.Second, g)
		c.Values[0].Payload = config.JSON
		to := &sink{slow: true}
		s := launch(t, to, c)
		to.take()
		s.until(2*time.Minute + time.Second) // stale_after is 50 s
		expect(t, to)
		to.write()
		synctest.Wait()
		lines := strings.Split(to.take(), ", ")
		if len(lines) != 13 {
			t.Fatalf("%d readings: %s", len(lines), lines)
		}
		for i, line := range lines {
			at := s.start.Add(time.Duration(i) * 10 * time.Second).UTC().Format("2006-01-02T15:04:05.000Z")
			if want := `rain {"value":0,"unit":"°C","time":"` + at + `"}`; line != want {
				t.Errorf("got  %s\nwant %s", line, want)
			}
		}
		s.stop()
	})
}

// TestPresentIsSafe: derived values and alarms see a total when it is safe, not before; so does who asks for a reading.
func TestPresentIsSafe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gauge{}
		to, present := &sink{slow: true, state: map[string][]byte{}}, mapping.NewPresent()
		x, err := sampler.New([]config.Sensor{on("", "rain", 10*time.Second, g)}, sampler.Options{Present: present})
		if err != nil {
			t.Fatal(err)
		}
		ctx, end := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); x.Run(ctx, nil, to) }()
		synctest.Wait()
		to.write()
		synctest.Wait()
		g.total.Store(7)
		time.AfterFunc(15*time.Second, to.write)
		asked := time.Now()
		time.Sleep(12 * time.Second)
		if n, ok := present.Look("rain.temperature"); !ok || n.Number != 0 {
			t.Errorf("not safe, and seen: %v %v", n, ok)
		}
		got, err := x.Read(t.Context(), "rain")
		if err != nil || got.Values[0].Shown != "7" || got.Raw[0].Number != 7 {
			t.Errorf("%+v, %v", got, err)
		}
		if took := time.Since(asked); took < 15*time.Second || took > 16*time.Second {
			t.Errorf("read after %v", took)
		}
		if n, _ := present.Look("rain.temperature"); n.Number != 7 {
			t.Errorf("safe, and not seen: %v", n)
		}
		end()
		<-ended
	})
}

// TestFlushAtStop: what is held back when Run ends is published, with what was counted last.
func TestFlushAtStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gauge{}
		to := &sink{slow: true}
		s := launch(t, to, on("", "rain", 10*time.Second, g))
		g.total.Store(1)
		s.until(15 * time.Second)
		expect(t, to, "keep rain 0, keep rain 1")
		g.total.Store(2)
		s.stop()
		expect(t, to, "keep rain 2, hurry, rain 0, rain 1, rain 2")
		if log := s.takeLog(); log != "" {
			t.Error(log)
		}
	})
}

// TestStopWithSlowDisk: the end does not wait for a disk that does not answer; what cannot be told is not told.
func TestStopWithSlowDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gauge{}
		to := &sink{slow: true, late: true}
		s := launch(t, to, on("", "rain", 10*time.Second, g))
		g.total.Store(1)
		if took := s.stop(); took > 3*time.Second {
			t.Errorf("the end took %v", took)
		}
		expect(t, to, "keep rain 0, keep rain 1, hurry")
		if log := s.takeLog(); !strings.Contains(log, "the last readings are not published") || !strings.Contains(log, "readings=2") {
			t.Errorf("log: %s", log)
		}
	})
}

// TestHeldReadingsAreBounded: many that wait have the disk hurried; while it does not answer no more gather than memory may hold.
func TestHeldReadingsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &counter{}
		to := &sink{slow: true, late: true}
		s := launch(t, to, on("", "rain", time.Second, c))
		s.until(2000*time.Second + time.Millisecond)
		if lines := to.take(); strings.Count(lines, "hurry") != 3 || strings.Count(lines, "keep") != 1024 {
			t.Errorf("hurried %d times, kept %d states", strings.Count(lines, "hurry"), strings.Count(lines, "keep"))
		}
		if log := s.takeLog(); strings.Count(log, "readings are lost") != 1 {
			t.Errorf("log: %s", log)
		}
		to.write()
		synctest.Wait()
		if lines := to.take(); strings.Count(lines, ", rain ") != 1024 || !strings.HasSuffix(lines, ", rain 1024, rain ") {
			t.Errorf("held, and then stale: %d, %s", strings.Count(lines, ", rain "), lines[max(0, len(lines)-100):])
		}
		s.until(2001*time.Second + time.Millisecond)
		to.write()
		synctest.Wait()
		expect(t, to, "keep rain 2002", "rain 2002") // nothing was lost of the total
		to.late = false
		s.stop()
	})
}
