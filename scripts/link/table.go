package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
)

// A table prints rows and counts the targets.
type table struct {
	met, missed  int
	early, later int // of what is not built yet: met already, and not
}

func (t *table) title(format string, args ...any) { fmt.Printf(format+"\n", args...) }

// note prints a figure that has no target.
func (t *table) note(name, format string, args ...any) {
	fmt.Printf("  %-44s %s\n", name, fmt.Sprintf(format, args...))
}

// atMost prints a figure of the daemon beside its target.
func (t *table) atMost(bound, value float64, unit, name, format string, args ...any) {
	verdict := "ok"
	if value <= bound {
		t.met++
	} else {
		t.missed++
		verdict = "MISSED"
	}
	row(verdict, bound, unit, name, format, args...)
}

// planned is atMost for a target of what is not built yet: it is shown and does not fail a strict run.
func (t *table) planned(bound, value float64, unit, name, format string, args ...any) {
	verdict := "ok already"
	if value <= bound {
		t.early++
	} else {
		t.later++
		verdict = "not yet"
	}
	row(verdict, bound, unit, name, format, args...)
}

func row(verdict string, bound float64, unit, name, format string, args ...any) {
	limit := strconv.FormatFloat(math.Round(bound*100)/100, 'f', -1, 64)
	fmt.Printf("  %-44s %s   target <= %s%s: %s\n", name, fmt.Sprintf(format, args...), limit, unit, verdict)
}

// median of figures; 0 of none.
func median(all []float64) float64 {
	if len(all) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(all))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}
