package main

import (
	"fmt"
	"regexp"
	"strings"
)

// failure is a test that failed.
type failure struct{ pkg, test string }

const (
	unsteady   = 3 // tests that fail among the others may be tried alone: more is a fault of the program, or of the machine
	timesAlone = 3
)

// grave tells whether a line is the beginning of what no second run excuses.
func grave(line string) bool {
	return strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") || strings.HasPrefix(line, "WARNING: DATA RACE")
}

// alone tries each failed test by itself, and tells whether all that failed is excused by that.
func (s *summary) alone(flags []string) bool {
	packages := map[string]bool{}
	for _, f := range s.wrong {
		packages[f.pkg] = true
	}
	if len(s.grave) > 0 || len(s.wrong) > unsteady || len(packages) < s.packagesFailed {
		return false
	}
	for _, f := range s.wrong {
		fmt.Fprintf(s.out, "%s %s failed among the others; %d times by itself:\n", f.pkg, f.test, timesAlone)
		if !s.steady(flags, f) {
			return false
		}
	}
	for _, f := range s.wrong {
		fmt.Fprintf(s.out, "unsteady: %s %s failed once, and passed %d times by itself\n", f.pkg, f.test, timesAlone)
	}
	return len(s.wrong) > 0
}

// steady tells whether a test passes by itself. What it prints when it fails is printed; the sums of the whole stay as they are.
func (s *summary) steady(flags []string, f failure) bool {
	one := newSummary(s.out)
	args := append(append([]string{}, flags...), fmt.Sprint("-count=", timesAlone), "-run=^"+regexp.QuoteMeta(f.test)+"$", f.pkg)
	return one.run(args) == 0 && one.passed >= timesAlone
}
