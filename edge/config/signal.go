package config

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Signal is how a value of a scenario goes over time: a number, a text, a shape, or several of them added up.
type Signal struct {
	Key   string   // its place in the scenario; noise depends on it
	Text  string   // of a value that is a text
	Parts []Signal // added up, instead of all below
	Shape Shape
	text  bool
}

// Shape is a signal of one form. Times are by the clock of the scenario.
type Shape struct {
	Value    *float64      `yaml:"value"` // always the same
	Ramp     *Way          `yaml:"ramp"`  // from the start, within Over; then it stays, or begins again with Repeat
	Over     time.Duration `yaml:"over" in:"1ms..3650d"`
	Sine     *Range        `yaml:"sine"` // up and down within Period, from the middle upwards at the start
	Period   time.Duration `yaml:"period" in:"1ms..3650d"`
	Day      *Range        `yaml:"day"`                      // up and down within a day, at its highest at Peak
	Peak     *TimeOfDay    `yaml:"peak"`                     // default 14:00
	Steps    Course        `yaml:"steps"`                    // numbers from given times on
	Points   Course        `yaml:"points"`                   // numbers at given times, and straight lines between
	CSV      string        `yaml:"csv"`                      // file of a recorded series
	Column   string        `yaml:"column"`                   // of CSV; default the second
	Time     string        `yaml:"time"`                     // column of CSV with the time; default the first
	Smooth   bool          `yaml:"smooth"`                   // of CSV: straight lines between the numbers
	Repeat   bool          `yaml:"repeat"`                   // of Ramp and CSV
	Integral *Signal       `yaml:"integral"`                 // the sum of another signal over time, which is a number per Per
	Per      time.Duration `yaml:"per" in:"1s..31d"`         // default 1h
	Noise    float64       `yaml:"noise" in:"0..1000000000"` // standard deviation of what is added by chance
	Limit    *Range        `yaml:"limit"`                    // what is outside is cut off

	Series []Sample `yaml:"-"` // of CSV, in order of time, from 0
}

// Sample is one number of a series.
type Sample struct {
	At    time.Duration
	Value float64
}

// IsText reports whether the signal is a text.
func (s *Signal) IsText() bool { return s.text }

// Constant is a signal that is always the same.
func Constant(x float64) Signal { return Signal{Shape: Shape{Value: &x}} }

// forms are the keys that say what a shape is, with the keys that belong to each alone.
var forms = []struct {
	key  string
	with []string
}{
	{"value", nil}, {"ramp", []string{"over", "repeat"}}, {"sine", []string{"period"}}, {"day", []string{"peak"}}, {"steps", nil}, {"points", nil},
	{"csv", []string{"column", "time", "smooth", "repeat"}}, {"integral", []string{"per"}},
}

// decodeNode reads a number, a text, a list or a map.
func (s *Signal) decodeNode(d *decoder, n *yaml.Node, path string) {
	s.Key = path
	switch n.Kind {
	case yaml.SequenceNode:
		d.list(n, path, reflect.ValueOf(&s.Parts).Elem(), field{})
		if len(n.Content) == 0 {
			d.wrong(n, path, "is an empty list", "[SIGNAL, SIGNAL] are added up")
		}
		for i := range s.Parts {
			if s.Parts[i].text {
				d.fail(fmt.Sprintf("%s[%d]", path, i), "is a text, which cannot be added up", "a number, or a signal")
			}
		}
	case yaml.MappingNode:
		d.mapping(n, path, reflect.ValueOf(&s.Shape).Elem())
		d.shape(path, &s.Shape)
	default:
		var text string
		d.scalar(n, path, reflect.ValueOf(&text).Elem(), field{})
		if x, err := parseNumber(text); err == nil && n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) == 0 {
			s.Shape.Value = &x
			return
		}
		s.Text, s.text = text, true
	}
}

