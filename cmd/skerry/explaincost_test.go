package main

import (
	"fmt"
	"os"
	"path/filepath"
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

// explained is what the verb prints of a configuration, of all of it or of one thing.
func explained(t *testing.T, path, what string, at cost.Machine) string {
	t.Helper()
	cfg, err := load(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := cost.New(cfg, version, at)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if what == "" {
		err = showForecast(&b, f)
	} else if err = one(f, cfg, what); err == nil {
		err = showOne(&b, f)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestExplainAlarm: what an alarm costs is told with the time stamps of TCP and without, whatever the machine has; three packets have 12 B of them each.
func TestExplainAlarm(t *testing.T) {
	for _, at := range []cost.Machine{{}, {NoTimeStamps: true}} {
		text := explained(t, "../../docs/examples/links.yaml", "frost", at)
		_, line, found := strings.Cut(text, "  the first of a connection is ")
		var first, again, bareFirst, bareAgain int
		n, err := fmt.Sscanf(line, "%d B, one after it %d B; without TCP time stamps %d B, %d B", &first, &again, &bareFirst, &bareAgain)
		if !found || n != 4 {
			t.Fatalf("%v in\n%s", err, text)
		}
		if first-bareFirst != 36 || again-bareAgain != 36 || again >= first || bareAgain > 215 {
			t.Errorf("%d B and %d B, without time stamps %d B and %d B", first, again, bareFirst, bareAgain)
		}
	}
}

// TestExplainTimeStamps: on a link that is paid it is told what they cost, with the command that ends them; where they are off, that they are.
func TestExplainTimeStamps(t *testing.T) {
	const path = "../../docs/examples/explain.yaml"
	if text := explained(t, path, "", cost.Machine{}); !strings.Contains(text, "a month less: sysctl -w net.ipv4.tcp_timestamps=0\n") {
		t.Error(text)
	}
	text := explained(t, path, "", cost.Machine{NoTimeStamps: true})
	if strings.Contains(text, "sysctl") || !strings.Contains(text, "this machine has no TCP time stamps") {
		t.Error(text)
	}
	if text := explained(t, "../../docs/examples/streams.yaml", "", cost.Machine{}); strings.Contains(text, "time stamps") { // nobody pays for its link
		t.Error(text)
	}
	file, err := os.ReadFile("../../docs/examples/sysctl/60-skerry.conf")
	if err != nil || !strings.HasSuffix(string(file), "\nnet.ipv4.tcp_timestamps = 0\n") {
		t.Errorf("%s, %v", file, err)
	}
}

// TestExplainBill: what a server bills by message is told, and what would cost less; on the page as it is.
func TestExplainBill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "skerry.yaml")
	const file = `gateway: {id: wx-042, site: lake}
sensors:
  air: {driver: bme280, every: 10s}
  sun: {driver: bh1750, every: 1min}
streams:
  readings: {match: ["{site}/{gateway}/sun/#"]}
  packed: {match: ["{site}/{gateway}/air/#"], encode: pack, linger: 10min}
uplinks:
  cloud:
    mqtt: "tls://broker.example.org:8883"
    billing: {step: 5kB, messages: 1.00 USD/million, minutes: 0.08 USD/million}
`
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(explained(t, path, "", cost.Machine{}), "server's bill: ")
	text, _, _ = strings.Cut("server's bill: "+text, "\n\n")
	for _, want := range []string{"server's bill: 1,6", " messages a day of up to 5.00 kB", "; 1,440 minutes\n", " USD a month", "  stream readings: 1,440 of them; with encode: pack or json, linger: 5min about ",
		"  stream packed: blocks of ", " B cost as much as full ones of 4961 B: linger: ", ", block: 4961B"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	page, err := os.ReadFile("../../docs/explain.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), "```yaml\n"+file+"```\n") || !strings.Contains(string(page), "```\n"+text+"\n```\n") {
		t.Errorf("docs/explain.md does not have this file, or\n%s", text)
	}
}
