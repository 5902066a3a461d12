package uplink

import (
	"testing"
	"time"

	"skerry/edge/config"
	"skerry/edge/uplink/kind"
	"skerry/edge/uplink/modem"
	"skerry/edge/uplink/watchdog"
)

// TestLimitsOfASignal: both limits of the watchdog grow, and come back.
func TestLimitsOfASignal(t *testing.T) {
	var now Signal
	w := &way{Link: config.Link{Name: "lte"}, kind: kind.Of("cellular"), signal: func(string) Signal { return now }}
	l := &link{u: &Uplink{ackTimeout: 90 * time.Second}, way: w, path: func() (watchdog.Path, bool) { return watchdog.Path{}, true }}
	for _, test := range []struct {
		answer     float64
		dead, slow time.Duration
	}{{0, 12 * time.Second, 90 * time.Second}, {1.5, 18 * time.Second, 135 * time.Second}, {2, 24 * time.Second, 180 * time.Second}, {1, 12 * time.Second, 90 * time.Second}} {
		now.Answer = test.answer
		limits := l.limits()
		if got := limits.Dead(0, 0); got != test.dead || limits.Slow != test.slow {
			t.Errorf("factor %v: dead after %v, slow up to %v", test.answer, got, limits.Slow)
		}
	}
}

// TestAlarmsAreNotHeld: whatever a signal says.
func TestAlarmsAreNotHeld(t *testing.T) {
	w := &way{signal: func(string) Signal {
		return Signal{Held: modem.Alarm | modem.State | modem.Live | modem.Backfill}
	}}
	for class, held := range map[string]bool{config.AlarmClass: false, config.StateClass: true, config.LiveClass: true, config.BackfillClass: true, "": false} {
		if w.holds(class) != held {
			t.Errorf("class %q: held %v", class, !held)
		}
	}
}
