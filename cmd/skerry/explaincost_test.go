package main

import (
	"os"
	"strings"
	"testing"

	"skerry/edge/cost"
)

// TestExplainPage: docs/explain.md shows what the verb says of its example, and all of it fits into 100 columns.
func TestExplainPage(t *testing.T) {
	cfg, err := load("../../docs/examples/explain.yaml")
	if err != nil {
		t.Fatal(err)
	}
	f, err := cost.New(cfg, version, cost.Machine{})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := showForecast(&b, f); err != nil {
		t.Fatal(err)
	}
	table, _, _ := strings.Cut(b.String(), "\n\n")
	page, err := os.ReadFile("../../docs/explain.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), "$ skerry explain --config explain.yaml\n"+table+"\n```\n") {
		t.Errorf("docs/explain.md does not have\n%s", table)
	}
	for line := range strings.Lines(b.String()) {
		if n := len([]rune(line)) - 1; n > 100 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}
