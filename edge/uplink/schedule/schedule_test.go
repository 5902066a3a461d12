package schedule_test

import (
	"fmt"
	"testing"
	"time"

	"skerry/edge/uplink/schedule"
)

var start = time.Date(2026, 3, 1, 12, 7, 0, 0, time.UTC)

// player looks at a gate as its owner does: when it says, and when something happens.
type player struct {
	t    *testing.T
	gate *schedule.Gate
	now  time.Time
	see  schedule.Now
}

// is demands that the gate is open or closed at a time.
func (p *player) is(open bool, at time.Duration) {
	p.t.Helper()
	for end := start.Add(at); ; {
		got, again := p.gate.Look(p.now, p.see)
		if !p.now.Before(end) {
			if got != open {
				p.t.Fatalf("after %v: open %v, want %v", at, got, open)
			}
			return
		}
		if again.IsZero() || again.After(end) {
			again = end
		}
		if !again.After(p.now) {
			p.t.Fatalf("looks again at %v, and it is %v", again, p.now)
		}
		d := again.Sub(p.now)
		p.now = again
		if p.see.Online > 0 {
			p.see.Online += d
			p.see.Quiet += d
		}
	}
}

func TestAlways(t *testing.T) {
	g := schedule.New(schedule.Options{})
	if open, again := g.Look(start, schedule.Now{}); !open || !again.IsZero() {
		t.Error(open, again)
	}
}

// TestTimed: open at :15 for 45 s of a session, however long that takes to come.
func TestTimed(t *testing.T) {
	p := &player{t: t, now: start, gate: schedule.New(schedule.Options{Mode: schedule.Timed, Every: 15 * time.Minute, Stay: 45 * time.Second})}
	p.see = schedule.Now{Waiting: true}
	p.is(false, 0)
	p.is(false, 8*time.Minute-time.Millisecond)
	p.is(true, 8*time.Minute)
	p.is(true, 9*time.Minute)
	p.see = schedule.Now{Online: time.Millisecond} // all that waited has gone
	p.is(true, 9*time.Minute+44*time.Second)
	p.is(false, 9*time.Minute+46*time.Second)
	p.see.Online = 0
	p.is(false, 22*time.Minute)
	p.is(true, 23*time.Minute)
}

// TestTimedDrains: what waits is sent to the end, however long.
func TestTimedDrains(t *testing.T) {
	p := &player{t: t, now: start, gate: schedule.New(schedule.Options{Mode: schedule.Timed, Every: 15 * time.Minute, Stay: 45 * time.Second})}
	p.is(false, 0)
	p.is(true, 8*time.Minute)
	p.see = schedule.Now{Waiting: true, Online: time.Millisecond}
	p.is(true, 20*time.Minute)
	p.see.Waiting = false
	p.is(false, 20*time.Minute+time.Second)
}

// TestTimedWithSensors: readings that come all the time do not hold the session open; what waited is sent to the end.
func TestTimedWithSensors(t *testing.T) {
	p := &player{t: t, now: start, gate: schedule.New(schedule.Options{Mode: schedule.Timed, Every: 15 * time.Minute, Stay: 45 * time.Second})}
	p.is(true, 8*time.Minute)
	p.see = schedule.Now{Waiting: true, Amount: 900, Online: time.Millisecond}
	p.is(true, 8*time.Minute+50*time.Second)
	for range 899 { // another has come for each that has gone
		p.see.Gone, p.see.Quiet = p.see.Gone+1, 0
		p.is(true, p.now.Sub(start))
	}
	p.see.Urgent = true
	p.see.Gone++
	p.is(true, p.now.Sub(start))
	p.see.Urgent = false
	p.is(false, p.now.Sub(start))
	p.see = schedule.Now{Waiting: true, Amount: 2, Gone: 901}
	p.is(false, 22*time.Minute)
	p.is(true, 23*time.Minute)
}

// TestOnDemandWithSensors: where the time of a session is paid, readings that come all the time do not hold it open.
func TestOnDemandWithSensors(t *testing.T) {
	for _, brief := range []bool{true, false} {
		p := &player{t: t, now: start, gate: schedule.New(schedule.Options{Mode: schedule.OnDemand, Linger: time.Minute, Brief: brief})}
		p.see = schedule.Now{Waiting: true, Amount: 10}
		p.is(false, 0)
		p.is(true, time.Minute)
		p.see.Online = time.Millisecond
		p.is(true, time.Minute+11*time.Second)
		p.see.Gone, p.see.Quiet = 11, 0
		p.is(!brief, time.Minute+12*time.Second)
		p.see.Online = 0
		p.is(!brief, 2*time.Minute+10*time.Second)
		p.is(true, 2*time.Minute+12*time.Second)
	}
}

// TestTimedOutage: without a link it is tried for half of the interval.
func TestTimedOutage(t *testing.T) {
	p := &player{t: t, now: start, gate: schedule.New(schedule.Options{Mode: schedule.Timed, Every: 15 * time.Minute, Stay: 45 * time.Second})}
	p.see.Waiting = true
	p.is(true, 8*time.Minute)
	p.is(true, 15*time.Minute)
	p.is(false, 16*time.Minute)
	p.is(true, 23*time.Minute)
}

