package budget_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"skerry/edge/uplink/budget"
)

// clock is a date and what has passed, moved by a test.
type clock struct {
	date    time.Time
	trusted bool
	passed  time.Duration
}

func at(text string) *clock {
	t, err := time.Parse("2006-01-02 15:04", text)
	if err != nil {
		panic(err)
	}
	return &clock{date: t, trusted: true}
}

func (c *clock) now() (time.Time, bool) { return c.date, c.trusted }

func (c *clock) after(d time.Duration) *clock {
	c.date, c.passed = c.date.Add(d), c.passed+d
	return c
}

func (c *clock) set(text string) *clock {
	c.date = at(text).date
	return c
}

// disk keeps facts; each is on it at once.
type disk struct {
	fact, history []byte
	writes, bytes int
	err           error
}

func (d *disk) keep(fact []byte, kept func()) error {
	if d.err != nil {
		return d.err
	}
	d.fact = bytes.Clone(fact)
	d.writes++
	d.bytes += len(fact)
	kept()
	return nil
}

func (d *disk) keepHistory(text []byte) error {
	if d.err != nil {
		return d.err
	}
	d.history = bytes.Clone(text)
	d.bytes += len(text)
	return nil
}

// open makes an account on a disk.
func open(t testing.TB, c *clock, d *disk, o budget.Options) *budget.Account {
	t.Helper()
	o.Now, o.Passed = c.now, func() time.Duration { return c.passed }
	o.Fact, o.History, o.KeepHistory = d.fact, d.history, d.keepHistory
	if o.Keep == nil {
		o.Keep = d.keep
	}
	if o.Reserve == 0 {
		o.Reserve = budget.DefaultReserve
	}
	o.Reserve = max(o.Reserve, 0)
	a, err := budget.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func perDay(bytes int64) []budget.Allowance {
	return []budget.Allowance{{Bytes: bytes, Period: budget.Day}}
}

func perMonth(bytes int64) []budget.Allowance {
	return []budget.Allowance{{Bytes: bytes, Period: budget.Month}}
}

func used(a *budget.Account) int64 { return a.Status().Forecasts[0].Used }

// slowDisk keeps facts one after the other, each after a while.
type slowDisk struct {
	slow time.Duration

	mu        sync.Mutex
	surviving []byte // on the disk
	written   []byte // given last
}

// begin serves one run of the program, until it is killed.
func (d *slowDisk) begin() (keep func(fact []byte, kept func()) error, kill func(torn bool)) {
	type write struct {
		fact []byte
		kept func()
	}
	writing := make(chan write, 1000)
	alive := true
	var ended sync.WaitGroup
	ended.Go(func() {
		for w := range writing {
			time.Sleep(d.slow)
			d.mu.Lock()
			if alive {
				d.surviving = w.fact
				w.kept()
			}
			d.mu.Unlock()
		}
	})
	keep = func(fact []byte, kept func()) error {
		d.written = fact
		writing <- write{fact, kept}
		return nil
	}
	kill = func(torn bool) {
		d.mu.Lock()
		alive = false
		if !torn && d.written != nil { // was just about to be on the disk
			d.surviving = d.written
		}
		d.mu.Unlock()
		close(writing)
		ended.Wait()
	}
	return keep, kill
}

// TestKillsNeverUnderCount plays kills at any moment, with a disk that takes a while: what is written last may survive or not.
func TestKillsNeverUnderCount(t *testing.T) {
	for seed := range uint64(100) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			p := &play{r: r, chunk: 1000 << r.IntN(7), disk: &slowDisk{slow: time.Duration(r.IntN(3)) * 100 * time.Millisecond}}
			for range 30 {
				if err := p.run(); err != nil {
					t.Fatalf("seed %d, run after %d kills: %v", seed, p.kills, err)
				}
			}
		})
	}
}

// play knows what an account should know.
type play struct {
	r     *rand.Rand
	chunk int64
	disk  *slowDisk
	real  int64 // bytes used
	slack int64 // bytes that may be counted too much
	kills int
}

