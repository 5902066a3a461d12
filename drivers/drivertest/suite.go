package drivertest

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"skerry/drivers"
)

// Suite describes a driver to the tests.
type Suite struct {
	Kind  drivers.Kind
	Setup func() drivers.Setup
	// Healthy builds a machine with a device that works. Its devices may be changed by a test while it runs.
	Healthy func() *Machine
	// Other builds a machine where another device sits in the place. New or the first Sense must refuse it. Nil: cannot be told apart.
	Other func() *Machine
}

// Run runs all tests.
func (s Suite) Run(t *testing.T) {
	tests := []struct {
		name string
		run  func(*testing.T)
	}{
		{"documentation", s.documentation},
		{"readings", s.readings},
		{"bus error on each transfer", s.busErrors},
		{"absent device", s.absent},
		{"another device", s.other},
		{"goes away and comes back", s.returns},
		{"hangs", s.hangs},
		{"cancelled context", s.cancelled},
		{"halt", s.halt},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { synctest.Test(t, test.run) })
	}
}

func (s Suite) documentation(t *testing.T) {
	k := s.Kind
	if k.Name == "" || k.Doc == "" || len(k.Values) == 0 && k.Declare == nil && k.Named == nil {
		t.Errorf("kind %+v lacks a name, a line of documentation or values", k)
	}
	for _, v := range k.Values {
		if v.Name == "" || v.Doc == "" {
			t.Errorf("value %+v lacks a name or a line of documentation", v)
		}
		if v.Opts != nil && v.Opts() == v.Opts() {
			t.Errorf("value %s: options are shared between sensors", v.Name)
		}
	}
	if k.Opts != nil && k.Opts() == k.Opts() {
		t.Error("options are shared between sensors")
	}
	if k.Check != nil {
		if err := k.Check(s.Setup()); err != nil {
			t.Errorf("the options of the test are refused: %v", err)
		}
	}
}

// open makes a sensor on the machine and halts it at the end of the test.
func (s Suite) open(t *testing.T, m *Machine) (drivers.Sensor, error) {
	t.Helper()
	x, err := s.Kind.New(t.Context(), m, s.Setup())
	if err == nil {
		t.Cleanup(func() { x.Halt() })
	}
	return x, err
}

func (s Suite) mustOpen(t *testing.T, m *Machine) drivers.Sensor {
	t.Helper()
	x, err := s.open(t, m)
	if err != nil {
		t.Fatalf("a healthy device is refused: %v", err)
	}
	return x
}

// sense asks within the time that a caller gives, and checks what comes.
func (s Suite) sense(t *testing.T, x drivers.Sensor) ([]drivers.Reading, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), drivers.SenseTimeout)
	defer cancel()
	start := time.Now()
	got, err := x.Sense(ctx, nil)
	for _, r := range got {
		s.checkReading(t, r, start)
	}
	return got, err
}

func (s Suite) mustSense(t *testing.T, x drivers.Sensor) {
	t.Helper()
	got, err := s.sense(t, x)
	if err != nil {
		t.Fatalf("a healthy device gives an error: %v", err)
	}
	if len(got) == 0 {
		t.Fatal("a healthy device gives no reading")
	}
	if !slices.ContainsFunc(got, func(r drivers.Reading) bool { return r.Quality != drivers.Bad && !math.IsNaN(r.Number) }) {
		t.Fatalf("a healthy device gives no number: %+v", got)
	}
}

func (s Suite) checkReading(t *testing.T, r drivers.Reading, start time.Time) {
	t.Helper()
	doc, ok := s.Kind.Document(s.Setup(), r.Value)
	if !ok {
		t.Errorf("%+v: no value of that name is documented", r)
	}
	if r.Unit != doc.Unit {
		t.Errorf("%+v: the unit is documented as %q", r, doc.Unit)
	}
	if r.Time.Before(start.Add(-time.Second)) || r.Time.After(time.Now()) {
		t.Errorf("%+v: measured at %v, asked for from %v to %v", r, r.Time, start, time.Now())
	}
	hasNumber, hasText := !math.IsNaN(r.Number), r.Text != ""
	wantNumber, wantText := r.Quality != drivers.Bad && !doc.Text, r.Quality != drivers.Bad && doc.Text
	if hasNumber != wantNumber || hasText != wantText {
		t.Errorf("%+v: a number: %t, want %t; a text: %t, want %t", r, hasNumber, wantNumber, hasText, wantText)
	}
}

func (s Suite) readings(t *testing.T) {
	x := s.mustOpen(t, s.Healthy())
	if x.String() == "" {
		t.Error("the sensor has no name")
	}
	for range 3 {
		s.mustSense(t, x)
		time.Sleep(10 * time.Second)
	}
}

// busErrors lets each transfer of a New and a Sense fail once. Whatever call it hits, the next one is right again.
func (s Suite) busErrors(t *testing.T) {
	healthy := s.Healthy()
	healthy.FailAt(0)
	s.mustSense(t, s.mustOpen(t, healthy))
	transfers := healthy.Transfers()
	if transfers == 0 {
		t.Fatal("no transfer was made")
	}
	for n := 1; n <= transfers; n++ {
		m := s.Healthy()
		m.FailAt(n)
		x, err := s.open(t, m)
		if err != nil {
			x = s.mustOpen(t, m)
		}
		_, err = s.sense(t, x)
		if err != nil && m.Transfers() < n {
			t.Errorf("an error before the transfer failed: %v", err)
		}
		m.FailAt(0)
		s.mustSense(t, x)
	}
}

func (s Suite) absent(t *testing.T) {
	x, err := s.open(t, &Machine{})
	if err == nil {
		_, err = s.sense(t, x)
	}
	if err == nil {
		t.Fatal("a device that is not there was read")
	}
}

func (s Suite) other(t *testing.T) {
	if s.Other == nil {
		return
	}
	x, err := s.open(t, s.Other())
	if err == nil {
		_, err = s.sense(t, x)
	}
	if err == nil {
		t.Fatal("another device was read as if it were this one")
	}
}

func (s Suite) returns(t *testing.T) {
	m := s.Healthy()
	x := s.mustOpen(t, m)
	s.mustSense(t, x)
	plug := m.unplug()
	for range 3 {
		if _, err := s.sense(t, x); err == nil {
			t.Fatal("a device that went away was read")
		}
	}
	plug()
	s.mustSense(t, x)
}

// hangs asks a device that never gets ready: an error or a reading, within the time that was given.
func (s Suite) hangs(t *testing.T) {
	m := s.Healthy()
	x := s.mustOpen(t, m)
	m.Hang()
	start := time.Now()
	s.sense(t, x)
	if took := time.Since(start); took > drivers.SenseTimeout {
		t.Errorf("Sense took %v of %v", took, drivers.SenseTimeout)
	}
}

func (s Suite) cancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	m := s.Healthy()
	x := s.mustOpen(t, m)
	cancel()
	start := time.Now()
	if _, err := x.Sense(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Sense with a cancelled context: %v, want context.Canceled", err)
	}
	if took := time.Since(start); took > 500*time.Millisecond {
		t.Errorf("Sense went on for %v after the context was cancelled", took)
	}
	s.mustSense(t, x)
}

func (s Suite) halt(t *testing.T) {
	m := s.Healthy()
	x := s.mustOpen(t, m)
	for range 2 {
		if err := x.Halt(); err != nil {
			t.Errorf("Halt: %v", err)
		}
	}
	s.mustSense(t, s.mustOpen(t, m)) // what Halt gave back can be taken again
}
