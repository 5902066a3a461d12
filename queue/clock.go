package queue

import (
	"encoding/hex"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// thisMachine reads the boot clock and the identity of the running kernel. An unreadable identity is zero: then
// every start counts as one after a loss of power.
func thisMachine() Boot {
	b := Boot{Clock: func() time.Duration {
		var ts unix.Timespec
		if unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts) != nil {
			return 0
		}
		return time.Duration(ts.Nano())
	}}
	if text, err := os.ReadFile("/proc/sys/kernel/random/boot_id"); err == nil {
		id, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(string(text)), "-", ""))
		if err == nil && len(id) == len(b.ID) {
			copy(b.ID[:], id)
		}
	}
	return b
}

// bootClock tells the time since the kernel started from Go's monotonic clock, which costs no system call. That
// clock stands still while the machine sleeps; sync makes up for it. It never runs ahead of the real one, so ages
// stay lower bounds.
type bootClock struct {
	boot   func() time.Duration
	start  time.Time
	offset atomic.Int64
}

func (c *bootClock) init(boot func() time.Duration) {
	c.boot, c.start = boot, time.Now()
	c.offset.Store(int64(boot()))
}

func (c *bootClock) now() time.Duration {
	return time.Duration(c.offset.Load()) + time.Since(c.start)
}

func (c *bootClock) sync() {
	offset := int64(c.boot() - time.Since(c.start))
	if offset > c.offset.Load() {
		c.offset.Store(offset)
	}
}
