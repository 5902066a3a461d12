package config

import (
	"fmt"
	"io/fs"
	"math"
	"strconv"
	"strings"
	"time"
)

// hinted is an error of a literal, with an example of what would be right.
type hinted struct{ problem, hint string }

func (e *hinted) Error() string { return e.problem }

const durationHint = "a number with its unit: 500ms, 30s, 15min, 2h, 7d"

var durationUnits = map[string]time.Duration{
	"ms": time.Millisecond, "s": time.Second, "min": time.Minute, "h": time.Hour, "d": 24 * time.Hour,
}

// parseDuration reads 30s, 15min, 1h30min. The units are those of daily life: a day has 24 hours, and a bare m would be a
// minute to one reader and a metre to another.
func parseDuration(text string) (time.Duration, error) {
	wrong := &hinted{fmt.Sprintf("%q is not a duration", text), durationHint}
	if _, err := parseNumber(text); err == nil {
		return 0, &hinted{fmt.Sprintf("duration %q has no unit", text), fmt.Sprintf("did you mean %ss?", text)}
	}
	var sum float64
	for rest := text; rest != ""; {
		number, unit, tail := splitUnit(rest)
		factor, ok := durationUnits[unit]
		if unit == "m" {
			return 0, &hinted{fmt.Sprintf("unit m of %q could be a minute or a metre", text), fmt.Sprintf("did you mean %smin?", number)}
		}
		n, err := parseNumber(number)
		if err != nil || !ok || n < 0 {
			return 0, wrong
		}
		sum += n * float64(factor)
		rest = tail
	}
	if text == "" || sum > math.MaxInt64/2 {
		return 0, wrong
	}
	return time.Duration(math.Round(sum)), nil
}

// FormatDuration writes a duration as a file would have it: in the largest unit that divides it.
func FormatDuration(d time.Duration) string {
	for _, u := range []string{"d", "h", "min", "s", "ms"} {
		if f := durationUnits[u]; d >= f && d%f == 0 {
			return fmt.Sprintf("%d%s", d/f, u)
		}
	}
	if d == 0 {
		return "0s"
	}
	return d.String()
}

// splitUnit takes the first number and the letters behind it off a text.
func splitUnit(text string) (number, unit, rest string) {
	n := strings.IndexFunc(text, func(r rune) bool { return !strings.ContainsRune("0123456789.+-", r) })
	if n < 0 {
		return text, "", ""
	}
	u := strings.IndexAny(text[n:], "0123456789.+-")
	if u < 0 {
		return text[:n], text[n:], ""
	}
	return text[:n], text[n : n+u], text[n+u:]
}

// parseNumber reads a decimal number; NaN and infinities are none.
func parseNumber(text string) (float64, error) {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(n, 0) || math.IsNaN(n) || strings.ContainsAny(text, "xXpP_") {
		return 0, &hinted{fmt.Sprintf("%q is not a number", text), "digits and a point: 0.25"}
	}
	return n, nil
}

var sizeUnits = map[string]float64{
	"B": 1, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
	"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
}

// Size is a number of bytes.
type Size int64

// UnmarshalText reads 340B, 50MB (decimal) or 256KiB (binary).
func (s *Size) UnmarshalText(b []byte) error {
	number, unit, rest := splitUnit(string(b))
	n, err := parseNumber(number)
	factor, ok := sizeUnits[unit]
	if err != nil || !ok || rest != "" || n < 0 || n*factor > math.MaxInt64/2 {
		return &hinted{fmt.Sprintf("%q is not a size", b), "a number with its unit: 340B, 256KiB, 50MB, 2GiB"}
	}
	*s = Size(math.Round(n * factor))
	return nil
}

// String writes the size with the largest binary unit that divides it.
func (s Size) String() string {
	for _, u := range []string{"TiB", "GiB", "MiB", "KiB"} {
		if f := Size(sizeUnits[u]); s >= f && s%f == 0 {
			return fmt.Sprintf("%d%s", s/f, u)
		}
	}
	return fmt.Sprintf("%dB", int64(s))
}

// Length is in metres.
type Length float64

// UnmarshalText reads 2310m.
func (l *Length) UnmarshalText(b []byte) error {
	number, ok := strings.CutSuffix(string(b), "m")
	n, err := parseNumber(number)
	if err != nil || !ok {
		return &hinted{fmt.Sprintf("%q is not a length", b), "metres with their unit: 2310m"}
	}
	*l = Length(n)
	return nil
}

// Frequency is in hertz.
type Frequency int64

var frequencyUnits = map[string]float64{"Hz": 1, "kHz": 1e3, "MHz": 1e6, "GHz": 1e9}

// UnmarshalText reads 500kHz.
func (f *Frequency) UnmarshalText(b []byte) error {
	number, unit, rest := splitUnit(string(b))
	n, err := parseNumber(number)
	factor, ok := frequencyUnits[unit]
	if err != nil || !ok || rest != "" || n < 0 || n*factor > math.MaxInt64/2 {
		return &hinted{fmt.Sprintf("%q is not a frequency", b), "a number with its unit: 500kHz, 1MHz"}
	}
	*f = Frequency(math.Round(n * factor))
	return nil
}