func (p *play) run() error {
	keep, kill := p.disk.begin()
	torn := p.r.IntN(2) == 0
	defer func() { kill(torn) }()
	a, err := budget.New(budget.Options{
		Allowances: []budget.Allowance{{Bytes: 10 * budget.MB, Period: budget.Day}, {Bytes: 100 * budget.MB, Period: budget.Month}},
		Chunk:      p.chunk, Fact: p.disk.surviving, Now: at("2026-11-30 10:00").now, Patience: time.Minute, Keep: keep,
	})
	if err != nil {
		return err
	}
	for _, f := range a.Status().Forecasts {
		if f.Used < p.real || f.Used > p.real+p.slack {
			return fmt.Errorf("%d counted, %d used, at most %d too much allowed", f.Used, p.real, p.slack)
		}
	}
	largest, counted := p.spend(a)
	if counted && p.r.IntN(4) == 0 {
		a.Close()
		time.Sleep(time.Minute)
		if p.r.IntN(2) == 0 {
			return nil
		}
		more, _ := p.spend(a) // after all
		largest = max(largest, more)
	}
	p.kills++
	p.slack += max(p.chunk, largest+p.chunk/8)
	return nil
}

// spend uses bytes until it is over, or the program is killed between using and counting.
func (p *play) spend(a *budget.Account) (largest int64, counted bool) {
	for range p.r.IntN(60) {
		n := 1 + p.r.Int64N(p.chunk/16)
		if p.r.IntN(2) == 0 { // sent: covered before
			n = 1 + p.r.Int64N(2*p.chunk)
			largest = max(largest, n)
			a.Cover(n)
		} else { // received: what came before is covered
			a.Cover(0)
		}
		p.real += n
		if p.r.IntN(50) == 0 {
			return largest, false
		}
		a.Spend(budget.Class(p.r.IntN(budget.Classes)), n)
	}
	return largest, true
}

func TestOrderlyRestartCostsNothing(t *testing.T) {
	c, d := at("2026-11-30 10:00"), &disk{}
	for i := range int64(10) {
		a := open(t, c, d, budget.Options{Allowances: perDay(budget.MB)})
		if got := used(a); got != i*100 {
			t.Fatalf("%d used, want %d", got, i*100)
		}
		a.Spend(budget.Live, 100)
		a.Close()
	}
	a := open(t, c, d, budget.Options{Allowances: perDay(budget.MB)})
	a.Close()
	a.Spend(budget.Live, 5000) // after all
	a = open(t, c, d, budget.Options{Allowances: perDay(budget.MB)})
	if got := used(a); got < 6000 {
		t.Fatalf("%d used, want at least 6000", got)
	}
}

// TestSpendingAfterClose: what was charged ahead was given back, and covers nothing any more.
func TestSpendingAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &slowDisk{slow: 100 * time.Millisecond}
		keep, kill := d.begin()
		defer func() { kill(true) }()
		a, err := budget.New(budget.Options{Allowances: perDay(budget.MB), Keep: keep, Patience: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		a.Cover(1000)
		a.Spend(budget.Live, 1000)
		a.Close()
		time.Sleep(time.Minute)
		began := time.Now()
		if !a.Cover(10) || time.Since(began) == 0 {
			t.Error("covered, and the disk has not written since")
		}
	})
}

// TestLittleIsWritten: a thousand readings, each as dear as it is without batches.
func TestLittleIsWritten(t *testing.T) {
	for _, test := range []struct {
		name    string
		o       budget.Options
		reading int64 // bytes on the wire
	}{
		{"50 MB a month, one by one", budget.Options{Allowances: perMonth(50 * budget.MB)}, 293},
		{"both, one by one", budget.Options{Allowances: []budget.Allowance{{Bytes: 5 * budget.MB}, {Bytes: 50 * budget.MB, Period: budget.Month}}}, 293},
		{"200 kB a day, packed", budget.Options{Allowances: perDay(200 * budget.KB)}, 20},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, d := at("2026-11-30 10:00"), &disk{}
			a := open(t, c, d, test.o)
			const readings = 10_000
			for range readings {
				a.Spend(budget.Live, test.reading)
				c.after(time.Minute)
			}
			const key = 30 // bytes: a name for the fact
			if per := float64(d.bytes+key*d.writes) / (readings / 1000); per > 1000 {
				t.Errorf("%.0f B written per 1,000 readings in %d writes, want at most 1,000", per, d.writes)
			} else {
				t.Logf("%.0f B written per 1,000 readings; a fact: %s", per, d.fact)
			}
		})
	}
}

