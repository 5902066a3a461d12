package alarm_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker"
	"skerry/drivers"
	"skerry/edge/alarm"
	"skerry/edge/config"
	"skerry/edge/formula"
	"skerry/edge/mapping"
)

var scope = formula.Scope{Sensors: []formula.Sensor{
	{Name: "air", Values: []formula.Value{{Name: "temperature", Unit: "°C"}, {Name: "humidity", Unit: "%"}}},
	{Name: "gps", Values: []formula.Value{{Name: "fix", Text: true}}},
}}

func condition(t *testing.T, text string) config.Condition {
	t.Helper()
	if text == "" {
		return config.Condition{}
	}
	c, err := formula.CompileCondition(text, scope)
	if err != nil {
		t.Fatal(err)
	}
	return config.Condition{Text: text, Condition: c}
}

func rule(t *testing.T, name, when, clear string, hold time.Duration) config.Alarm {
	t.Helper()
	return config.Alarm{Name: name, When: condition(t, when), Clear: condition(t, clear), For: hold, Topic: "lake/wx/alarm/" + name}
}

// station is where alarms go, and what they look at.
type station struct {
	t       *testing.T
	present *mapping.Present
	start   time.Time
	refuse  error
	keepErr error

	mu    sync.Mutex
	state []byte
	heard []string
	log   bytes.Buffer
	end   func()
}

func (s *station) Publish(_ context.Context, messages []*broker.Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse != nil {
		return s.refuse
	}
	for _, m := range messages {
		if m.QoS != 1 || !m.Retain {
			s.t.Errorf("QoS %d, RETAIN %t", m.QoS, m.Retain)
		}
		s.heard = append(s.heard, fmt.Sprintf("%v %s %s", time.Since(s.start).Seconds(), m.TopicName, m.Payload))
	}
	return nil
}

func (s *station) AlarmState() []byte { s.mu.Lock(); defer s.mu.Unlock(); return s.state }

func (s *station) KeepAlarms(state []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keepErr != nil {
		return s.keepErr
	}
	s.state = state
	return nil
}

func (s *station) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Write(p)
}

// take returns what was published since the last take: the time, and what became of which alarm.
func (s *station) take() string {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, h := range s.heard {
		at, rest, _ := strings.Cut(h, " ")
		topic, payload, _ := strings.Cut(rest, " ")
		what := "raised"
		if strings.Contains(payload, `"state":"cleared"`) {
			what = "cleared"
		}
		all = append(all, at+" "+strings.TrimPrefix(topic, "lake/wx/alarm/")+" "+what)
	}
	s.heard = nil
	return strings.Join(all, ", ")
}

// payloads returns what was published, whole.
func (s *station) payloads() string {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	all := strings.Join(s.heard, "\n")
	s.heard = nil
	return all
}

func open(t *testing.T) *station { return &station{t: t, start: time.Now()} }

// run starts the alarms, as after a restart: nothing is known of the values.
func (s *station) run(rules ...config.Alarm) {
	s.present = mapping.NewPresent()
	set := alarm.New(rules, s.present, alarm.Options{Log: slog.New(slog.NewTextHandler(s, nil))})
	ctx, cancel := context.WithCancel(s.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		set.Run(ctx, s)
	}()
	s.end = func() { cancel(); <-ended }
	synctest.Wait()
}

// set makes a value another one.
func (s *station) set(name string, x float64, q drivers.Quality) {
	n := mapping.Now{Number: x, Unit: "°C", Time: time.Now(), Quality: q}
	if !math.IsNaN(x) {
		n.Rounded = fmt.Append(nil, x)
	}
	s.present.Set(name, n)
	synctest.Wait()
}

func (s *station) temperature(x float64) { s.set("air.temperature", x, drivers.Good) }

// until lets time pass up to so many seconds after the start.
func (s *station) until(seconds float64) {
	time.Sleep(time.Until(s.start.Add(time.Duration(seconds * float64(time.Second)))))
	synctest.Wait()
}

func (s *station) expect(when, want string) {
	s.t.Helper()
	if got := s.take(); got != want {
		s.t.Errorf("%s: published %q, want %q", when, got, want)
	}
}

