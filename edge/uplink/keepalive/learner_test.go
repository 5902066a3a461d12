package keepalive_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"skerry/edge/uplink/keepalive"
)

var (
	start  = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	bounds = keepalive.Bounds{Floor: time.Minute, Ceiling: 28 * time.Minute}
)

// silent is a trial after a silence both ways that ends at a time.
func silent(d time.Duration, end time.Time) keepalive.Trial {
	return keepalive.Trial{Since: end.Add(-d), Idle: d, Wall: d, Unsaid: d, Unheard: d}
}

// lose has two connections lost after a silence each, in favourable circumstances but for what the change does.
func lose(l *keepalive.Learner, change func(*keepalive.Trial) (reconnect time.Duration, failed bool)) time.Time {
	now := start.Add(time.Hour)
	for range 2 {
		trial := silent(l.Interval(), now)
		wait, failed := change(&trial)
		l.Lost(trial, now)
		if failed {
			l.Failed()
		}
		l.Connected(now.Add(wait))
		now = now.Add(time.Hour)
	}
	return now
}

// TestCounts: a loss counts only if nothing else explains it.
func TestCounts(t *testing.T) {
	for name, test := range map[string]struct {
		line   keepalive.Line
		change func(*keepalive.Trial) (time.Duration, bool)
		counts bool
	}{
		"plain":              {change: func(*keepalive.Trial) (time.Duration, bool) { return 5 * time.Second, false }, counts: true},
		"at the last moment": {change: func(*keepalive.Trial) (time.Duration, bool) { return time.Minute, false }, counts: true},
		"reconnected late":   {change: func(*keepalive.Trial) (time.Duration, bool) { return 61 * time.Second, false }},
		"an attempt failed":  {change: func(*keepalive.Trial) (time.Duration, bool) { return 20 * time.Second, true }},
		"clock set forward":  {change: func(t *keepalive.Trial) (time.Duration, bool) { t.Wall += time.Hour; return 0, false }},
		"clock set back":     {change: func(t *keepalive.Trial) (time.Duration, bool) { t.Wall -= time.Hour; return 0, false }},
		"clock slewed":       {change: func(t *keepalive.Trial) (time.Duration, bool) { t.Wall += time.Second; return 0, false }, counts: true},
		"sent meanwhile": {change: func(t *keepalive.Trial) (time.Duration, bool) {
			t.Idle, t.Unsaid, t.Unheard, t.Wall = time.Second, time.Second, 30*time.Second, time.Second
			return 0, false
		}},
		"poor":      {line: keepalive.Line{Poor: true}, change: func(*keepalive.Trial) (time.Duration, bool) { return 0, false }},
		"roaming":   {line: keepalive.Line{Roaming: true}, change: func(*keepalive.Trial) (time.Duration, bool) { return 0, false }},
		"event":     {line: keepalive.Line{Event: start.Add(59 * time.Minute)}, change: func(*keepalive.Trial) (time.Duration, bool) { return 0, false }},
		"old event": {line: keepalive.Line{Event: start.Add(50 * time.Minute)}, change: func(*keepalive.Trial) (time.Duration, bool) { return 0, false }, counts: true},
	} {
		t.Run(name, func(t *testing.T) {
			l := keepalive.New(keepalive.State{}, bounds, start)
			l.Look(start.Add(time.Hour-time.Second), test.line)
			first := true
			now := lose(l, func(trial *keepalive.Trial) (time.Duration, bool) {
				if !first && !test.line.Event.IsZero() && !test.counts { // one for each
					l.Look(trial.Since.Add(time.Second), keepalive.Line{Event: trial.Since.Add(time.Second)})
				}
				first = false
				return test.change(trial)
			})
			if s := l.State(); (s.Hi != 0) != test.counts {
				t.Errorf("at %v: %+v", now, s)
			}
		})
	}
}

// TestPoorMoment: a signal that was poor for a moment of the silence makes its end void, both ways.
func TestPoorMoment(t *testing.T) {
	l := keepalive.New(keepalive.State{}, bounds, start)
	for i := range 8 {
		now := start.Add(time.Duration(i+1) * time.Hour)
		trial := silent(l.Interval(), now)
		l.Look(trial.Since.Add(10*time.Second), keepalive.Line{Poor: true})
		l.Look(trial.Since.Add(20*time.Second), keepalive.Line{})
		if i%2 == 0 {
			l.Lost(trial, now)
			l.Connected(now)
		} else if l.Answered(trial, now) {
			t.Error("an answer counts")
		}
	}
	if s := l.State(); s.OK+s.Fails+s.Lo+s.Hi > 0 {
		t.Errorf("%+v", s)
	}
}

