package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"skerry/board"
	"skerry/board/sim"
	"skerry/drivers"
	"skerry/drivers/all"
	"skerry/edge/config"
	"skerry/edge/control"
	"skerry/edge/scan"
)

// scanCmd is `skerry scan`.
type scanCmd struct {
	SDI12  bool          `name:"sdi12" help:"Ask silent serial ports for SDI-12 sensors. Something is sent to whatever is there."`
	Modbus string        `placeholder:"UNITS" help:"Ask silent serial ports for Modbus units, 1..10 for instance. Something is sent to whatever is there."`
	Listen time.Duration `default:"2s" help:"How long to listen to each serial port (${default})."`
	File   string        `arg:"" optional:"" help:"Configuration of the station, which says what it holds while it runs (default: /etc/skerry/skerry.yaml, if it is there)."`
}

// Help stands behind the flags.
func (*scanCmd) Help() string {
	return `What is printed is a configuration: the findings are its comments. Chips on I2C are read, and asked for their identity where a driver
knows them; nothing else is written to. Serial ports are listened to. A station that runs keeps its buses: what it uses is left alone.

  skerry scan > station.yaml && skerry check station.yaml`
}

// Run prints what was found.
func (c *scanCmd) Run(ctx context.Context) error {
	if c.Listen <= 0 {
		return fmt.Errorf("--listen %v: a port is listened to for a while (hint: --listen 5s)", c.Listen)
	}
	o := scan.Options{Kinds: all.Kinds(), SDI12: c.SDI12, Listen: c.Listen}
	if c.Modbus != "" {
		units, err := scan.ParseUnits(c.Modbus)
		if err != nil {
			return err
		}
		o.Modbus = units
	}
	cfg, err := perhaps(c.File)
	if err != nil {
		return err
	}
	var head []string
	simulated := cfg != nil && cfg.Gateway.Board == "sim"
	if simulated {
		head = append(head, "gateway: {board: sim}")
	}
	if cfg != nil && control.Running(cfg.Storage.Path) {
		o.Held, o.AllI2C = held(cfg, followed)
	}
	plan, machine, closes, err := openScan(ctx, simulated)
	if err != nil {
		return err
	}
	defer closes()
	report := plan.Run(ctx, machine, o)
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return report.Write(os.Stdout, head...)
}

// perhaps reads a configuration; without a name, that of the machine if there is one.
func perhaps(file string) (*config.Config, error) {
	if file == "" {
		file = "/etc/skerry/skerry.yaml"
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
	}
	return config.Load(file, all.Kinds())
}

// openScan opens a board on which everything there is has a name.
func openScan(ctx context.Context, simulated bool) (*scan.Plan, scan.Machine, func(), error) {
	if simulated {
		b := sim.New(sim.Options{})
		plan := scan.NewPlan(ctx, b.Files(), func(path string) string { return path })
		return plan, b, func() { b.Close() }, nil
	}
	bare, err := board.Open(board.Options{})
	if err != nil {
		return nil, nil, nil, err
	}
	plan := scan.NewPlan(ctx, bare.Files(), followed)
	b, err := board.Open(board.Options{Buses: plan.Buses()})
	if err != nil {
		return nil, nil, nil, fmt.Errorf("open the board: %w", err)
	}
	return plan, b, func() { b.Close(); bare.Close() }, nil
}

// followed is where a path leads.
func followed(path string) string {
	if to, err := filepath.EvalSymlinks(path); err == nil {
		return to
	}
	return path
}

// held are the devices that the station has while it runs, with the names of their buses.
func held(cfg *config.Config, resolve func(string) string) (devices map[string]string, allI2C bool) {
	devices = map[string]string{}
	hold := func(name string, kind drivers.BusKind) {
		bus, named := cfg.Buses[name]
		switch {
		case named:
			devices[resolve(bus.Device)] = name
		case kind == drivers.I2CBus:
			allI2C = true
		case kind == drivers.SerialBus:
			devices[resolve("/dev/serial0")] = ""
		}
	}
	for _, s := range cfg.Sensors {
		hold(s.Bus, s.Kind.Bus)
	}
	for _, o := range cfg.Outputs {
		hold(o.Bus, o.Kind.Bus)
	}
	return devices, allI2C
}
