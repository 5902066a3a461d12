package simulate_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"skerry/drivers/all"
	"skerry/edge/config"
	"skerry/edge/simulate"
)

// FuzzScenario: whatever stands in a scenario, it can be played, or has errors with a text.
func FuzzScenario(f *testing.F) {
	archive, err := txtar.ParseFile("../config/testdata/scenarios.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, one := range archive.Files {
		f.Add(one.Data)
	}
	day, err := os.ReadFile("../../docs/examples/scenarios/day.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(day)
	dir := f.TempDir()
	station := filepath.Join(dir, "station.yaml")
	if err := os.WriteFile(station, []byte(`
gateway: {board: sim}
broker: {listeners: {local: {tcp: "127.0.0.1:1883", anonymous: true}}}
sensors: {air: {driver: bme280}, rain: {driver: pulse, pin: GPIO17}, power: {driver: ina219}}
uplinks: {cloud: {mqtt: "tcp://192.0.2.1:1883"}}
`), 0o600); err != nil {
		f.Fatal(err)
	}
	cfg, err := config.Load(station, all.Kinds())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(dir, "scenario.yaml")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := config.LoadScenario(path, cfg)
		if err == nil {
			err = play(cfg, s)
		}
		wrong, ok := errors.AsType[config.Errors](err)
		if err != nil && !ok {
			t.Fatal(err)
		}
		for _, e := range wrong {
			if e.Problem == "" {
				t.Errorf("%+v", e)
			}
		}
	})
}

// play reads a chip of the board once.
func play(cfg *config.Config, s *config.Scenario) error {
	x, err := simulate.New(cfg, s, nil)
	if err != nil {
		return err
	}
	b, err := x.Open()
	if err != nil {
		return err
	}
	defer b.Close()
	bus, err := b.I2C("")
	if err != nil {
		return err
	}
	var data [8]byte
	bus.Tx(0x76, []byte{0xF4, 0x25}, nil) // whatever becomes of it
	bus.Tx(0x76, []byte{0xF7}, data[:])
	return nil
}