// TestFactor: a signal band shortens the interval within the bounds.
func TestFactor(t *testing.T) {
	l := keepalive.New(keepalive.State{Lo: 1000, Hi: 1050, K: 900, Phase: keepalive.Hold, When: start.Unix()}, bounds, start)
	for factor, want := range map[float64]time.Duration{0: 900 * time.Second, 0.5: 450 * time.Second, 0.01: time.Minute, 2: 900 * time.Second} {
		l.Look(start, keepalive.Line{Factor: factor})
		if got := l.Interval(); got != want {
			t.Errorf("factor %v: %v, want %v", factor, got, want)
		}
	}
}

// TestWritten: what is held is written once, however often it is confirmed, and comes back as it was.
func TestWritten(t *testing.T) {
	l := keepalive.New(keepalive.State{Lo: 1000, Hi: 1050, K: 900, Phase: keepalive.Hold, When: start.Unix()}, bounds, start)
	for i := range 1000 {
		if now := start.Add(time.Duration(i+1) * 15 * time.Minute); l.Answered(silent(l.Interval(), now), now) {
			t.Fatalf("answer %d has changed %+v", i, l.State())
		}
	}
	before := l.State()
	if again := keepalive.New(before, bounds, start.Add(time.Hour)); again.State() != before {
		t.Errorf("%+v has become %+v", before, again.State())
	}
}

// TestNonsense: a document that makes no sense is as good as none.
func TestNonsense(t *testing.T) {
	fresh := keepalive.New(keepalive.State{}, bounds, start).State()
	for _, s := range []keepalive.State{
		{K: -1, Phase: keepalive.Hold}, {K: 100, Phase: "sleep"}, {K: 100, Lo: 200, Hi: 100, Phase: keepalive.Hold},
		{K: 70000, Phase: keepalive.Hold}, {K: 100, OK: 7, Phase: keepalive.Search}, {K: 100, Fails: -1, Phase: keepalive.Search},
		{K: 100, Phase: keepalive.Probe},
	} {
		if got := keepalive.New(s, bounds, start).State(); got != fresh {
			t.Errorf("%+v becomes %+v", s, got)
		}
	}
	late := keepalive.State{Lo: 1000, Hi: 1050, K: 900, Phase: keepalive.Hold, When: start.Unix() + 1e9}
	if got := keepalive.New(late, bounds, start).State(); got.When != start.Unix() || got.K != 900 {
		t.Errorf("from the future: %+v", got)
	}
}

// TestBook: the document comes back, and the oldest of too many is forgotten.
func TestBook(t *testing.T) {
	var b keepalive.Book
	path := func(i int) keepalive.Path {
		return keepalive.Path{Link: "lte", Operator: "262-02", APN: fmt.Sprint("apn", i), Class: "LTE", Server: "up.example:8883"}
	}
	for i := range keepalive.Most + 3 {
		b.Put(path(i), keepalive.State{K: 100 + i, Phase: keepalive.Hold, Lo: 100})
		b.Put(path(0), keepalive.State{K: 99, Phase: keepalive.Hold, Lo: 100})
	}
	document, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	again, err := keepalive.ParseBook(document)
	if err != nil || again.Len() != keepalive.Most {
		t.Fatalf("%d paths, %v", again.Len(), err)
	}
	if again.Get(path(0)).K != 99 || again.Get(path(3)).K != 0 || again.Get(path(keepalive.Most)).K != 100+keepalive.Most {
		t.Errorf("%s", document)
	}
	if n := len(document); n > 4096 {
		t.Errorf("the document has %d bytes", n)
	}
}

func TestString(t *testing.T) {
	l := keepalive.New(keepalive.State{Lo: 290, Hi: 320, K: 261, Phase: keepalive.Hold, Lost: 4, When: start.Unix()}, bounds, start)
	if got := l.Status().String(); got != "4m21s, held; 4m50s is proven; 5m20s is too long; 4 connections lost" {
		t.Error(got)
	}
	l.Look(start, keepalive.Line{Poor: true})
	if got := l.Status().String(); !strings.Contains(got, "poor signal") {
		t.Error(got)
	}
}

// FuzzBook: no document is taken for more than it is.
func FuzzBook(f *testing.F) {
	f.Add([]byte(`[{"server":"h:1","lo":290,"hi":320,"k":261,"state":"hold","when":1}]`))
	f.Add([]byte(`[{"k":1e99}]`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, document []byte) {
		b, err := keepalive.ParseBook(document)
		if err != nil {
			return
		}
		again, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		same, err := keepalive.ParseBook(again)
		if err != nil || same.Len() != b.Len() {
			t.Errorf("%s comes back with %d of %d paths, %v", document, same.Len(), b.Len(), err)
		}
	})
}

