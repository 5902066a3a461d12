package doctor

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"skerry/drivers"
	"skerry/edge/config"
)

// Subject is what is examined.
type Subject struct {
	Files      drivers.Files
	Resolve    func(path string) string // follows links
	Config     *config.Config           // nil: there is none, or it is wrong
	Store      string                   // the data directory, an absolute path; empty: not known
	StoreOwner string                   // of the data directory; empty: not known, or there is none
	Unit       Unit
	User       string // whom the station runs as; empty: not known
	Now        time.Time
	Synced     bool      // the kernel's clock is kept in step
	Sync       time.Time // when it last was; zero: not known

	ModemManager string // its program; "": mmcli

	Running bool
	Sensors []Sensor // of the running station
	Outputs []Output // likewise
}

// Output is how an output of the running station fares.
type Output struct {
	Name     string
	Failures int // in a row
	Error    string
}

// Sensor is how a sensor of the running station fares.
type Sensor struct {
	Name     string
	Failures int // in a row
	Error    string
	Stale    []string // values
	Late     drivers.Lateness
}

// Finding is what a check has to say.
type Finding struct {
	About string // "clock", "bus i2c1"
	What  string
	Fix   string // not empty: it is a problem
}

// Report is what was found, in the order of the checks.
type Report struct {
	Findings []Finding
}

func (r *Report) problem(about, what, fix string) {
	r.Findings = append(r.Findings, Finding{about, what, fix})
}

func (r *Report) note(about, format string, args ...any) {
	r.Findings = append(r.Findings, Finding{About: about, What: fmt.Sprintf(format, args...)})
}

// check looks at one thing.
type check func(ctx context.Context, s *Subject, r *Report)

// checks are all, in the order in which somebody would mend things.
var checks = []check{unit, data, guard, supply, buses, chips, pwm, access, console, date, card, space, mount, ports, listeners, uplinks, stamps, modems, sensors, outputs}

// Examine makes all checks.
func Examine(ctx context.Context, s *Subject) *Report {
	var r Report
	for _, c := range checks {
		c(ctx, s, &r)
	}
	return &r
}

// Problems counts them.
func (r *Report) Problems() (n int) {
	for _, f := range r.Findings {
		if f.Fix != "" {
			n++
		}
	}
	return n
}

// Write writes a line for each finding, and below a problem what to do.
func (r *Report) Write(out io.Writer) error {
	width := 0
	for _, f := range r.Findings {
		width = max(width, len(f.About))
	}
	var b strings.Builder
	for _, f := range r.Findings {
		mark := "ok     "
		if f.Fix != "" {
			mark = "PROBLEM"
		}
		fmt.Fprintf(&b, "%s  %-*s  %s\n", mark, width, plain(f.About), plain(f.What))
		if f.Fix != "" {
			fmt.Fprintf(&b, "%s  %-*s  fix: %s\n", "       ", width, "", plain(f.Fix))
		}
	}
	switch n := r.Problems(); n {
	case 0:
		b.WriteString("nothing to fix was found\n")
	case 1:
		b.WriteString("1 problem\n")
	default:
		fmt.Fprintf(&b, "%d problems\n", n)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// plain is a text from elsewhere as a terminal can show it.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
}

// text reads a file; empty if it cannot be read.
func (s *Subject) text(ctx context.Context, name string) string {
	t, err := drivers.ReadText(ctx, s.Files, name)
	if err != nil {
		return ""
	}
	return strings.TrimRight(t, "\x00")
}

// there tells whether a path, or a pattern, leads to something.
func (s *Subject) there(pattern string) bool {
	names, err := s.Files.Glob(strings.TrimPrefix(pattern, "/"))
	return err == nil && len(names) > 0
}
