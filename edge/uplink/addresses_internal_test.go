package uplink

import (
	"testing"
	"time"
)

// TestAddressAge: an age counts only by a date that is trusted on both ends, and does not come from the future.
func TestAddressAge(t *testing.T) {
	now, trusted := time.Unix(1_000_000, 0), true
	a := &addresses{now: func() (time.Time, bool) { return now, trusted }}
	for _, tt := range []struct {
		at      int64
		trusted bool
		want    time.Duration
	}{
		{1_000_000 - 60, true, time.Minute},
		{1_000_000 - 60, false, tooOld},
		{0, true, tooOld},
		{1_000_000 + 60, true, tooOld},
	} {
		trusted = tt.trusted
		if got := a.age(address{At: tt.at}); got != tt.want {
			t.Errorf("%+v: %v", tt, got)
		}
	}
}
