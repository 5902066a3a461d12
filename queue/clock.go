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
	b := Boot{Wall: wallClock, Clock: func() time.Duration {
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

// earliest is a date before which no trustworthy clock can be: a board without a battery begins in 1970.
const earliest = 1_704_067_200_000 // 2024-01-01, Unix milliseconds

// wallClock trusts the date when the kernel says that something keeps it in step: chrony, ntpd, systemd-timesyncd or a
// GNSS receiver through one of them clear STA_UNSYNC, and the kernel sets it again when it has not heard of them for
// too long (adjtimex(2)).
func wallClock() (ms int64, trusted bool) {
	ms = time.Now().UnixMilli()
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	return ms, err == nil && synchronized(state, t.Status) && ms >= earliest
}

// synchronized reads the answer of adjtimex.
func synchronized(state int, status int32) bool {
	return state != unix.TIME_ERROR && status&unix.STA_UNSYNC == 0
}

// untrusted is the date of a Boot that says nothing of it.
func untrusted() (int64, bool) { return time.Now().UnixMilli(), false }

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

// elapsed is the time since init.
func (c *bootClock) elapsed() time.Duration { return time.Since(c.start) }

func (c *bootClock) now() time.Duration {
	return time.Duration(c.offset.Load()) + time.Since(c.start)
}

func (c *bootClock) sync() {
	offset := int64(c.boot() - time.Since(c.start))
	for old := c.offset.Load(); offset > old && !c.offset.CompareAndSwap(old, offset); {
		old = c.offset.Load()
	}
}
