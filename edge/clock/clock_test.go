package clock_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"skerry/board/sim"
	"skerry/edge/clock"
)

var build = time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC) // the clock of a test begins in 2000

func never() bool { return false }

func TestSources(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		synced := false
		var files sim.Files
		c := clock.New(clock.Options{Floor: build, Synced: func() bool { return synced }, Set: func(time.Time) error { return nil }})
		c.Use(&files)
		if c.Trusted() {
			t.Error("trusted without a source")
		}
		chip := time.Unix(0, 0)
		files.Set("sys/class/rtc/rtc0/since_epoch", sim.File{Read: func() (string, error) { return fmt.Sprintln(chip.Unix()), nil }})
		c.Look(t.Context())
		if c.Trusted() {
			t.Error("a chip without a battery was believed")
		}
		chip = time.Now()
		if c.Look(t.Context()); !c.Trusted() {
			t.Error("a chip that agrees was not believed")
		}
		files.Remove("sys/class/rtc/rtc0/since_epoch")
		c.Look(t.Context())
		if c.Trusted() {
			t.Error("still trusted without the chip")
		}
		if synced = true; !c.Trusted() {
			t.Error("NTP was not believed")
		}
		c.Known(time.Now().Add(time.Hour)) // a date that was wrong, and is put right
		if !c.Trusted() {
			t.Error("NTP was not believed after a date that was too late")
		}
		synced, chip = false, time.Now()
		files.Set("sys/class/rtc/rtc0/since_epoch", sim.File{Read: func() (string, error) { return fmt.Sprintln(chip.Unix()), nil }})
		if c.Look(t.Context()); c.Trusted() {
			t.Error("a chip behind the last known date was believed")
		}
	})
}

func TestFix(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var setTo time.Time
		deny := false
		c := clock.New(clock.Options{Floor: build, Synced: never, Set: func(to time.Time) error {
			if deny {
				return unix.EPERM
			}
			setTo = to
			return nil
		}})
		at := time.Now()
		real := at.AddDate(26, 0, 0).Round(0)
		time.Sleep(200 * time.Millisecond)
		c.Fix(real, at)
		want := real.Add(200 * time.Millisecond)
		if !setTo.Equal(want) {
			t.Errorf("the system was set to %v, want %v", setTo, want)
		}
		time.Sleep(time.Hour)
		if now, trusted := c.Now(); !trusted || !now.Equal(want.Add(time.Hour)) {
			t.Errorf("%v, %t", now, trusted)
		}
		time.Sleep(24 * time.Hour)
		if c.Trusted() {
			t.Error("a fix of yesterday is still believed")
		}
		c.Fix(build.AddDate(-10, 0, 0), time.Now()) // a receiver that has just begun
		if c.Trusted() {
			t.Error("a fix from before the build was believed")
		}
		deny, setTo = true, time.Time{}
		c.Fix(real.AddDate(0, 0, 2), time.Now())
		if now, trusted := c.Now(); !trusted || !now.Equal(real.AddDate(0, 0, 2)) || !setTo.IsZero() {
			t.Errorf("without the right to set the clock: %v, %t", now, trusted)
		}
	})
}

func TestNoGPSWanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clock.New(clock.Options{Sources: []clock.Source{clock.NTP}, Floor: build, Synced: never, Set: func(time.Time) error { return errors.New("set") }})
		if c.Fix(time.Now().AddDate(1, 0, 0), time.Now()); c.Trusted() {
			t.Error("a source that is not configured was believed")
		}
	})
}

// TestForCertificates: a board that starts in 1970 judges by the latest date that is known to be past.
func TestForCertificates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		later := time.Now().AddDate(20, 0, 0)
		c := clock.New(clock.Options{Floor: later, Synced: never})
		if got := c.ForCertificates(); !got.Equal(later) {
			t.Errorf("%v, want that of the build", got)
		}
		c.Known(later.AddDate(1, 0, 0))
		c.Known(later)
		if got := c.ForCertificates(); !got.Equal(later.AddDate(1, 0, 0)) {
			t.Errorf("%v, want the last known date", got)
		}
		c.Fix(later.AddDate(2, 0, 0), time.Now())
		if got := c.ForCertificates(); !got.Equal(later.AddDate(2, 0, 0)) {
			t.Errorf("%v, want the clock", got)
		}
	})
}

