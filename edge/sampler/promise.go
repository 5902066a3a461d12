package sampler

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"skerry/drivers"
)

const (
	// roundTime is what a bus takes for a sensor at most: a call and one that puts the sensor to rest, each abandoned in the end.
	roundTime = drivers.SenseTimeout + grace + parting + grace
	// overdue is how late a bus may be: publishing waits while storage is slow.
	overdue = 30 * time.Second
)

// promise is when a bus comes round again at the latest. The zero promise is none.
type promise struct{ at atomic.Pointer[time.Time] }

func (p *promise) within(d time.Duration) {
	at := time.Now().Add(d + overdue)
	p.at.Store(&at)
}

func (p *promise) over() { p.at.Store(nil) }

// late is by how much it was broken; not positive: it was not.
func (p *promise) late(now time.Time) time.Duration {
	if at := p.at.Load(); at != nil {
		return now.Sub(*at)
	}
	return 0
}

// Overdue names the sensors on whose bus nothing has come round for longer than it may take, nil if there are none: this package itself
// hangs there, or the kernel under it. A call of a driver that hangs is abandoned, and is no such thing.
func (s *Sampler) Overdue() error {
	now := time.Now()
	var errs []error
	for _, b := range s.buses {
		if late := b.due.late(now); late > 0 {
			var names []string
			for _, x := range b.sensors {
				names = append(names, x.config.Name)
			}
			errs = append(errs, fmt.Errorf("nothing has been heard of %s for %v", strings.Join(names, ", "), (late+overdue).Round(time.Second)))
		}
	}
	return errors.Join(errs...)
}