func TestHysteresis(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t)
		s.run(rule(t, "frost", "air.temperature < 0", "air.temperature > 1", 0), rule(t, "heat", "air.temperature >= 30", "", 0))
		defer s.end()
		for _, x := range []float64{5, 0.5, 0, -0.1, -3, 0.5, -0.5, 1, 1.01, 0.5, -1} {
			s.temperature(x)
		}
		s.expect("around zero", "0 frost raised, 0 frost cleared, 0 frost raised")
		for _, x := range []float64{29.9, 30, 35, 29.9} {
			s.temperature(x)
		}
		s.expect("around thirty", "0 frost cleared, 0 heat raised, 0 heat cleared")
	})
}

func TestFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t)
		s.run(rule(t, "frost", "air.temperature < 0", "air.temperature > 1", 5*time.Minute))
		defer s.end()
		s.temperature(-1)
		s.until(200)
		s.temperature(-2)
		s.until(290)
		s.temperature(0.5) // it does not hold any more
		s.until(400)
		s.expect("before it held for long enough", "")
		s.temperature(-1)
		s.until(699)
		s.expect("still before", "")
		s.until(2000)
		s.expect("without another reading", "700 frost raised")
		s.temperature(2)
		s.expect("clearing takes no time", "2000 frost cleared")
	})
}

func TestPayload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t)
		s.run(rule(t, "frost", "air.temperature < 0 and air.humidity < 200 or air.temperature < -5", "air.temperature > 1", 0), rule(t, "lost", `gps.fix == "none"`, "", 0))
		defer s.end()
		s.set("air.humidity", 50, drivers.Stale)
		s.temperature(-6.5)
		want := `0 lake/wx/alarm/frost {"alarm":"frost","state":"raised","time":"2000-01-01T00:00:00.000Z",` +
			`"condition":"air.temperature < 0 and air.humidity < 200 or air.temperature < -5","values":{` +
			`"air.humidity":{"value":50,"unit":"°C","time":"2000-01-01T00:00:00.000Z","quality":"stale"},` +
			`"air.temperature":{"value":-6.5,"unit":"°C","time":"2000-01-01T00:00:00.000Z"}}}`
		if got := s.payloads(); got != want {
			t.Errorf("raised\n got %s\nwant %s", got, want)
		}
		s.until(90)
		s.temperature(2)
		want = `90 lake/wx/alarm/frost {"alarm":"frost","state":"cleared","time":"2000-01-01T00:01:30.000Z","since":"2000-01-01T00:00:00.000Z",` +
			`"condition":"air.temperature > 1","values":{"air.temperature":{"value":2,"unit":"°C","time":"2000-01-01T00:01:30.000Z"}}}`
		if got := s.payloads(); got != want {
			t.Errorf("cleared\n got %s\nwant %s", got, want)
		}
		s.present.Set("gps.fix", mapping.Now{Number: math.NaN(), Text: "none", Time: time.Now()})
		s.until(100)
		s.present.Set("gps.fix", mapping.Now{Number: math.NaN(), Text: "gps", Time: time.Now()})
		got := s.payloads()
		for _, part := range []string{`"gps.fix":{"value":"none"`, `"condition":"not (gps.fix == \"none\")"`, `"gps.fix":{"value":"gps"`} {
			if !strings.Contains(got, part) {
				t.Errorf("no %s in %s", part, got)
			}
		}
	})
}

func TestWhatCannotBeUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t)
		s.run(rule(t, "frost", "air.temperature < 0", "air.temperature > 1", 0), rule(t, "any", "air.humidity > 90 or air.temperature < 0", "", 0))
		defer s.end()
		for _, q := range []drivers.Quality{drivers.Stale, drivers.Suspect, drivers.Bad} {
			s.set("air.temperature", -5, q)
		}
		s.expect("nothing that can be used", "")
		s.set("air.temperature", -5, drivers.ClockUnset)
		s.expect("only the time is wrong; the humidity was never read", "0 frost raised, 0 any raised")
		s.set("air.temperature", 20, drivers.Stale)
		s.set("air.temperature", math.NaN(), drivers.Bad)
		s.expect("nothing is cleared", "")
		s.temperature(20)
		s.expect("one of the two is still unknown", "0 frost cleared")
		s.set("air.humidity", 50, drivers.Good)
		s.expect("both", "0 any cleared")
	})
}