// TestTwoMasters: a receiver that tells the date late by its serial line does not set back a clock that NTP keeps in step, nor again and again
// one that cannot be set.
func TestTwoMasters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept, set, failure := true, 0, error(nil)
		var log bytes.Buffer
		c := clock.New(clock.Options{Floor: build, Synced: func() bool { return kept }, Set: func(time.Time) error { set++; return failure },
			Log: slog.New(slog.NewTextHandler(&log, nil))})
		c.Fix(time.Now().Round(0).Add(-800*time.Millisecond), time.Now())
		if set != 0 {
			t.Error("a clock that is kept in step was set back")
		}
		c.Fix(time.Now().Round(0).Add(time.Hour), time.Now())
		if set != 1 {
			t.Error("a clock that is wrong by an hour was not set")
		}
		kept = false
		c.Fix(time.Now().Round(0).Add(-800*time.Millisecond), time.Now())
		if set != 2 {
			t.Error("a clock that nobody keeps in step was not set")
		}
		failure = unix.EINVAL
		log.Reset()
		for range 100 {
			time.Sleep(time.Second)
			c.Fix(time.Now().Round(0).AddDate(1, 0, 0), time.Now())
		}
		if n := strings.Count(log.String(), "cannot be set"); n != 1 {
			t.Errorf("said %d times that the clock cannot be set", n)
		}
	})
}

// TestSays: the log has once that the date is not known, also at the start, and once that it is.
func TestSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		synced := false
		c := clock.New(clock.Options{Floor: build, Synced: func() bool { return synced }, Log: slog.New(slog.NewTextHandler(&log, nil))})
		for _, synced = range []bool{false, true, false} {
			for range 3 {
				c.Now()
			}
		}
		var said []string
		for line := range strings.Lines(log.String()) {
			_, text, _ := strings.Cut(line, "msg=\"")
			text, _, _ = strings.Cut(text, "\"")
			said = append(said, text)
		}
		want := []string{"the date is not known: readings are marked until a clock source has it", "the date is known",
			"the date is not known: readings are marked until a clock source has it"}
		if !slices.Equal(said, want) {
			t.Errorf("said %q, want %q", said, want)
		}
	})
}

// TestAClockChipThatIsOff is not one that agrees; and one that is late, as a module of the kernel that is loaded late, is found soon.
func TestAClockChipThatIsOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var files sim.Files
		var off atomic.Int64
		c := clock.New(clock.Options{Floor: build, Synced: never})
		c.Use(&files)
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { c.Run(ctx) })
		defer running.Wait()
		defer cancel()
		time.Sleep(time.Minute)
		off.Store(10)
		files.Set("sys/class/rtc/rtc0/since_epoch", sim.File{Read: func() (string, error) { return fmt.Sprintln(time.Now().Unix() + off.Load()), nil }})
		time.Sleep(time.Minute)
		if c.Trusted() {
			t.Error("a chip that is off by 10 s was believed")
		}
		off.Store(0)
		if time.Sleep(11 * time.Second); !c.Trusted() {
			t.Error("a chip that agrees was not asked within 11 s")
		}
	})
}

// TestDate: a moment of an hour ago has the date of an hour ago, whoever has told the date since.
func TestDate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clock.New(clock.Options{Floor: build, Synced: never})
		then := time.Now()
		if got, trusted := c.Date(then); trusted || !got.Equal(then) {
			t.Errorf("%v, %t; want the moment as it is", got, trusted)
		}
		time.Sleep(time.Hour)
		right := time.Now().Round(0).AddDate(26, 0, 0)
		c.Fix(right, time.Now())
		time.Sleep(time.Minute)
		if got, trusted := c.Date(then); !trusted || !got.Equal(right.Add(-time.Hour)) {
			t.Errorf("%v, %t; want %v", got, trusted, right.Add(-time.Hour))
		}
	})
}
