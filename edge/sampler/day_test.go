package sampler_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"skerry/drivers"
	"skerry/edge/config"
)

// wires are lines whose levels devices can feel.
type wires struct {
	drivers.Buses
	mu    sync.Mutex
	since map[string]time.Time // when a line went on; zero: it is off
	total map[string]time.Duration
}

func (w *wires) Output(name string, on bool) (drivers.Output, error) {
	l := &wire{w, name}
	return l, l.Set(on)
}

type wire struct {
	of   *wires
	name string
}

func (l *wire) Set(on bool) error {
	l.of.mu.Lock()
	defer l.of.mu.Unlock()
	switch since := l.of.since[l.name]; {
	case on && since.IsZero():
		l.of.since[l.name] = time.Now()
	case !on && !since.IsZero():
		l.of.total[l.name] += time.Since(since)
		l.of.since[l.name] = time.Time{}
	}
	return nil
}

func (l *wire) Close() error { return nil }

// on tells how long a line has been on.
func (w *wires) on(name string) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.since[name].IsZero() {
		return -1
	}
	return time.Since(w.since[name])
}

// TestADay runs sensors of all kinds for a day, with calls that take their time and people who ask: no reading of the schedule is
// missed or late by more than the calls before it, no sensor is read before it is warm, and no supply is on for longer than its
// readings need.
func TestADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		machine := &wires{since: map[string]time.Time{}, total: map[string]time.Duration{}}
		random := rand.New(rand.NewPCG(1, 2))
		const took = 30 * time.Millisecond // each call
		var devices []*device
		var sensors []config.Sensor
		for i, s := range []struct {
			bus    string
			every  time.Duration
			pin    string
			warmUp time.Duration
			burst  int
		}{
			{"i2c1", 10 * time.Second, "", 0, 0},
			{"i2c1", time.Minute, "GPIO22", 5 * time.Second, 0},
			{"i2c1", 15 * time.Minute, "GPIO22", time.Minute, 10},
			{"i2c2", time.Minute, "GPIO22", 2 * time.Second, 3},
			{"i2c2", time.Hour, "GPIO23", 10 * time.Minute, 0},
			{"", 7 * time.Second, "", 0, 4},
		} {
			name := fmt.Sprint("s", i)
			d := &device{sense: func(context.Context, int) (float64, error) {
				if on := machine.on(s.pin); s.pin != "" && on < s.warmUp {
					t.Errorf("%s was read after %v of %v", name, on, s.warmUp)
				}
				time.Sleep(took)
				return 1, nil
			}}
			c := on(s.bus, name, s.every, d)
			if s.pin != "" {
				c = fed(c, s.pin, s.warmUp)
			}
			if s.burst > 0 {
				c = bursting(c, config.Burst{Count: s.burst, Every: 200 * time.Millisecond, To: config.Mean})
			}
			devices, sensors = append(devices, d), append(sensors, c)
		}
		s := launchOn(t, machine, &sink{}, sensors...)
		asked := 0
		for at := time.Duration(0); at < 24*time.Hour; at += time.Duration(random.IntN(1200)) * time.Second {
			s.until(at)
			s.ask(sensors[random.IntN(len(sensors))].Name)
			asked++
		}
		s.until(24*time.Hour + 30*time.Second)
		s.stop()
		for i, d := range devices {
			onTime(t, sensors[i], d, s.start)
		}
		// GPIO22: each minute 5 s and a reading, each quarter a minute and a burst; GPIO23 ten minutes of each hour. Who asks costs a warm-up.
		most := 24*60*6*time.Second + 96*63*time.Second + time.Duration(asked)*time.Minute
		if got := machine.total["GPIO22"]; got > most {
			t.Errorf("GPIO22 was on for %v, at most %v were needed", got, most)
		}
		if got, most := machine.total["GPIO23"], time.Duration(25+asked)*(10*time.Minute+time.Second); got < 24*10*time.Minute || got > most {
			t.Errorf("GPIO23 was on for %v", got)
		}
	})
}

// onTime checks that there was a reading at each time of the schedule.
func onTime(t *testing.T, c config.Sensor, d *device, start time.Time) {
	t.Helper()
	const late = 500 * time.Millisecond
	i := 0
	for at := start.Truncate(c.Every).Add(c.Every); at.Before(start.Add(24 * time.Hour)); at = at.Add(c.Every) {
		for i < len(d.asked) && d.asked[i].Before(at) {
			i++
		}
		if i == len(d.asked) || d.asked[i].Sub(at) > late {
			t.Errorf("%s: nothing was read at %v", c.Name, at)
			return
		}
	}
}
