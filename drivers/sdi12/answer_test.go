package sdi12_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"skerry/drivers"
	"skerry/drivers/sdi12"
)

// The examples of the specification's section on CRCs, and one of each length.
func TestCRC(t *testing.T) {
	for text, want := range map[string]string{"0+3.14": "OqZ", "0": "", "0+1.11+2.22+3.33+4.44+5.55+6.66": "I]q"} {
		if got := sdi12.CRC(text); want != "" && got != want {
			t.Errorf("%q has the CRC %q, want %q", text, got, want)
		}
		if line, err := sdi12.CheckCRC(text + sdi12.CRC(text)); line != text || err != nil {
			t.Errorf("%q, %v", line, err)
		}
	}
	for _, bad := range []string{"", "0", "0+3", "0+3.14", "0+3.15OqZ", "1+3.14OqZ", "0+3.14Oqz"} {
		if line, err := sdi12.CheckCRC(bad); !errors.Is(err, sdi12.ErrCRC) {
			t.Errorf("%q: %q, %v", bad, line, err)
		}
	}
}

func TestValues(t *testing.T) {
	tests := []struct {
		body string
		want []float64 // nil: refused
	}{
		{"+3.14", []float64{3.14}},
		{"+1-2+0", []float64{1, -2, 0}},
		{"-0.5+100", []float64{-0.5, 100}},
		{"+.5+5.", []float64{0.5, 5}},
		{"+1234567.-99999.9", []float64{1234567, -99999.9}},
		{"", []float64{}},
		{"3.14", nil}, {"+", nil}, {"+-1", nil}, {"+.", nil}, {"+1.2.3", nil}, {"+1e5", nil}, {"+0x1", nil}, {"+1 +2", nil},
		{"+nan", nil}, {"+1,5", nil}, {"+123456789012", nil}, {"+1OqZ", nil}, {"14SKERRY", nil},
	}
	for _, test := range tests {
		got, err := sdi12.ParseValues(test.body)
		if test.want == nil {
			if !errors.Is(err, sdi12.ErrGarbled) {
				t.Errorf("%q: %v, %v; want garbled", test.body, got, err)
			}
			continue
		}
		if err != nil || !slices.Equal(got, test.want) && len(got)+len(test.want) > 0 {
			t.Errorf("%q: %v, %v; want %v", test.body, got, err, test.want)
		}
	}
}

func TestStarted(t *testing.T) {
	if s, n, err := sdi12.ParseStarted("0123", 1); s != 12 || n != 3 || err != nil {
		t.Errorf("%v, %v, %v", s, n, err)
	}
	if s, n, err := sdi12.ParseStarted("99999", 2); s != 999 || n != 99 || err != nil {
		t.Errorf("%v, %v, %v", s, n, err)
	}
	for _, bad := range []string{"", "000", "00012", "00 1", "+001", "-001", "000a"} {
		if s, n, err := sdi12.ParseStarted(bad, 1); !errors.Is(err, sdi12.ErrGarbled) {
			t.Errorf("%q: %v, %v, %v", bad, s, n, err)
		}
	}
}

func TestIdentification(t *testing.T) {
	version, maker, model, rest, err := sdi12.ParseIdentification("13Sommer  USH   140r90 USH-9")
	if version != 13 || maker != "Sommer" || model != "USH" || rest != "140r90 USH-9" || err != nil {
		t.Errorf("%d, %q, %q, %q, %v", version, maker, model, rest, err)
	}
	for _, bad := range []string{"", "13", "+1.5+2.5", "0001", "x3Sommer  USH   140r90", "13Sommer  USH   140r90 much too long for it"} {
		if _, _, _, _, err := sdi12.ParseIdentification(bad); !errors.Is(err, sdi12.ErrGarbled) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestMeasurements(t *testing.T) {
	for _, good := range strings.Fields("M M1 M9 C C1 C9 R0 R9") {
		if _, err := sdi12.ParseMeasurement(good); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range strings.Fields("m M0 C0 R MC RC0 X M10 V") {
		if m, err := sdi12.ParseMeasurement(bad); err == nil {
			t.Errorf("%q: %+v", bad, m)
		}
	}
}

// FuzzAnswers: nothing panics, no text is two kinds of answers, and a value is a number.
func FuzzAnswers(f *testing.F) {
	for _, seed := range []string{"0001", "+3.14-2", "14SKERRY  GAUGE 100simulated", "", "00012", "+3.14OqZ"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		kinds := 0
		values, err := sdi12.ParseValues(body)
		for _, v := range values {
			if math.IsNaN(v) || math.IsInf(v, 0) || math.Abs(v) >= 1e12 {
				t.Errorf("%q: %v", body, values)
			}
		}
		if err == nil {
			kinds++
		}
		for digits := 1; digits <= 2; digits++ {
			if s, n, err := sdi12.ParseStarted(body, digits); err == nil {
				kinds++
				if s < 0 || s > 999 || n < 0 || n > 99 {
					t.Errorf("%q: %v, %d", body, s, n)
				}
			}
		}
		if _, _, _, _, err := sdi12.ParseIdentification(body); err == nil {
			kinds++
		}
		if kinds > 1 {
			t.Errorf("%q is %d kinds of answers", body, kinds)
		}
		if line, err := sdi12.CheckCRC(body); err == nil && line+sdi12.CRC(line) != body {
			t.Errorf("%q has the wrong CRC", body)
		}
	})
}

// FuzzDevice lets a device say anything, a part for each command: nothing panics, the driver ends, and there are all values or none.
func FuzzDevice(f *testing.F) {
	f.Add([]byte("013SKERRY  GAUGE 100\r\n\xfe00002\r\n\xfe0+1.5-2\r\n"))
	f.Add([]byte("011SKERRY  GAUGE 100\r\n\xfe00034\r\n0\r\n\xfe0+1+2\r\n\xfe0+3+4\r\n\xfe011SKERRY  GAUGE 100\r\n"))
	f.Add([]byte("011SKERRY  GAUGE 100\r\n\xfe00004\r\n\xfe0+1+2\r\n0+1+2\r\n\xfe0+3\xfe+4\r\n1\r\n"))
	f.Fuzz(func(t *testing.T, script []byte) {
		synctest.Test(t, func(t *testing.T) {
			parts := strings.Split(string(script), "\xfe")
			m := answering(func(string) string {
				if len(parts) == 0 {
					return ""
				}
				said := parts[0]
				parts = parts[1:]
				return said
			})
			x, err := sdi12.Kind.New(t.Context(), m, setup())
			if err != nil {
				return
			}
			defer x.Halt()
			for range 2 {
				ctx, cancel := context.WithTimeout(t.Context(), drivers.SenseTimeout)
				got, err := x.Sense(ctx, nil)
				cancel()
				if len(got) != 0 && len(got) != 2 || (err == nil) != (len(got) == 2) {
					t.Errorf("%v, %v", got, err)
				}
			}
		})
	})
}
