package sampler

import (
	"testing"
	"time"

	"skerry/edge/config"
)

// The reading of 04:30 that was begun at 04:29:58 to warm up is made when the monotonic clock says so. By the wall clock that may be a
// little before 04:30: it must not be made twice.
func TestWarmUpEndsBeforeItsTime(t *testing.T) {
	tests := []struct {
		name  string
		now   time.Time
		asked bool
		want  time.Time
	}{
		{"a little before", clock(4, 30, 0).Add(-3 * time.Millisecond), false, clock(4, 45, 0)},
		{"on time", clock(4, 30, 0), false, clock(4, 45, 0)},
		{"late", clock(4, 46, 0), false, clock(5, 0, 0)},
		{"asked for in between", clock(4, 20, 0), true, clock(4, 30, 0)},
		{"asked for when one was due anyway", clock(4, 30, 0), true, clock(4, 45, 0)},
	}
	for _, tt := range tests {
		x := &sensor{config: config.Sensor{Power: &config.Power{WarmUp: 2 * time.Second}}, schedule: schedule{every: 15 * time.Minute, next: clock(4, 30, 0)}}
		x.series = series{begun: true, ahead: !tt.asked, asked: tt.asked}
		x.planNext(tt.now)
		if !x.schedule.next.Equal(tt.want) {
			t.Errorf("%s: the next one is at %v, want %v", tt.name, x.schedule.next, tt.want)
		}
	}
}

// A schedule from the start is that of the monotonic clock.
func TestScheduleFromStart(t *testing.T) {
	now := time.Now()
	s := schedule{every: 10 * time.Second, fromStart: true}
	if !s.due(now, 0) {
		t.Error("the first reading does not come at once")
	}
	s.advance(now)
	for _, tt := range []struct{ at, want time.Duration }{
		{0, 10 * time.Second}, {9 * time.Second, time.Second}, {10 * time.Second, 10 * time.Second}, {37 * time.Second, 3 * time.Second},
	} {
		s.advance(now.Add(tt.at))
		if got := s.wait(now.Add(tt.at)); got != tt.want {
			t.Errorf("after %v it waits %v, want %v", tt.at, got, tt.want)
		}
	}
}
