package simulate

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"skerry/drivers/all"
	"skerry/edge/config"
)

// TestFaultsOverlap: what two faults hold does not come back when one of them ends, but when the other one does too.
func TestFaultsOverlap(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"skerry.yaml": "sensors: {x: {driver: mcp9808}}",
		"s.yaml": "faults: {short: {unplug: x, for: 1h}, long: {unplug: x, for: 3h}}"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := config.Load(filepath.Join(dir, "skerry.yaml"), all.Kinds())
	if err != nil {
		t.Fatal(err)
	}
	s, err := config.LoadScenario(filepath.Join(dir, "s.yaml"), cfg)
	if err != nil {
		t.Fatal(err)
	}
	x, err := New(cfg, s, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := x.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	bus, err := b.I2C("")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		after time.Duration
		there bool
	}{{0, false}, {2 * time.Hour, false}, {4 * time.Hour, true}} {
		x.begin(time.Now().Add(-test.after))
		x.befall()
		if err := bus.Tx(0x18, []byte{0x06}, make([]byte, 2)); (err == nil) != test.there {
			t.Errorf("after %v: %v, there: %t", test.after, err, test.there)
		}
	}
}
