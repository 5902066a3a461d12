package queue

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestSynchronized(t *testing.T) {
	for _, c := range []struct {
		name   string
		state  int
		status int32
		want   bool
	}{
		{"in step", unix.TIME_OK, unix.STA_PLL, true},
		{"before a leap second", unix.TIME_INS, unix.STA_PLL | unix.STA_INS, true},
		{"never set", unix.TIME_ERROR, unix.STA_UNSYNC, false},
		{"out of step, though the state is none", unix.TIME_OK, unix.STA_PLL | unix.STA_UNSYNC, false},
		{"in error, though the status is not", unix.TIME_ERROR, unix.STA_PLL, false},
	} {
		if got := synchronized(c.state, c.status); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
}