// TestAnything: whatever comes, in whatever order, the interval is within the bounds and the document makes sense.
func TestAnything(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 3))
		duration := func() time.Duration { return time.Duration(random.Int64N(int64(40 * time.Minute))) }
		b := keepalive.Bounds{Floor: duration(), Ceiling: duration()}
		l, now := keepalive.New(keepalive.State{}, b, start), start
		for range 2000 {
			now = now.Add(duration())
			trial := silent(duration(), now)
			if random.IntN(3) == 0 {
				trial = keepalive.Trial{Since: now.Add(-duration()), Idle: duration(), Wall: duration(), Unsaid: duration(), Unheard: duration()}
			}
			switch random.IntN(10) {
			case 0, 1, 2, 3:
				l.Answered(trial, now)
			case 4, 5:
				l.Lost(trial, now)
				l.Connected(now)
			case 6:
				l.Closed(trial, now)
				l.Connected(now)
			case 7:
				l.Look(now, keepalive.Line{Poor: random.IntN(9) == 0, Event: now.Add(-duration()), Factor: random.Float64() * 2})
			case 8:
				l.Failed()
			case 9:
				if random.IntN(50) == 0 {
					b = keepalive.Bounds{Floor: duration(), Ceiling: duration()}
					l.Bound(b)
				}
			}
			st := l.Status()
			if k := l.Interval(); k < st.Floor || k > st.Ceiling {
				t.Fatalf("seed %d: %v is outside %v..%v", seed, k, st.Floor, st.Ceiling)
			}
			if s := l.State(); keepalive.New(s, b, now).State() != s {
				t.Fatalf("seed %d: %+v does not come back", seed, s)
			}
		}
	}
}

// TestOutageBetween: an outage makes the loss before it void, too.
func TestOutageBetween(t *testing.T) {
	l := keepalive.New(keepalive.State{}, bounds, start)
	for i := range 10 {
		now := start.Add(time.Duration(i+1) * time.Hour)
		l.Lost(silent(l.Interval(), now), now)
		l.Connected(now)
		if i%2 == 0 && l.State().Fails != 1 {
			t.Fatalf("a loss does not count: %+v", l.State())
		}
		if i%2 == 0 {
			l.Failed()
		}
		l.Answered(silent(l.Interval()-time.Second, now.Add(time.Minute)), now.Add(time.Minute)) // shorter: clears nothing
		l.Failed()
	}
	if s := l.State(); s.Hi != 0 || s.Fails != 0 {
		t.Errorf("%+v", s)
	}
}

// TestStale: two losses that are days apart are no timer.
func TestStale(t *testing.T) {
	held := keepalive.State{Lo: 1000, Hi: 1050, K: 900, Phase: keepalive.Hold, When: start.Unix()}
	l := keepalive.New(held, bounds, start)
	for i := range 5 {
		now := start.Add(time.Duration(i+1) * 25 * time.Hour)
		l.Lost(silent(10*time.Minute, now), now)
		l.Connected(now)
		if s := l.State(); s.K != 900 || s.Fails != 1 {
			t.Fatalf("%+v", s)
		}
	}
}

// TestBefore: what is lost with a message, before a PINGREQ was due, speaks against as much silence as there was.
func TestBefore(t *testing.T) {
	l := keepalive.New(keepalive.State{Lo: 1400, Hi: 1500, K: 1260, Phase: keepalive.Hold, When: start.Unix()}, bounds, start)
	now := start.Add(time.Hour)
	for range 2 {
		l.Lost(silent(10*time.Minute, now), now)
		l.Connected(now)
		now = now.Add(time.Hour)
	}
	if s := l.State(); s.Hi != 600 || s.Lo != 0 || s.K != 420 || s.Phase != keepalive.Search {
		t.Errorf("%+v", s)
	}
}

// TestDrop: two losses with what is held begin a search below it, one loss and an answer do not.
func TestDrop(t *testing.T) {
	held := keepalive.State{Lo: 1000, Hi: 1050, K: 900, Phase: keepalive.Hold, When: start.Unix()}
	l := keepalive.New(held, bounds, start)
	now := start
	lose := func() {
		now = now.Add(time.Hour)
		l.Lost(silent(l.Interval(), now), now)
		l.Connected(now)
	}
	for range 5 {
		lose()
		now = now.Add(time.Hour)
		l.Answered(silent(l.Interval(), now), now)
	}
	if s := l.State(); s.K != 900 || s.Fails != 0 {
		t.Fatalf("%+v", s)
	}
	lose()
	lose()
	if s := l.State(); s.Hi != 900 || s.Lo != 0 || s.K != 630 || s.Phase != keepalive.Search {
		t.Errorf("%+v", s)
	}
}