func TestReserveIsForAlarms(t *testing.T) {
	var log bytes.Buffer
	c, d := at("2026-11-30 10:00"), &disk{}
	a := open(t, c, d, budget.Options{Allowances: perDay(100 * budget.KB), Log: slog.New(slog.NewTextHandler(&log, nil))})
	for a.May(budget.Live) {
		a.Spend(budget.Live, 1000)
	}
	if got := used(a); got != 90*budget.KB {
		t.Errorf("%d used by what is not an alarm, want 90 kB", got)
	}
	if a.Rung() != budget.AlarmOnly {
		t.Errorf("rung %v, want alarm-only", a.Rung())
	}
	for range 30 {
		for _, class := range []budget.Class{budget.State, budget.Live, budget.Backfill, budget.Overhead} {
			if a.May(class) {
				t.Fatalf("%v may", class)
			}
		}
		if !a.May(budget.Alarm) {
			t.Fatal("an alarm may not")
		}
		a.Spend(budget.Alarm, 1000)
		a.Held(budget.Live, 2)
		a.Dropped(budget.State, 1)
	}
	s := a.Status()
	if s.Over != 20*budget.KB || s.Bytes[budget.Alarm] != 30*budget.KB || s.Held[budget.Live] != 60 || s.Dropped[budget.State] != 30 {
		t.Errorf("status %+v", s)
	}
	if n := strings.Count(log.String(), "more than its budget"); n != 1 {
		t.Errorf("said %d times, want once:\n%s", n, log.String())
	}
	c.after(14 * time.Hour)
	a.Look()
	if !a.May(budget.Live) || used(a) != 0 {
		t.Errorf("a new day, and live may not: %v", a.Status())
	}
}

func TestFailingDisk(t *testing.T) {
	var log bytes.Buffer
	c, d := at("2026-11-30 10:00"), &disk{err: errors.New("read-only")}
	a := open(t, c, d, budget.Options{Allowances: perDay(budget.MB), Log: slog.New(slog.NewTextHandler(&log, nil))})
	for range 100 {
		if a.Cover(5000) {
			t.Fatal("covered, on a disk that does not write")
		}
		a.Spend(budget.Live, 5000)
		c.after(time.Second)
	}
	if s := a.Status(); !s.Failing || s.Charged >= 0 || used(a) != 500_000 {
		t.Errorf("status %+v", s)
	}
	d.err = nil
	c.after(time.Minute)
	if !a.Cover(100) || a.Status().Failing {
		t.Error("the disk writes again, and it is not seen")
	}
	if strings.Count(log.String(), "level=ERROR") != 1 || strings.Count(log.String(), "written again") != 1 {
		t.Errorf("log:\n%s", log.String())
	}
}

func TestSlowDiskIsNotWaitedForTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var kept []func()
		a, err := budget.New(budget.Options{Allowances: perDay(budget.MB), Keep: func(_ []byte, k func()) error { kept = append(kept, k); return nil }})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		for range 10 {
			if a.Cover(1000) {
				t.Fatal("covered")
			}
		}
		if waited := time.Since(began); waited != 2*time.Second {
			t.Errorf("waited %v, want 2s", waited)
		}
		for _, k := range kept {
			k()
		}
		if !a.Cover(1000) {
			t.Error("not covered, and it is on the disk")
		}
	})
}

func TestOptionsAreChecked(t *testing.T) {
	for _, o := range []budget.Options{
		{Allowances: perDay(0)},
		{Allowances: append(perDay(5), perDay(6)...)},
		{Allowances: []budget.Allowance{{Bytes: 5, Period: 7}}},
		{ResetDay: 32},
		{Reserve: 1},
		{Reserve: -0.1},
		{Reserve: math.NaN()},
	} {
		if _, err := budget.New(o); err == nil || !strings.Contains(err.Error(), "(hint:") {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func FuzzFact(f *testing.F) {
	f.Add([]byte(`{"ahead":65536,"day":["2026-11-30",1203311,"2026-11-29",2400021],"month":["2026-11-15",30120411]}`), []byte(`{"days":[{"d":"2026-11-30","b":[1,2,3,4,5]}]}`))
	f.Add([]byte(`{"ahead":9223372036854775807,"day":["",9223372036854775807]}`), []byte(`{"days":null}`))
	f.Add([]byte(`{"day":["9999-12-31",1,"1970-01-01",1,"9999-12-31",2]}`), []byte(`{"days":[{"d":"9999-12-31","b":[9223372036854775807,9223372036854775807]}]}`))
	f.Fuzz(func(t *testing.T, fact, history []byte) {
		c := at("2026-11-30 10:00")
		a := open(t, c, &disk{fact: fact, history: history}, budget.Options{Allowances: append(perDay(budget.MB), perMonth(budget.MB)...)})
		for range 5 {
			a.Spend(budget.Live, 1000)
			a.Look()
			for _, f := range a.Status().Forecasts {
				if f.Used < 1000 {
					t.Fatalf("%d used, want 1000 at least", f.Used)
				}
			}
			_ = fmt.Sprint(a.Status())
			c.after(20 * time.Hour)
		}
	})
}