// shape checks that a shape is one thing, and whole.
func (d *decoder) shape(at string, s *Shape) {
	if !d.sound(at) {
		return
	}
	var given, all []string
	for _, f := range forms {
		if all = append(all, f.key); d.given(below(at, f.key)) {
			given = append(given, f.key)
		}
	}
	if len(given) != 1 {
		problem := "does not say how it goes"
		if len(given) > 1 {
			problem = "is both " + strings.Join(given, " and ")
		}
		d.fail(at, problem, "one of "+strings.Join(all, ", ")+"; a list of signals is added up")
		return
	}
	for _, f := range forms {
		for _, key := range f.with {
			if given[0] != f.key && d.given(below(at, key)) && !slices.Contains(formOf(given[0]), key) {
				d.fail(below(at, key), "is not for "+given[0], "leave it out")
			}
		}
	}
	switch given[0] {
	case "ramp":
		d.needs(at, "over", "2h")
	case "sine":
		d.needs(at, "period", "6h")
	case "csv":
		d.series(at, s)
	case "integral":
		if s.Integral.text {
			d.fail(below(at, "integral"), "is a text, which has no sum", "a number, or a signal")
		}
	}
	if s.Per == 0 {
		s.Per = time.Hour
	}
}

func formOf(key string) []string {
	for _, f := range forms {
		if f.key == key {
			return f.with
		}
	}
	return nil
}

func (d *decoder) needs(at, key, example string) {
	if !d.given(below(at, key)) {
		d.fail(at, "has no "+key, key+": "+example)
	}
}

// series reads the file of a recorded series.
func (d *decoder) series(at string, s *Shape) {
	key := below(at, "csv")
	data, err := csvOf(d.resolve(s.CSV))
	if err != nil {
		d.fail(key, err.Error(), "the path starts in the folder of this file")
		return
	}
	r := csv.NewReader(strings.NewReader(string(data)))
	r.Comment, r.TrimLeadingSpace, r.ReuseRecord = '#', true, true
	head, err := r.Read()
	if err != nil || len(head) < 2 {
		d.fail(key, filepath.Base(s.CSV)+" has no columns", "time,temperature on the first line, then 2026-05-01T06:00:00Z,11.5 or 0,11.5 (seconds)")
		return
	}
	head = slices.Clone(head)
	when, what := 0, 1
	for _, c := range []struct {
		key, name string
		to        *int
	}{{"time", s.Time, &when}, {"column", s.Column, &what}} {
		if c.name == "" {
			continue
		}
		if *c.to = slices.Index(head, c.name); *c.to < 0 {
			d.fail(below(at, c.key), fmt.Sprintf("%s has no column %q", filepath.Base(s.CSV), c.name), suggest(c.name, head))
			return
		}
	}
	if s.Series, err = samples(r, when, what); err != nil {
		d.fail(key, filepath.Base(s.CSV)+" "+err.Error(), "each line is a time and numbers, later ones further down; an empty cell is no number")
	}
}

// samples reads the rows of a series. Its times count from the first one.
func samples(r *csv.Reader, when, what int) ([]Sample, error) {
	var all []Sample
	var first time.Duration
	for rows := 0; ; rows++ {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		line, _ := r.FieldPos(0)
		if err != nil {
			return nil, err
		}
		at, err := seriesTime(row[when])
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		if rows == 0 {
			first = at
		}
		cell := strings.TrimSpace(row[what])
		if cell == "" {
			continue
		}
		x, err := parseNumber(cell)
		if err != nil {
			return nil, fmt.Errorf("line %d: %q is not a number", line, cell)
		}
		if at -= first; len(all) > 0 && at <= all[len(all)-1].At {
			return nil, fmt.Errorf("line %d: is not after the line before it", line)
		}
		all = append(all, Sample{at, x})
	}
	if len(all) == 0 {
		return nil, errors.New("has no numbers")
	}
	return all, nil
}

// seriesTime reads seconds, or a date and time.
func seriesTime(text string) (time.Duration, error) {
	text = strings.TrimSpace(text)
	if s, err := parseNumber(text); err == nil && math.Abs(s) < 1e10 {
		return time.Duration(s * float64(time.Second)), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04"} {
		if t, err := time.Parse(layout, text); err == nil {
			return time.Duration(t.UnixMilli()) * time.Millisecond, nil
		}
	}
	return 0, fmt.Errorf("%.40q is neither seconds nor a date and time", text)
}