// TestAtOnce: some classes do not wait for the time, and the session ends when they are gone.
func TestAtOnce(t *testing.T) {
	p := &player{t: t, now: start, gate: schedule.New(schedule.Options{Mode: schedule.Timed, Every: 15 * time.Minute, Stay: 45 * time.Second})}
	p.see.Waiting = true
	p.is(false, time.Minute)
	p.see.Urgent = true
	p.is(true, time.Minute)
	p.see = schedule.Now{Online: time.Millisecond}
	p.is(true, time.Minute+4*time.Second)
	p.is(false, time.Minute+6*time.Second)
}

// TestClock: a clock that is set aligns it anew.
func TestClock(t *testing.T) {
	g := schedule.New(schedule.Options{Mode: schedule.Timed, Every: time.Hour, Stay: 45 * time.Second})
	boot := time.Unix(100, 0)
	g.Look(boot, schedule.Now{})
	if !g.Next().Equal(time.Unix(3600, 0)) {
		t.Fatal(g.Next())
	}
	if open, _ := g.Look(start, schedule.Now{}); !open {
		t.Error("closed, and the time has passed")
	}
	if want := start.Truncate(time.Hour).Add(time.Hour); !g.Next().Equal(want) {
		t.Errorf("next %v, want %v", g.Next(), want)
	}
	g.Look(boot, schedule.Now{})
	if !g.Next().Equal(time.Unix(3600, 0)) {
		t.Errorf("next %v after the clock was set back", g.Next())
	}
}

// TestOnDemand: it opens when something has waited for a while, for an alarm at once, and closes after a silence.
func TestOnDemand(t *testing.T) {
	p := &player{t: t, now: start, gate: schedule.New(schedule.Options{Mode: schedule.OnDemand, Linger: time.Minute})}
	p.is(false, time.Hour)
	p.see.Waiting = true
	p.is(false, time.Hour+59*time.Second)
	p.is(true, time.Hour+time.Minute)
	p.is(true, 5*time.Hour) // an outage
	p.see.Online = time.Millisecond
	p.is(true, 6*time.Hour)
	p.see.Waiting, p.see.Quiet = false, 0
	p.is(true, 6*time.Hour+4*time.Second)
	p.see.Quiet = 0 // the Server sends something
	p.is(true, 6*time.Hour+8*time.Second)
	p.is(false, 6*time.Hour+10*time.Second)
	p.see = schedule.Now{Waiting: true, Urgent: true}
	p.is(true, 6*time.Hour+10*time.Second)
	p.see = schedule.Now{} // it expired
	p.is(false, 6*time.Hour+12*time.Second)
}

// TestOffset: the gateways of a fleet are spread over a quarter of the interval, each always at the same place.
func TestOffset(t *testing.T) {
	var quarters [8]int
	for i := range 8000 {
		name := fmt.Sprintf("wx-%04d", i)
		d := schedule.Offset(15*time.Minute, name, "cloud", "lte")
		if d != schedule.Offset(15*time.Minute, name, "cloud", "lte") || d < 0 || d >= 15*time.Minute/4 {
			t.Fatalf("%s: %v", name, d)
		}
		quarters[d*8/(15*time.Minute/4)]++
	}
	for i, n := range quarters {
		if n < 800 || n > 1200 {
			t.Errorf("part %d has %d of 8000", i, n)
		}
	}
	g := schedule.New(schedule.Options{Mode: schedule.Timed, Every: 15 * time.Minute, Offset: 100 * time.Second})
	if g.Look(start, schedule.Now{}); g.Next() != start.Truncate(15*time.Minute).Add(15*time.Minute+100*time.Second) {
		t.Errorf("next %v", g.Next())
	}
}

// TestSet: a gate that was open always closes after a silence, keeps what waits together, and is open again when it may be.
func TestSet(t *testing.T) {
	g, now := schedule.New(schedule.Options{}), time.Unix(1_000_000, 0)
	look := func(after time.Duration, n schedule.Now) bool {
		now = now.Add(after)
		open, _ := g.Look(now, n)
		return open
	}
	if !look(0, schedule.Now{}) {
		t.Fatal("closed")
	}
	demand := schedule.Options{Mode: schedule.OnDemand, Linger: time.Hour}
	g.Set(now, demand)
	if !look(time.Second, schedule.Now{Online: time.Hour, Quiet: time.Second}) {
		t.Error("it closes in the middle of something")
	}
	if look(10*time.Second, schedule.Now{Online: time.Hour, Quiet: 11 * time.Second}) {
		t.Error("it stays open with nothing to send")
	}
	for range 59 {
		g.Set(now, demand) // the same: it goes on
		if look(time.Minute, schedule.Now{Waiting: true}) {
			t.Fatal("it does not wait for an hour")
		}
	}
	if !look(2*time.Minute, schedule.Now{Waiting: true}) {
		t.Error("it waits for more than an hour")
	}
	g.Set(now, schedule.Options{})
	if !look(time.Hour, schedule.Now{}) {
		t.Error("closed")
	}
	g.Set(now, schedule.Options{Mode: schedule.Timed, Every: time.Hour, Stay: time.Minute})
	if look(0, schedule.Now{}); g.Next().IsZero() {
		t.Error("no next time")
	}
	if g.Set(now, demand); !g.Next().IsZero() {
		t.Error("on demand, and a next time")
	}
}
