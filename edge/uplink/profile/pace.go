package profile

import "time"

// Pace spreads messages so that in no second more of them leave than a server takes. It aims below the limit, as a link bunches
// what it carries. The zero Pace holds nothing back. It belongs to one goroutine.
type Pace struct {
	rate, bytes bucket
}

// Pace gives the one of a connection to the server.
func (p *Profile) Pace() Pace {
	return Pace{newBucket(p.Rate*0.9, p.Rate*0.05), newBucket(p.Bytes*0.65, p.Bytes*0.05)}
}

// Wait tells how long the next message has to wait; 0: it may leave.
func (p *Pace) Wait(now time.Time) time.Duration { return max(p.rate.wait(now), p.bytes.wait(now)) }

// Sent notes one that leaves.
func (p *Pace) Sent(now time.Time, size int) {
	p.rate.take(now, 1)
	p.bytes.take(now, float64(size))
}

// bucket fills with rate units per second up to most. What is taken may be more than is there: the next one waits longer then, as
// a message that is larger than the bucket must leave too.
type bucket struct {
	rate, most, level float64
	at                time.Time
}

func newBucket(rate, most float64) bucket { return bucket{rate: rate, most: most, level: most} }

func (b *bucket) fill(now time.Time) {
	if !b.at.IsZero() {
		b.level = min(b.most, b.level+b.rate*max(now.Sub(b.at), 0).Seconds())
	}
	b.at = now
}

func (b *bucket) wait(now time.Time) time.Duration {
	if b.rate == 0 {
		return 0
	}
	if b.fill(now); b.level >= min(1, b.most) {
		return 0
	}
	return max(time.Duration((min(1, b.most)-b.level)/b.rate*float64(time.Second)), time.Millisecond)
}

func (b *bucket) take(now time.Time, n float64) {
	if b.rate > 0 {
		b.fill(now)
		b.level -= n
	}
}
