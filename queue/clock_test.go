package queue_test

import (
	"testing"
	"time"

	"skerry/queue"
	"skerry/queue/vfs"
)

// machine is a station whose kernel, boot clock and date a test moves.
type machine struct {
	kernel  byte
	clock   time.Duration
	date    time.Duration // since some day of 2026
	trusted bool
}

func (m *machine) boot() queue.Boot {
	return queue.Boot{
		ID:    [16]byte{m.kernel},
		Clock: func() time.Duration { return m.clock },
		Wall: func() (int64, bool) {
			return 1_780_000_000_000 + m.date.Milliseconds(), m.trusted
		},
	}
}

// TestExpiryWhileOff: a message that may live for an hour waits while the station is off for a day.
func TestExpiryWhileOff(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		name          string
		before, after machine
		expires       bool
	}{
		{"trusted dates", machine{1, time.Hour, 0, true}, machine{2, time.Minute, day, true}, true},
		{"no trusted date before", machine{1, time.Hour, 0, false}, machine{2, time.Minute, day, true}, false},
		{"no trusted date after", machine{1, time.Hour, 0, true}, machine{2, time.Minute, day, false}, false},
		{"trusted dates, off for a second", machine{1, time.Hour, 0, true}, machine{2, time.Minute, time.Minute, true}, false},
		{"the date steps under one kernel", machine{1, time.Hour, 0, true}, machine{1, time.Hour + time.Minute, day, true}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			disk := vfs.NewDisk()
			o := small
			o.Boot = c.before.boot()
			s, _ := open(t, disk, o)
			x := create(t, s, queue.SessionOptions{})
			m := message("short")
			m.HasExpiry, m.Expiry = true, 3600
			publish(t, s, m, at(x, 1))
			commit(t, s)
			closeStore(t, s)

			o.Boot = c.after.boot()
			s, _ = open(t, disk, o)
			defer closeStore(t, s)
			create(t, s, queue.SessionOptions{}) // something to commit: the date is looked at then
			commit(t, s)
			x = s.Session(x.Number())
			x.Resume(0)
			x.Next(nil, 0)
			commit(t, s)
			if c.expires {
				next(t, x)
			} else {
				next(t, x, "short")
			}
		})
	}
}

// TestStampAfterSleep: a message that is published right after the machine has slept is not older than it is. Go's
// clock stands still while the machine sleeps, the boot clock does not.
func TestStampAfterSleep(t *testing.T) {
	began, slept := time.Now(), time.Duration(0)
	o := small
	o.Boot = queue.Boot{ID: [16]byte{1}, Clock: func() time.Duration { return time.Hour + time.Since(began) + slept }}
	s, _ := open(t, vfs.NewDisk(), o)
	defer closeStore(t, s)
	x := create(t, s, queue.SessionOptions{})
	commit(t, s)
	slept = 24 * time.Hour
	kept, short := message("kept"), message("short")
	short.HasExpiry, short.Expiry = true, 3600
	publish(t, s, kept, at(x, 1))
	publish(t, s, short, at(s.NewVolatile(queue.SessionOptions{}), 1))
	moment := s.Now()
	slept += time.Minute
	commit(t, s) // reads the boot clock
	for name, age := range map[string]time.Duration{"kept": s.Age(kept), "short": s.Age(short), "now": s.Since(moment)} {
		if age > 10*time.Minute {
			t.Errorf("%s: %v old", name, age)
		}
	}
}
