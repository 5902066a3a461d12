package watchdog_test

import (
	"testing"
	"time"

	"skerry/edge/uplink/watchdog"
)

const s = time.Second

func path(waiting bool, silent time.Duration) func() (watchdog.Path, bool) {
	return func() (watchdog.Path, bool) { return watchdog.Path{Waiting: waiting, Silent: silent}, true }
}

func TestJudge(t *testing.T) {
	lte := watchdog.Limits{Floor: 12 * s, Slow: 90 * s}
	certus := watchdog.Limits{Floor: 90 * s, Slow: 180 * s}
	for _, c := range []struct {
		name    string
		limits  watchdog.Limits
		silence watchdog.Silence
		want    watchdog.Verdict
	}{
		{"nothing waits", lte, watchdog.Silence{}, watchdog.Alive},
		{"not yet", lte, watchdog.Silence{For: 11 * s, Path: path(true, 11*s)}, watchdog.Alive},
		{"dead", lte, watchdog.Silence{For: 12 * s, Path: path(true, 12*s)}, watchdog.Dead},
		{"dead after an idle hour", lte, watchdog.Silence{For: 12 * s, Path: path(true, time.Hour)}, watchdog.Dead},
		{"sent after an idle hour", lte, watchdog.Silence{For: 5 * s, Path: path(true, time.Hour)}, watchdog.Alive},
		{"a long backlog is being delivered", lte, watchdog.Silence{For: 300 * s, Path: path(true, s)}, watchdog.Alive},
		{"delivered, and the server is slow", lte, watchdog.Silence{For: 60 * s, Path: path(false, 60*s)}, watchdog.Slow},
		{"delivered, and the server never answers", lte, watchdog.Silence{For: 90 * s, Path: path(false, 90*s)}, watchdog.Stuck},
		{"round trips longer than the floor", lte, watchdog.Silence{For: 30 * s, Trip: 10 * s, Varies: 2 * s, Path: path(true, 30*s)}, watchdog.Alive},
		{"and dead", lte, watchdog.Silence{For: 44 * s, Trip: 10 * s, Varies: 2 * s, Path: path(true, 44*s)}, watchdog.Dead},
		{"poor signal", watchdog.Limits{Floor: 12 * s, Slow: 90 * s, Factor: 2}, watchdog.Silence{For: 20 * s, Path: path(true, 20*s)}, watchdog.Alive},
		{"a stall of Certus", certus, watchdog.Silence{For: 70 * s, Trip: 1500 * time.Millisecond, Path: path(true, 70*s)}, watchdog.Alive},
		{"a dead Certus", certus, watchdog.Silence{For: 90 * s, Path: path(true, 90*s)}, watchdog.Dead},
		{"nobody to ask", lte, watchdog.Silence{For: 89 * s}, watchdog.Alive},
		{"nobody to ask, too long", lte, watchdog.Silence{For: 90 * s}, watchdog.Dead},
	} {
		if got := c.limits.Judge(c.silence); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// The kernel is not asked before there is something to ask about.
func TestAskedLate(t *testing.T) {
	l := watchdog.Limits{Floor: 12 * s, Slow: 90 * s}
	asked := 0
	ask := func() (watchdog.Path, bool) { asked++; return watchdog.Path{}, true }
	l.Judge(watchdog.Silence{For: 5 * s, Path: ask})
	l.Judge(watchdog.Silence{For: 6 * s, Path: ask})
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}