// TimeOfDay is the time since midnight.
type TimeOfDay time.Duration

// UnmarshalText reads 15:00 or 15:00:30.
func (t *TimeOfDay) UnmarshalText(b []byte) error {
	parts := strings.Split(string(b), ":")
	var sum time.Duration
	unit := time.Hour
	for i, most := range []int{24, 59, 59} {
		if i >= len(parts) {
			break
		}
		n, err := strconv.Atoi(parts[i])
		if err != nil || n < 0 || n > most || len(parts[i]) != 2 && (i > 0 || len(parts[i]) != 1) {
			return &hinted{fmt.Sprintf("%q is not a time of day", b), "hours and minutes: 15:00"}
		}
		sum += time.Duration(n) * unit
		unit /= 60
	}
	if len(parts) < 2 || len(parts) > 3 || sum > 24*time.Hour {
		return &hinted{fmt.Sprintf("%q is not a time of day", b), "hours and minutes: 15:00"}
	}
	*t = TimeOfDay(sum)
	return nil
}

// Way is two numbers, in the order in which they are passed.
type Way struct{ From, To float64 }

// UnmarshalText reads 20..5.
func (w *Way) UnmarshalText(b []byte) error {
	from, to, ok := strings.Cut(string(b), "..")
	x, err1 := parseNumber(strings.TrimSpace(from))
	y, err2 := parseNumber(strings.TrimSpace(to))
	if !ok || err1 != nil || err2 != nil {
		return &hinted{fmt.Sprintf("%q is not a way from one number to another", b), "from..to: 20..5"}
	}
	*w = Way{x, y}
	return nil
}

// Moment is a time of each day, or once after the start.
type Moment struct {
	Daily bool
	Time  time.Duration // since midnight; or since the start
}

// UnmarshalText reads 15:00 or 2h.
func (m *Moment) UnmarshalText(b []byte) error {
	if strings.Contains(string(b), ":") {
		var t TimeOfDay
		err := t.UnmarshalText(b)
		*m = Moment{true, time.Duration(t)}
		return err
	}
	after, err := parseDuration(string(b))
	if err != nil {
		return &hinted{fmt.Sprintf("%q is neither a time of day nor a time after the start", b), "15:00 is every day, 2h once"}
	}
	*m = Moment{false, after}
	return nil
}

// String is the moment in words.
func (m Moment) String() string {
	if !m.Daily {
		return FormatDuration(m.Time) + " after the start"
	}
	return fmt.Sprintf("each day at %02d:%02d", m.Time/time.Hour, m.Time%time.Hour/time.Minute)
}

// Course is numbers at moments, in their order: all of each day, or all after the start.
type Course struct {
	Daily   bool
	Numbers []Sample
}

// decodeNode reads a map from moments to numbers.
func (c *Course) decodeNode(d *decoder, n *yaml.Node, path string) {
	if !d.isMap(n, path) {
		return
	}
	for i, e := range d.entries(n, path) {
		at := below(path, e.name)
		d.note(at, e.value)
		var m Moment
		if err := m.UnmarshalText([]byte(e.name)); err != nil {
			d.wrong(e.key, at, err.Error(), hintOf(err))
			continue
		}
		if i > 0 && m.Daily != c.Daily {
			d.wrong(e.key, at, "is a time of day among times after the start, or the other way round", "all of one kind")
			continue
		}
		c.Daily = m.Daily
		var x float64
		d.value(e.value, at, reflect.ValueOf(&x).Elem(), field{})
		if i := len(c.Numbers) - 1; i >= 0 && m.Time <= c.Numbers[i].At {
			d.wrong(e.key, at, "is not after the one before it", "in their order")
		}
		c.Numbers = append(c.Numbers, Sample{m.Time, x})
	}
	if len(c.Numbers) == 0 && d.sound(path) {
		d.fail(path, "has no numbers", "{06:00: 1, 07:30: 0}")
	}
}
