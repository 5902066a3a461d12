package uplink

import (
	"context"
	"errors"
	"fmt"
	"time"

	"skerry/broker/client"
	"skerry/edge/uplink/watchdog"
)

// errSilent is why a connection ends on which nobody answers.
var errSilent = errors.New("the link is dead")

// errMute is why a session ends in which the Server has not acknowledged a single message of a stream.
var errMute = errors.New("the server accepts connections and serves nothing")

// wrote has watch look: something may wait for an acknowledgement now.
func (l *link) wrote() {
	select {
	case l.sends <- struct{}{}:
	default:
	}
}

// watch ends a connection on which nothing is acknowledged: PINGRESP does not show that, and would come late. While nothing waits it sleeps.
func (l *link) watch(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.sends:
		}
		if err := l.watchSilence(ctx); err != nil {
			l.conn.Abort(err)
			return
		}
	}
}

// watchSilence looks until nothing waits, or ctx ends. The error is why the connection is given up.
func (l *link) watchSilence(ctx context.Context) error {
	since, slow := time.Now(), false // of the last progress
	told := time.Duration(0)         // the kernel, last
	timer := time.NewTimer(l.limits().Floor / looks)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		waiting := l.conn.Unacknowledged(1, 65535) + l.own.waiting()
		if waiting == 0 {
			return nil
		}
		if taken := l.born.Add(time.Duration(l.taken.Load())); taken.After(since) {
			since, slow = taken, false
		}
		limits := l.limits()
		silence := watchdog.Silence{For: time.Since(since), Path: l.path}
		silence.Trip, silence.Varies = l.flow.Trip()
		verdict := limits.Judge(silence)
		if !l.served.Load() && (verdict == watchdog.Stuck || verdict == watchdog.Dead && l.path == nil) {
			return fmt.Errorf("%w (%w): nothing was acknowledged for %v with %d packets on their way", errMute, client.ErrTimeout, silence.For.Round(time.Second/10), waiting)
		}
		switch verdict {
		case watchdog.Dead:
			return fmt.Errorf("%w (%w): nothing was acknowledged for %v with %d packets on their way", errSilent, client.ErrTimeout, silence.For.Round(time.Second/10), waiting)
		case watchdog.Stuck:
			return fmt.Errorf("%w: the server has everything and acknowledges nothing for %v, with %d packets on their way", client.ErrTimeout, silence.For.Round(time.Second/10), waiting)
		case watchdog.Slow:
			if !slow {
				slow = true
				l.u.count(func(s *Status) { s.Slow++ })
			}
		}
		dead := limits.Dead(silence.Trip, silence.Varies)
		if patience := l.way.net(dead); l.kernel != nil && patience != told {
			told = patience
			_ = l.kernel(patience) // without it the kernel gives up as it was told before
		}
		timer.Reset(dead / looks)
	}
}

// looks is how often the watchdog looks within its limit.
const looks = 24

// limits are those of the link in use.
func (l *link) limits() watchdog.Limits {
	slow, factor := max(l.u.ackTimeout, l.slowest()), l.way.slower()
	return watchdog.Limits{Floor: min(l.way.kind.DeadFloor, l.u.ackTimeout), Slow: time.Duration(float64(slow) * factor), Factor: factor}
}

// slowest is what a Server is given at least, whatever the options say: less than the link itself may need would be of no use.
func (l *link) slowest() time.Duration {
	if l.path == nil {
		return 0
	}
	return 2 * l.way.kind.DeadFloor
}
