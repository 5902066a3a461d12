package keepalive_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestDocument: the table of what it costs is what the cost of one PINGREQ makes of the intervals.
func TestDocument(t *testing.T) {
	text, err := os.ReadFile("../../../docs/keep-alive.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{pingCostTLS, pingCostPlain} {
		if !strings.Contains(string(text), fmt.Sprintf(" %d ", n)) {
			t.Errorf("the document does not say %d bytes", n)
		}
	}
	rows := regexp.MustCompile(`(?m)^\| (\S+min(?: \d+s)?) \| (\d+) \| ([\d.]+) \| (\d+) \|$`).FindAllStringSubmatch(string(text), -1)
	if len(rows) < 5 {
		t.Fatalf("%d rows", len(rows))
	}
	for _, row := range rows {
		interval, err := time.ParseDuration(strings.NewReplacer("min", "m", " ", "").Replace(row[1]))
		if err != nil {
			t.Fatal(err)
		}
		perHour := float64(time.Hour) / float64(interval)
		want := fmt.Sprintf("| %s | %.0f | %.2f | %.0f |", row[1], perHour*pingCostTLS, perHour*pingCostTLS*24*30/1e6, perHour*pingCostPlain)
		if row[0] != want {
			t.Errorf("have %s\nwant %s", row[0], want)
		}
	}
}
