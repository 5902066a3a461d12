package main

import (
	"fmt"
	"slices"
	"strings"
)

// A table prints rows and counts the targets.
type table struct{ met, missed int }

// A target is what a figure of the daemon must reach.
type target struct {
	bound   float64
	atLeast bool   // otherwise at most
	unit    string // behind the bound
	stretch float64
}

func atLeast(bound float64, unit string) *target {
	return &target{bound: bound, atLeast: true, unit: unit}
}
func atMost(bound float64, unit string) *target { return &target{bound: bound, unit: unit} }

// row prints one figure; value is what the target is about.
func (t *table) row(name, figure string, value float64, goal *target) {
	fmt.Printf("  %-28s %s", name, figure)
	if goal != nil {
		fmt.Printf("   %s", t.judge(value, goal))
	}
	fmt.Println()
}

func (t *table) judge(value float64, goal *target) string {
	sign, ok := "<=", value <= goal.bound
	if goal.atLeast {
		sign, ok = ">=", value >= goal.bound
	}
	verdict := "ok"
	if ok {
		t.met++
	} else {
		t.missed++
		verdict = "MISSED"
	}
	text := fmt.Sprintf("target %s %g%s: %s", sign, goal.bound, goal.unit, verdict)
	if goal.stretch > 0 && ok {
		reached := value <= goal.stretch
		if goal.atLeast {
			reached = value >= goal.stretch
		}
		text += fmt.Sprintf(", stretch %g%s: %s", goal.stretch, goal.unit, map[bool]string{true: "ok", false: "not yet"}[reached])
	}
	return text
}

// median of figures; 0 of none.
func median(all []float64) float64 {
	if len(all) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(all))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// spread is the least and the greatest of figures.
func spread(all []float64, format string) string {
	return fmt.Sprintf(strings.ReplaceAll("(%..%)", "%", format), slices.Min(all), slices.Max(all))
}
