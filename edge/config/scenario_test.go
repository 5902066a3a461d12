package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"skerry/edge/config"
)

const forScenarios = `
gateway: {id: wx, site: lake, board: sim}
storage: {path: data}
broker: {listeners: {local: {tcp: "127.0.0.1:1883", anonymous: true}}}
sensors:
  air: {driver: air, values: {temperature: {}, humidity: {}, feels: {derive: "temperature + 1", unit: °C}}}
  rain: {driver: rain, pin: GPIO17}
  gps: {driver: gps}
uplinks: {cloud: {mqtt: "tcp://192.0.2.1:1883"}}
`

// scenarioIn reads a scenario for that station.
func scenarioIn(t *testing.T, dir, name, text string) (*config.Scenario, error) {
	t.Helper()
	for name, text := range map[string]string{"station.yaml": forScenarios, name: text, "course.csv": "time,x,y\n2026-05-01T06:00:00Z,1,10\n2026-05-01T06:30:00Z,,20\n2026-05-01T07:00:00Z,2,\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := config.Load(filepath.Join(dir, "station.yaml"), testKinds())
	if err != nil {
		t.Fatal(err)
	}
	return config.LoadScenario(filepath.Join(dir, name), cfg)
}

// TestWrongScenarios loads every file NAME.yaml of the archive and compares with NAME.want, one line per error.
func TestWrongScenarios(t *testing.T) {
	const path = "testdata/scenarios.txtar"
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	files := archive.Files
	archive.Files = nil
	for i, f := range files {
		name, ok := strings.CutSuffix(f.Name, ".yaml")
		if !ok {
			continue
		}
		dir := t.TempDir()
		_, err := scenarioIn(t, dir, f.Name, string(f.Data))
		wrong, ok := errors.AsType[config.Errors](err)
		if !ok {
			t.Errorf("%s: %v, want Errors", f.Name, err)
			continue
		}
		for _, e := range wrong {
			if e.Hint == "" || e.Line == 0 {
				t.Errorf("no hint or no place: %v", e)
			}
		}
		got := strings.ReplaceAll(wrong.Error(), dir+string(filepath.Separator), "") + "\n"
		if want := ""; !*update {
			if i+1 < len(files) && files[i+1].Name == name+".want" {
				want = string(files[i+1].Data)
			}
			if got != want {
				t.Errorf("%s: got\n%swant\n%s", f.Name, got, want)
			}
		}
		archive.Files = append(archive.Files, f, txtar.File{Name: name + ".want", Data: []byte(got)})
	}
	if *update {
		if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestScenario: what stands in a file is what comes of it.
func TestScenario(t *testing.T) {
	s, err := scenarioIn(t, t.TempDir(), "s.yaml", `
speed: 24
start: 6:30
sensors:
  air: {temperature: [21.5, {csv: course.csv}], humidity: {steps: {06:00: 1, 07:30:15: 2}, noise: 0.5}}
  gps: {fix: "dgps"}
devices: {door: {qos: 1, values: {open: "yes"}}}
upstream: {}
faults: {a: {unplug: air, at: 2h}, b: {no_link: cloud, at: 22:00, for: 90min}, c: {late: gps}}
`)
	if err != nil {
		t.Fatal(err)
	}
	temperature, humidity := s.Sensors["air"]["temperature"], s.Sensors["air"]["humidity"]
	series := temperature.Parts[1].Shape.Series
	if want := []config.Sample{{At: 0, Value: 1}, {At: time.Hour, Value: 2}}; !slices.Equal(series, want) {
		t.Errorf("series %v", series)
	}
	if want := []config.Sample{{At: 6 * time.Hour, Value: 1}, {At: 7*time.Hour + 30*time.Minute + 15*time.Second, Value: 2}}; !humidity.Shape.Steps.Daily || !slices.Equal(humidity.Shape.Steps.Numbers, want) {
		t.Errorf("steps %+v", humidity.Shape.Steps)
	}
	if d := s.Devices[0]; d.ClientID != "door" || d.Topic != "device/door" || d.Listener != "local" || d.Every != 30*time.Second {
		t.Errorf("device %+v", d)
	}
	if s.Speed != 24 || time.Duration(*s.Start) != 6*time.Hour+30*time.Minute || s.Faults[2].Delay != 2*time.Second {
		t.Errorf("%+v", s)
	}
}

// TestFaultHolds: one is there from a time after the start on, or each day, past midnight too.
func TestFaultHolds(t *testing.T) {
	const h = time.Hour
	for _, test := range []struct {
		name         string
		at           config.Moment
		last         time.Duration
		since, ofDay time.Duration
		want         bool
	}{
		{"not yet", config.Moment{Time: 2 * h}, h, h, 0, false},
		{"begins", config.Moment{Time: 2 * h}, h, 2 * h, 0, true},
		{"is over", config.Moment{Time: 2 * h}, h, 3 * h, 0, false},
		{"stays", config.Moment{Time: 2 * h}, 0, 300 * h, 0, true},
		{"today", config.Moment{Daily: true, Time: 22 * h}, 4 * h, 0, 23 * h, true},
		{"past midnight", config.Moment{Daily: true, Time: 22 * h}, 4 * h, 0, h, true},
		{"in the morning", config.Moment{Daily: true, Time: 22 * h}, 4 * h, 0, 2 * h, false},
	} {
		f := config.Fault{At: test.at, For: test.last}
		if got := f.Holds(test.since, test.ofDay); got != test.want {
			t.Errorf("%s: %t", test.name, got)
		}
	}
}

// TestAnEmptyScenario has nothing to say, and is right.
func TestAnEmptyScenario(t *testing.T) {
	for _, text := range []string{"", "# nothing yet\n\n", "{}"} {
		if s, err := scenarioIn(t, t.TempDir(), "s.yaml", text); err != nil || s.Speed != 1 {
			t.Errorf("%q: %+v, %v", text, s, err)
		}
	}
}

// TestScenarioDocumented: docs/simulate.md has every key of scenarios and signals and no other.
func TestScenarioDocumented(t *testing.T) {
	const page = "../../docs/simulate.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	keys, documented := config.ScenarioKeys(), firstGroups("(?m)^\\| `([^`]+)` \\|", string(text))
	slices.Sort(keys)
	slices.Sort(documented)
	if !slices.Equal(keys, documented) {
		t.Errorf("the page has the keys\n%q\nthere are\n%q", documented, keys)
	}
	blocks := firstGroups("(?s)```yaml\n(.*?)```", string(text))
	if len(blocks) == 0 {
		t.Error("no example")
	}
	for _, block := range blocks {
		if _, err := scenarioIn(t, t.TempDir(), "s.yaml", block); err != nil {
			t.Errorf("%v\n%s", err, block)
		}
	}
}
