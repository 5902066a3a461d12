package drivers_test

import (
	"encoding"
	"math"
	"strings"
	"testing"
	"time"

	"skerry/drivers"
)

func TestANumberThatIsNotFiniteIsNoValue(t *testing.T) {
	at := time.Now()
	for _, n := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		r := drivers.Number("x", n, "m", at)
		if r.Quality != drivers.Bad || !math.IsNaN(r.Number) || r.Unit != "m" || !r.Time.Equal(at) {
			t.Errorf("%v: %+v", n, r)
		}
	}
	if r := drivers.Number("x", 0, "m", at); r.Quality != drivers.Good || r.Number != 0 {
		t.Errorf("%+v", r)
	}
}

func TestQualityWords(t *testing.T) {
	want := []string{"good", "suspect", "stale", "bad", "clock-unset", "quality(5)"}
	for i, w := range want {
		if got := drivers.Quality(i).String(); got != w {
			t.Errorf("quality %d is %q, want %q", i, got, w)
		}
	}
}

func TestWordsOfTheConfiguration(t *testing.T) {
	tests := []struct {
		to    encoding.TextUnmarshaler
		words string
	}{
		{new(drivers.Pull), "none up down"},
		{new(drivers.Trigger), "falling rising both"},
		{new(drivers.Parity), "none odd even"},
	}
	for _, test := range tests {
		for word := range strings.FieldsSeq(test.words) {
			if err := test.to.UnmarshalText([]byte(word)); err != nil {
				t.Error(err)
			}
			if got := test.to.(interface{ String() string }).String(); got != word {
				t.Errorf("%q was read as %q", word, got)
			}
		}
		if err := test.to.UnmarshalText([]byte("sideways")); err == nil || !strings.Contains(err.Error(), strings.Fields(test.words)[0]) {
			t.Errorf("sideways: %v, want an error that names the words", err)
		}
	}
}

func TestKindFindsItsValues(t *testing.T) {
	k := drivers.Kind{Values: []drivers.ValueDoc{{Name: "a", Unit: "m"}, {Name: "b"}}}
	if v, ok := k.Value("a"); !ok || v.Unit != "m" {
		t.Errorf("a: %+v, %t", v, ok)
	}
	if v, ok := k.Value("c"); ok {
		t.Errorf("c: %+v", v)
	}
}