// Range is all numbers from Min to Max, both included.
type Range struct{ Min, Max float64 }

// Contains reports whether x lies in the range. NaN never does.
func (r Range) Contains(x float64) bool { return x >= r.Min && x <= r.Max }

// UnmarshalText reads -40..60.
func (r *Range) UnmarshalText(b []byte) error {
	low, high, ok := strings.Cut(string(b), "..")
	minimum, err1 := parseNumber(strings.TrimSpace(low))
	maximum, err2 := parseNumber(strings.TrimSpace(high))
	if !ok || err1 != nil || err2 != nil {
		return &hinted{fmt.Sprintf("%q is not a range of numbers", b), "from..to: -40..60"}
	}
	if minimum > maximum {
		return backwards(b, high, low)
	}
	*r = Range{minimum, maximum}
	return nil
}

func backwards(b []byte, low, high string) error {
	return &hinted{fmt.Sprintf("range %q ends before it begins", b),
		fmt.Sprintf("did you mean %s..%s?", strings.TrimSpace(low), strings.TrimSpace(high))}
}

// DurationRange is all durations from Min to Max, both included.
type DurationRange struct{ Min, Max time.Duration }

// UnmarshalText reads 5s..30min.
func (r *DurationRange) UnmarshalText(b []byte) error {
	low, high, ok := strings.Cut(string(b), "..")
	minimum, err1 := parseDuration(strings.TrimSpace(low))
	maximum, err2 := parseDuration(strings.TrimSpace(high))
	if !ok || err1 != nil || err2 != nil {
		return &hinted{fmt.Sprintf("%q is not a range of durations", b), "from..to, both with their unit: 5s..30min"}
	}
	if minimum > maximum {
		return backwards(b, high, low)
	}
	*r = DurationRange{minimum, maximum}
	return nil
}

// Deadband is how far a number must move from the last one published to be published itself. The zero Deadband publishes all.
type Deadband struct {
	Amount  float64 // in the unit of the value, or in percent of the last one published
	Percent bool
}

// UnmarshalText reads 0.1 or 2%.
func (d *Deadband) UnmarshalText(b []byte) error {
	number, percent := strings.CutSuffix(string(b), "%")
	n, err := parseNumber(number)
	if err != nil || n < 0 {
		return &hinted{fmt.Sprintf("%q is not a deadband", b), "a number in the unit of the value, or percent: 0.1, 2%"}
	}
	*d = Deadband{n, percent}
	return nil
}

// StaleAfter is a duration, or a multiple of the time between two readings.
type StaleAfter struct {
	Times    float64 // 0: Duration holds
	Duration time.Duration
}

// UnmarshalText reads 5x, 10min or never.
func (s *StaleAfter) UnmarshalText(b []byte) error {
	text := string(b)
	if text == "never" {
		*s = StaleAfter{}
		return nil
	}
	if number, ok := strings.CutSuffix(text, "x"); ok {
		n, err := parseNumber(number)
		if err != nil || n < 1 || n > 1e6 {
			return &hinted{fmt.Sprintf("%q is not a multiple of 1 or more", text), "times the time between two readings: 5x"}
		}
		*s = StaleAfter{Times: n}
		return nil
	}
	d, err := parseDuration(text)
	if err != nil || d == 0 {
		return &hinted{fmt.Sprintf("%q is neither a multiple nor a duration", text), "5x, 10min, never"}
	}
	*s = StaleAfter{Duration: d}
	return nil
}

// Of returns the duration for readings that come every so often; 0 is never.
func (s StaleAfter) Of(every time.Duration) time.Duration {
	if s.Times > 0 {
		return time.Duration(s.Times * float64(every))
	}
	return s.Duration
}

// UnmarshalText reads 5 or 3.1.1.
func (v *Version) UnmarshalText(b []byte) error {
	switch string(b) {
	case "5", "5.0":
		*v = V5
	case "3.1.1":
		*v = V311
	default:
		return &hinted{fmt.Sprintf("%q is not a version of MQTT that an uplink speaks", b), "5 or 3.1.1"}
	}
	return nil
}

// String is the version as it is written.
func (v Version) String() string {
	if v == V311 {
		return "3.1.1"
	}
	return "5"
}

// FileMode is who may use a file: 0660.
type FileMode fs.FileMode

// UnmarshalText reads 0660.
func (m *FileMode) UnmarshalText(b []byte) error {
	text := strings.TrimPrefix(string(b), "0o")
	n, err := strconv.ParseUint(text, 8, 32)
	if err != nil || n > 0o777 || len(text) < 3 {
		return &hinted{fmt.Sprintf("%q is not the mode of a file", b), "three octal digits for owner, group and others: 0660"}
	}
	*m = FileMode(n)
	return nil
}
