package sampler

import (
	"testing"
	"time"
)

func clock(hour, minute, second int) time.Time {
	return time.Date(2026, 11, 22, hour, minute, second, 0, time.UTC)
}

func TestAdvanceAligns(t *testing.T) {
	tests := []struct {
		name      string
		every     time.Duration
		now, want time.Time
	}{
		{"quarters of an hour", 15 * time.Minute, clock(4, 16, 3), clock(4, 30, 0)},
		{"on the mark", 15 * time.Minute, clock(4, 30, 0), clock(4, 45, 0)},
		{"ten seconds", 10 * time.Second, clock(4, 16, 3), clock(4, 16, 10)},
		{"over midnight", time.Hour, clock(23, 10, 0), clock(24, 0, 0)},
		{"a day", 24 * time.Hour, clock(4, 0, 0), clock(24, 0, 0)},
		{"in a zone of half hours", time.Hour, clock(4, 10, 0).In(time.FixedZone("", 19800)), clock(5, 0, 0)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := schedule{every: tt.every}
			s.advance(tt.now)
			if !s.next.Equal(tt.want) {
				t.Errorf("got %v, want %v", s.next, tt.want)
			}
		})
	}
}

func TestDue(t *testing.T) {
	next := clock(4, 30, 0)
	tests := []struct {
		name string
		now  time.Time
		due  bool
		next time.Time // after due
	}{
		{"before", clock(4, 29, 59), false, next},
		{"on time", next, true, next},
		{"late", clock(5, 0, 0), true, next},
		{"clock set forward by years", next.AddDate(30, 0, 0), true, next},
		{"clock set back by a day", next.Add(-24*time.Hour - time.Minute), false, next.Add(-24 * time.Hour)},
		{"clock set back by less than the interval", clock(4, 20, 0), false, next},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := schedule{every: 15 * time.Minute, next: next}
			if got := s.due(tt.now, 0); got != tt.due {
				t.Errorf("due %v, want %v", got, tt.due)
			}
			if !s.next.Equal(tt.next) {
				t.Errorf("next %v, want %v", s.next, tt.next)
			}
		})
	}
}

func TestDueAtOnceAtFirst(t *testing.T) {
	s := schedule{every: time.Hour}
	if !s.due(clock(4, 1, 0), 0) {
		t.Error("the first reading waits for the schedule")
	}
}

func TestRetryAfter(t *testing.T) {
	tests := []struct {
		failures    int
		every, want time.Duration
	}{
		{1, time.Second, time.Second},
		{3, time.Second, 4 * time.Second},
		{1, time.Hour, 5 * time.Second},
		{2, time.Hour, 10 * time.Second},
		{4, time.Hour, 40 * time.Second},
		{5, time.Hour, time.Minute},
		{1 << 20, time.Hour, time.Minute},
		{1 << 30, 10 * time.Millisecond, time.Minute},
	}
	for _, tt := range tests {
		if got := retryAfter(tt.failures, tt.every); got != tt.want {
			t.Errorf("after %d failures of every %v: %v, want %v", tt.failures, tt.every, got, tt.want)
		}
	}
}
