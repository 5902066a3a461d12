package modem_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"skerry/edge/uplink/modem"
)

var all = []modem.Step{modem.Reconnect, modem.Bearer, modem.Radio, modem.Power}

// climb takes what is due, minute by minute, and gives the steps with the minute of each.
func climb(l *modem.Ladder, from time.Time, minutes int) (taken []modem.Step, at []int) {
	for minute := range minutes {
		now := from.Add(time.Duration(minute) * time.Minute)
		if step, due, ok := l.Next(); ok && !now.Before(due) {
			l.Take(step, now)
			taken, at = append(taken, step), append(at, minute)
		}
	}
	return taken, at
}

func TestStepsFollowEachOther(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	l := modem.NewLadder(all, nil, now)
	if _, _, ok := l.Next(); ok || l.Document() != nil || !l.Wake().IsZero() {
		t.Error("a ladder that nobody needs has something to do")
	}
	l.Offline(now)
	l.Offline(now.Add(30 * time.Second)) // again: the outage began before
	steps, at := climb(l, now, 19)
	if !slices.Equal(steps, all) || !slices.Equal(at, []int{1, 3, 8, 18}) {
		t.Errorf("%v at the minutes %v", steps, at)
	}
}

// TestDistancesDouble: in an outage of three days each step is rarer than the time before, up to once a day.
func TestDistancesDouble(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	l := modem.NewLadder(all, nil, now)
	l.Offline(now)
	steps, at := climb(l, now, 3*24*60)
	var power []int
	for i, s := range steps {
		if s == modem.Power {
			power = append(power, at[i])
		}
	}
	for i := 2; i < len(power); i++ {
		if before, d := power[i-1]-power[i-2], power[i]-power[i-1]; d < before*19/10 && d < 24*60 {
			t.Errorf("power was cut after %v min: %d and then %d", power, before, d)
		}
	}
	if len(power) < 4 || len(power) > 8 || power[1]-power[0] < 60 {
		t.Errorf("power was cut at the minutes %v", power)
	}
}

// TestBootLoop: a machine that a step restarts, again and again, cuts the power no oftener than one that goes on, whatever its clock says.
func TestBootLoop(t *testing.T) {
	for name, clock := range map[string]func(boot int, up time.Duration) time.Time{
		"right":          func(_ int, up time.Duration) time.Time { return time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC).Add(up) },
		"1970 each time": func(int, time.Duration) time.Time { return time.Unix(100, 0) },
		"runs backwards": func(boot int, _ time.Duration) time.Time { return time.Unix(int64(1e9-boot*10000), 0) },
	} {
		t.Run(name, func(t *testing.T) {
			var saved []byte
			var up time.Duration
			cuts := 0
			for boot := 0; up < 24*time.Hour; boot++ {
				began := clock(boot, up)
				l := modem.NewLadder(all, saved, began)
				l.Offline(began)
				for now := time.Duration(0); ; now += time.Minute {
					up += time.Minute
					step, due, ok := l.Next()
					if !ok || began.Add(now).Before(due) {
						if up > 24*time.Hour {
							break
						}
						continue
					}
					l.Take(step, began.Add(now))
					saved = l.Document()
					if len(saved) > 200 {
						t.Fatalf("a document of %d bytes: %s", len(saved), saved)
					}
					if step == modem.Power {
						cuts++
						break // the machine starts anew
					}
				}
			}
			if cuts < 2 || cuts > 6 {
				t.Errorf("the power was cut %d times in a day", cuts)
			}
		})
	}
}

func TestOnlyWhatWorkedIsForgotten(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	l := modem.NewLadder(all, nil, now)
	l.Offline(now)
	climb(l, now, 19)
	now = now.Add(20 * time.Minute)
	l.Online(now)
	if l.Proven(now.Add(9*time.Minute)) || l.Document() == nil {
		t.Error("a connection of nine minutes proves nothing")
	}
	l.Offline(now.Add(9 * time.Minute))
	if step, _, _ := l.Next(); step != modem.Reconnect {
		t.Errorf("the next outage begins with %s", step)
	}
	now = now.Add(10 * time.Minute)
	l.Online(now)
	if at := l.Wake(); !at.Equal(now.Add(10 * time.Minute)) {
		t.Errorf("wakes at %v", at)
	}
	if !l.Proven(now.Add(10*time.Minute)) || l.Document() != nil || l.Proven(now.Add(11*time.Minute)) {
		t.Error("a connection of ten minutes proves that it works, once")
	}
}

func TestDocumentThatIsDamaged(t *testing.T) {
	now := time.Unix(1e9, 0)
	for _, saved := range []string{"{", `{"power":7}`, "\x00", `[]`} {
		l := modem.NewLadder(all, []byte(saved), now)
		l.Offline(now)
		if steps, _ := climb(l, now, 60); slices.Contains(steps, modem.Power) {
			t.Errorf("%q: the power is cut within the hour: %v", saved, steps)
		}
	}
	l := modem.NewLadder(all, []byte(`{"power":{"last":9223372036854775807,"times":255},"jump":{"last":1,"times":1},"radio":{"last":-9223372036854775808,"times":9}}`), now)
	l.Offline(now)
	if steps, _ := climb(l, now, 60); !slices.Equal(steps, []modem.Step{modem.Reconnect, modem.Bearer, modem.Radio}) {
		t.Errorf("times that cannot be: %v", steps)
	}
}