// A sensor that fails can be a reason for an alarm; one that was not read yet is none.
func TestUsable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t)
		s.run(rule(t, "dead", "not usable(air.temperature)", "", 0), rule(t, "cold", "air.temperature < 5 or not usable(air.temperature)", "air.temperature > 6", time.Minute))
		defer s.end()
		s.until(30)
		s.set("air.humidity", 50, drivers.Good)
		s.expect("before the first reading", "")
		s.temperature(20)
		s.set("air.temperature", 20, drivers.Stale)
		s.until(100)
		s.expect("while it is stale", "30 dead raised, 90 cold raised")
		s.temperature(20)
		s.expect("when it is back", "100 dead cleared, 100 cold cleared")
	})
}

// The log says that an alarm cannot be judged any more, once an hour at most, and nothing before the first reading.
func TestLogOfWhatCannotBeJudged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t)
		s.run(rule(t, "frost", "air.temperature < 0", "", 0))
		defer s.end()
		count := func(when string, want int) {
			t.Helper()
			s.mu.Lock()
			defer s.mu.Unlock()
			if got := strings.Count(s.log.String(), "cannot be judged"); got != want {
				t.Errorf("%s: %d lines, want %d", when, got, want)
			}
		}
		s.set("air.humidity", 50, drivers.Good)
		s.set("air.temperature", 0, drivers.Stale)
		count("before the first reading", 0)
		for range 30 { // in half an hour
			s.temperature(5)
			s.set("air.temperature", 5, drivers.Bad)
			time.Sleep(time.Minute)
		}
		count("a sensor that comes and goes", 1)
		time.Sleep(time.Hour)
		s.temperature(5)
		s.set("air.temperature", 5, drivers.Bad)
		count("later", 2)
	})
}

// A short gap in the readings does not keep an alarm from being raised for ever, and a long one proves nothing.
func TestForWithGaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t)
		s.run(rule(t, "frost", "air.temperature < 0", "", 5*time.Minute))
		defer s.end()
		s.temperature(-1)
		s.until(240)
		s.set("air.temperature", math.NaN(), drivers.Bad)
		s.until(310)
		s.expect("while it cannot be told", "")
		s.temperature(-1)
		s.expect("after a short gap", "310 frost raised")
		s.temperature(1)
		s.expect("", "310 frost cleared")
		s.temperature(-1)
		s.set("air.temperature", -1, drivers.Stale)
		s.until(4000)
		s.temperature(-1)
		s.expect("after a long gap", "")
		s.until(4300)
		s.expect("five minutes later", "4300 frost raised")
	})
}

func TestBothHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t)
		s.run(rule(t, "odd", "air.temperature < 10", "air.temperature > 5", 0))
		defer s.end()
		for range 100 {
			s.temperature(7)
		}
		s.expect("a rule that contradicts itself", "")
	})
}

func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t)
		frost, heat := rule(t, "frost", "air.temperature < 0", "air.temperature > 1", 0), rule(t, "wet", "air.humidity > 90", "", 0)
		s.run(frost, heat)
		s.temperature(-1)
		s.set("air.humidity", 95, drivers.Good)
		s.expect("at first", "0 frost raised, 0 wet raised")
		s.end()

		s.until(60)
		s.run(frost, heat)
		s.temperature(-2)
		s.expect("it still holds", "")
		s.set("air.humidity", 50, drivers.Good)
		s.expect("it went away meanwhile", "60 wet cleared")
		s.end()

		s.until(120)
		s.run(heat) // frost is configured no longer
		s.expect("of what is configured no longer", "120 frost cleared")
		s.end()
		s.run(frost, heat)
		s.temperature(-2)
		s.expect("a new one", "120 frost raised")
		s.end()
	})
}

func TestRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t)
		s.run(rule(t, "frost", "air.temperature < 0", "air.temperature > 1", 0))
		defer s.end()
		s.mu.Lock()
		s.refuse = errors.New("quota exceeded")
		s.mu.Unlock()
		s.temperature(-1)
		s.until(35)
		s.expect("while it is refused", "")
		s.mu.Lock()
		s.refuse = nil
		s.mu.Unlock()
		s.until(41)
		s.expect("without another reading", "40 frost raised")
		if n := strings.Count(s.log.String(), "could not be published"); n != 1 {
			t.Errorf("it was logged %d times", n)
		}
	})
}

func TestStateThatCannotBeKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t)
		s.keepErr = errors.New("too much is waiting for the disk")
		s.run(rule(t, "frost", "air.temperature < 0", "", 0))
		s.temperature(-1)
		s.until(5)
		s.mu.Lock()
		s.keepErr = nil
		s.mu.Unlock()
		s.until(15)
		s.end()
		if !strings.Contains(string(s.state), "frost") || strings.Count(s.log.String(), "could not be kept") != 1 {
			t.Errorf("state %s, log %s", s.state, s.log.String())
		}
	})
}

func TestStateThatCannotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t)
		s.state = []byte("{")
		s.run(rule(t, "frost", "air.temperature < 0", "", 0))
		s.temperature(-1)
		s.expect("from the beginning", "0 frost raised")
		s.end()
		if !strings.Contains(s.log.String(), "cannot be read") {
			t.Errorf("log %s", s.log.String())
		}
	})
}

func TestClockUnset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t)
		s.present = mapping.NewPresent()
		set := alarm.New([]config.Alarm{rule(t, "frost", "air.temperature < 0", "", 0)}, s.present, alarm.Options{ClockFloor: time.Now().Add(time.Hour)})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go set.Run(ctx, s)
		synctest.Wait()
		s.temperature(-1)
		got := s.payloads()
		if !strings.HasSuffix(got, `,"quality":"clock-unset"}`) {
			t.Errorf("got %s", got)
		}
		_, payload, _ := strings.Cut(strings.TrimPrefix(got, "0 "), " ")
		noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
		want := `{"alarm":"frost","state":"raised","time":"2026-11-22T12:00:00.000Z","condition":"air.temperature < 0",` +
			`"values":{"air.temperature":{"value":-1,"unit":"°C","time":"2026-11-22T12:00:00.000Z"}}}`
		if got := string(mapping.Resolve([]byte(payload), noon)); got != want {
			t.Errorf("put right later\n got %s\nwant %s", got, want)
		}
	})
}

// calendar is a date that becomes known.
type calendar struct {
	off   time.Duration
	known bool
}

func (c *calendar) Date(at time.Time) (time.Time, bool) {
	if !c.known {
		return at, false
	}
	return at.Add(c.off), true
}

// TestDateThatComesLater: an alarm raised before the date was known is cleared with the right date of both.
func TestDateThatComesLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t)
		s.present = mapping.NewPresent()
		date := &calendar{off: 26 * 365 * 24 * time.Hour}
		rules := []config.Alarm{rule(t, "frost", "air.temperature < 0", "", 0)}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			alarm.New(rules, s.present, alarm.Options{Clock: date}).Run(ctx, s)
		}()
		synctest.Wait()
		s.temperature(-1)
		if got := s.payloads(); !strings.Contains(got, `"time":"2000-01-01T00:00:00.000Z"`) || !strings.Contains(got, `"clock-unset"`) {
			t.Errorf("raised: %s", got)
		}
		if strings.Contains(string(s.state), "2000") {
			t.Errorf("a date that nobody knows was kept: %s", s.state)
		}
		s.until(60)
		date.known = true
		s.temperature(1)
		if got := s.payloads(); !strings.Contains(got, `"time":"2025-12-25T00:01:00.000Z","since":"2025-12-25T00:00:00.000Z"`) || strings.Contains(got, "clock-unset") {
			t.Errorf("cleared: %s", got)
		}
		cancel()
		<-ended
	})
}
