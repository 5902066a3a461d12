package drivers

import (
	"context"
	"os"
	"time"
)

// receiveStep is how often Receive looks at its context while the port is silent.
const receiveStep = 200 * time.Millisecond

// Receive reads what a port has, waiting for the first byte until a moment at most. Port itself knows deadlines only; here the wait
// ends with ctx too. Silence is os.ErrDeadlineExceeded, also when the deadline of ctx is the earlier one.
func Receive(ctx context.Context, p Port, b []byte, until time.Time) (int, error) {
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(until) {
		until = deadline
	}
	for {
		now := time.Now()
		if err := context.Cause(ctx); err != nil && now.Before(until) {
			return 0, err
		}
		if !now.Before(until) {
			return 0, os.ErrDeadlineExceeded
		}
		step := now.Add(receiveStep)
		if until.Before(step) {
			step = until
		}
		if err := p.SetReadDeadline(step); err != nil {
			return 0, err
		}
		n, err := p.Read(b)
		if n > 0 || err != nil && !os.IsTimeout(err) {
			return n, err
		}
	}
}

// Breaker is a Port that can hold its line at the spacing level for longer than a character takes, which wakes the sensors of an
// SDI-12 bus.
type Breaker interface {
	// Break returns when the break is over. It is begun at once: what was written just before must have left.
	Break(d time.Duration) error
}