func TestStepsThatAreNotThere(t *testing.T) {
	now := time.Unix(1e9, 0)
	for _, have := range [][]modem.Step{{}, {modem.Power}, {modem.Bearer, modem.Radio}, {modem.Step(9)}} {
		l := modem.NewLadder(have, nil, now)
		l.Offline(now)
		steps, _ := climb(l, now, 1000)
		for _, s := range steps {
			if !slices.Contains(have, s) {
				t.Errorf("of %v it took %s", have, s)
			}
		}
		if real := len(have) > 0 && have[0] != modem.Step(9); real != (len(steps) > 0) {
			t.Errorf("of %v it took %v", have, steps)
		}
	}
}

// rescue is a Recovery in the time of a test.
type rescue struct {
	*modem.Recovery
	mu    sync.Mutex
	did   []string
	saved [][]byte
	log   bytes.Buffer
	stop  func() // ends it; it is called at the end of the test as well
}

// kept is the document that was kept last.
func (r *rescue) kept() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.saved[len(r.saved)-1]
}

func (r *rescue) step(name string, err error) func(context.Context) error {
	return func(context.Context) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.did = append(r.did, name)
		return err
	}
}

func (r *rescue) done() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := strings.Join(r.did, " ")
	r.did = nil
	return text
}

func recoverLink(t *testing.T, change func(*rescue, *modem.RecoveryOptions)) *rescue {
	t.Helper()
	r := &rescue{}
	o := modem.RecoveryOptions{
		Reconnect: r.step("reconnect", nil), Bearer: r.step("bearer", errors.New("no bearer")), Radio: r.step("radio", nil), Power: r.step("power", nil),
		Save: func(document []byte) error {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.saved = append(r.saved, document)
			r.did = append(r.did, "save")
			return nil
		},
		Log: slog.New(slog.NewTextHandler(&r.log, nil)),
	}
	if change != nil {
		change(r, &o)
	}
	r.Recovery = modem.NewRecovery(o)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { r.Run(ctx); close(done) }()
	r.stop = func() { cancel(); <-done }
	t.Cleanup(r.stop)
	synctest.Wait()
	return r
}

func TestRecovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := recoverLink(t, nil)
		after(time.Hour)
		if did := r.done(); did != "" {
			t.Errorf("without an outage: %s", did)
		}
		r.Offline()
		after(18*time.Minute + 30*time.Second)
		if did := r.done(); did != "save reconnect save bearer save radio save power" {
			t.Errorf("in an outage: %s", did)
		}
		st := r.Status()
		if st.Next != "reconnect" || st.Last.Step != modem.Power || st.Last.Err != "" || st.Taken["bearer"] != 1 || st.Spaced["power"] != "1h0m0s" || st.Busy {
			t.Errorf("%+v", st)
		}
		if text := st.String(); !strings.Contains(text, "power was the last step") || !strings.Contains(text, "next reconnect") {
			t.Error(text)
		}
		r.Online()
		after(11 * time.Minute)
		if did := r.done(); did != "save" || r.kept() != nil {
			t.Errorf("after a success: %s, %q", did, r.kept())
		}
		after(24 * time.Hour)
		if did := r.done(); did != "" {
			t.Errorf("a day later: %s", did)
		}
		lines := strings.Count(r.log.String(), "\n")
		if lines != 5 || !strings.Contains(r.log.String(), "no bearer") {
			t.Errorf("%d lines in the log:\n%s", lines, &r.log)
		}
	})
}

// TestPowerIsNotCutUnnoted: what cannot be kept could be done at every start.
func TestPowerIsNotCutUnnoted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := recoverLink(t, func(_ *rescue, o *modem.RecoveryOptions) {
			o.Save = func([]byte) error { return errors.New("the disk is full") }
		})
		r.Offline()
		after(18*time.Minute + 30*time.Second)
		if did, st := r.done(), r.Status(); did != "reconnect bearer radio" || !strings.Contains(st.Last.Err, "disk is full") {
			t.Errorf("%s, %+v", did, st)
		}
	})
}

// TestStepThatHangs: it ends by its time, and the next follows.
func TestStepThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := recoverLink(t, func(_ *rescue, o *modem.RecoveryOptions) {
			o.Bearer = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		})
		r.Offline()
		after(4 * time.Minute)
		if !r.Status().Busy {
			t.Errorf("%+v", r.Status())
		}
		after(6 * time.Minute)
		if did := r.done(); did != "save reconnect save save radio" || r.Status().Busy {
			t.Errorf("%s, %+v", did, r.Status())
		}
	})
}

func TestRestartInAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := recoverLink(t, nil)
		r.Offline()
		after(20 * time.Minute)
		r.stop()
		saved := r.kept()
		r = recoverLink(t, func(_ *rescue, o *modem.RecoveryOptions) { o.Saved = saved })
		r.Offline()
		after(50 * time.Minute)
		if did := r.done(); strings.Contains(did, "power") {
			t.Errorf("the power was cut again: %s", did)
		}
		after(30 * time.Minute)
		if did := r.done(); !strings.Contains(did, "power") {
			t.Errorf("and not after its time: %s", did)
		}
	})
}
