package uplink

import (
	"math/rand/v2"
	"time"

	"skerry/edge/config"
)

// backoff gives the waits between attempts by decorrelated jitter: each is drawn between the shortest and three times the one
// before. A fleet that lost its Server in one moment comes back spread out, and a Server that stays away costs little.
type backoff struct {
	config.DurationRange
	last time.Duration // 0: none since a connection that lasted
}

func newBackoff(r config.DurationRange) *backoff {
	r.Min = max(r.Min, 10*time.Millisecond)
	r.Max = max(r.Max, r.Min)
	return &backoff{DurationRange: r}
}

// reset is called after a connection that lasted.
func (b *backoff) reset() { b.last = 0 }

// next gives the next wait. The first after a connection that lasted may be short: most interruptions are.
func (b *backoff) next() time.Duration {
	if b.last == 0 {
		b.last = b.Min
		return between(b.Min/10, b.Min)
	}
	b.last = min(between(b.Min, 3*b.last), b.Max)
	return b.last
}

func between(low, high time.Duration) time.Duration { return low + rand.N(max(high-low, 0)+1) }
