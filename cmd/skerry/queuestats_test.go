package main

import (
	"encoding/json"
	"io"
	"math"
	"os"
	"testing"

	"skerry/edge/control"
)

// TestEndurance: with --tbw programs are told too how long a card will last; and nothing is made up when no rate is known.
func TestEndurance(t *testing.T) {
	c := queueStatsCmd{TBW: capacity(30e12)}
	for name, row := range map[string]struct {
		numbers     control.Numbers
		log, device float64
	}{
		"rates":   {control.Numbers{Live: true, Daily: 133e6, Device: &control.DeviceNumbers{Name: "vda", Bytes: 1, Daily: 331e9}}, 617.56, 0.25},
		"none":    {control.Numbers{Live: true, Device: &control.DeviceNumbers{Name: "vda"}}, 0, 0},
		"stopped": {control.Numbers{}, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			text := printed(t, func() error { return c.showLasting(&row.numbers) })
			var got struct {
				Live      bool
				Start     map[string]any
				Endurance map[string]float64
			}
			if err := json.Unmarshal(text, &got); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			e := got.Endurance
			if got.Live != row.numbers.Live || got.Start == nil || e["tbw_bytes"] != 30e12 || math.Abs(e["log_years"]-row.log) > 0.011 || math.Abs(e["device_years"]-row.device) > 0.011 {
				t.Errorf("%s", text)
			}
		})
	}
}

// printed is what f prints on standard output.
func printed(t *testing.T, f func() error) []byte {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	before := os.Stdout
	os.Stdout = w
	err = f()
	os.Stdout = before
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	r.Close()
	if err != nil {
		t.Fatal(err)
	}
	return text
}
