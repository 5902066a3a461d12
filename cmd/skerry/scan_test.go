package main

import (
	"maps"
	"os"
	"path/filepath"
	"testing"

	"skerry/drivers/all"
	"skerry/edge/config"
	"skerry/edge/control"
)

// TestHeld: what a station has while it runs, under all the names that its devices go by.
func TestHeld(t *testing.T) {
	file := filepath.Join(t.TempDir(), "station.yaml")
	text := `buses: {i2c1: {i2c: /dev/i2c-1}, gnss: {serial: /dev/serial/by-id/usb-gps}, spare: {serial: /dev/ttyUSB7}}
sensors: {air: {driver: bme280, bus: i2c1}, gps: {driver: nmea, bus: gnss}, rain: {driver: pulse, pin: GPIO17, values: {total: {per_pulse: 1, unit: mm}}}}
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(file, all.Kinds())
	if err != nil {
		t.Fatal(err)
	}
	links := map[string]string{"/dev/serial/by-id/usb-gps": "/dev/ttyUSB0"}
	got, allI2C := held(cfg, func(path string) string {
		if to, ok := links[path]; ok {
			return to
		}
		return path
	})
	if want := map[string]string{"/dev/i2c-1": "i2c1", "/dev/ttyUSB0": "gnss"}; !maps.Equal(got, want) || allI2C {
		t.Errorf("held %v, %v; want %v", got, allI2C, want)
	}
}

// TestHeldWithoutNames: sensors on buses that are not named have the board's own.
func TestHeldWithoutNames(t *testing.T) {
	file := filepath.Join(t.TempDir(), "station.yaml")
	if err := os.WriteFile(file, []byte("sensors: {air: {driver: bme280}, gps: {driver: nmea}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(file, all.Kinds())
	if err != nil {
		t.Fatal(err)
	}
	if got, allI2C := held(cfg, func(path string) string { return path }); !allI2C || len(got) != 1 {
		t.Errorf("held %v, %v", got, allI2C)
	}
}

// TestHeldByOutputs: what outputs write to is held too, though no sensor is on it; a device on the network holds no port.
func TestHeldByOutputs(t *testing.T) {
	file := filepath.Join(t.TempDir(), "station.yaml")
	text := `buses: {rs485: {serial: /dev/ttyUSB0}}
outputs: {pump: {driver: modbus, bus: rs485, table: coil, address: 5}, gate: {driver: modbus, tcp: 192.0.2.7, table: coil, address: 5}}
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(file, all.Kinds())
	if err != nil {
		t.Fatal(err)
	}
	got, allI2C := held(cfg, func(path string) string { return path })
	if want := map[string]string{"/dev/ttyUSB0": "rs485"}; !maps.Equal(got, want) || allI2C {
		t.Errorf("held %v, %v; want %v", got, allI2C, want)
	}
}

func TestRunning(t *testing.T) {
	dir := t.TempDir()
	if control.Running(dir) {
		t.Error("a station runs where there is none")
	}
	srv, err := control.Listen(dir, &control.Station{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !control.Running(dir) {
		t.Error("the station does not run")
	}
	if err := srv.Close(); err != nil {
		t.Fatal(err)
	}
	if control.Running(dir) {
		t.Error("a station runs that has ended")
	}
}
