package ds18b20

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"skerry/drivers"
)

const (
	devices = "sys/bus/w1/devices/"
	bulk    = devices + "w1_bus_master*/therm_bulk_read"

	// conversion is the longest that a probe takes (page 3); cloned ones take a little more.
	conversion = 1200 * time.Millisecond
	look       = 50 * time.Millisecond
)

type sensor struct {
	files  drivers.Files
	values []string          // in order
	probes map[string]string // by value, as configured; empty: the only one there is
}

func open(ctx context.Context, b drivers.Buses, s drivers.Setup) (drivers.Sensor, error) {
	x := &sensor{files: b.Files(), values: slices.Sorted(maps.Keys(s.Values)), probes: map[string]string{}}
	if len(x.values) == 0 {
		x.values = []string{"temperature"}
	}
	for _, v := range x.values {
		x.probes[v] = probeOf(s, v)
	}
	return x, x.find(ctx)
}

// String names the probes.
func (x *sensor) String() string {
	ids := slices.Compact(slices.Sorted(maps.Values(x.probes)))
	if ids[0] == "" {
		ids[0] = "the only one"
	}
	return "1-Wire probe " + strings.Join(ids, ", ")
}

// find makes sure that at least one of the probes is there.
func (x *sensor) find(ctx context.Context) error {
	there, err := x.list()
	if err != nil {
		return err
	}
	found := false
	for _, v := range x.values {
		probe, err := x.probe(v, there)
		if err != nil {
			return err
		}
		found = found || slices.Contains(there, probe)
	}
	if !found {
		return fmt.Errorf("%s: not there; %s", x, describe(there))
	}
	return ctx.Err()
}

// probe is that of a value: the one that is named, or the only one there is, which may be another one than the last time.
func (x *sensor) probe(value string, there []string) (string, error) {
	switch {
	case x.probes[value] != "":
		return x.probes[value], nil
	case len(there) == 1:
		return there[0], nil
	}
	return "", fmt.Errorf("value %s names no probe; %s", value, describe(there))
}

func (x *sensor) list() ([]string, error) {
	names, err := x.files.Glob(devices + "??-????????????")
	var ids []string
	for _, n := range names {
		if base := path.Base(n); id().MatchString(base) {
			ids = append(ids, base)
		}
	}
	return ids, err
}

func describe(there []string) string {
	if len(there) == 0 {
		return "no probe is found: dtoverlay=w1-gpio in /boot/firmware/config.txt, 4.7 kΩ from data to 3V3, then look at the wiring"
	}
	return "there are " + strings.Join(there, ", ")
}

// Sense has all probes measure, and reads each. One that fails does not hide the others.
func (x *sensor) Sense(ctx context.Context, dst []drivers.Reading) ([]drivers.Reading, error) {
	if err := x.convert(ctx); err != nil {
		return dst, err
	}
	there, err := x.list()
	if err != nil {
		return dst, err
	}
	var errs []error
	for _, v := range x.values {
		t, err := x.read(ctx, v, there)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		dst = append(dst, within(drivers.Number(v, t, "°C", time.Now())))
	}
	return dst, errors.Join(errs...)
}

// convert has all probes measure at once, on each bus where that can be done: where it cannot, or not to the end, a probe measures when
// it is read, or says then what is wrong with it.
func (x *sensor) convert(ctx context.Context) error {
	masters, err := x.files.Glob(bulk)
	if err != nil {
		return err
	}
	var measuring []string
	for _, m := range masters {
		if err := x.files.WriteFile(ctx, m, []byte("trigger\n")); err == nil {
			measuring = append(measuring, m)
		}
	}
	for _, m := range measuring {
		x.waitFor(ctx, m)
	}
	return ctx.Err()
}

// waitFor waits until no probe of a bus is measuring any more, as long as that may take.
func (x *sensor) waitFor(ctx context.Context, master string) {
	for began := time.Now(); time.Since(began) < conversion; {
		if state, err := drivers.ReadText(ctx, x.files, master); err != nil || state != "-1" {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(look):
		}
	}
}

// read reads the scratchpad of a value's probe, in °C.
func (x *sensor) read(ctx context.Context, value string, there []string) (float64, error) {
	probe, err := x.probe(value, there)
	if err != nil {
		return 0, err
	}
	b, err := x.files.ReadFile(ctx, devices+probe+"/w1_slave")
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("is not there: %w; look at its wires", err)
	}
	var celsius float64
	if err == nil {
		celsius, err = parse(string(b))
	}
	if err != nil {
		return 0, fmt.Errorf("probe %s: %w", probe, err)
	}
	return celsius, nil
}

// within marks what no probe can measure (page 1).
func within(r drivers.Reading) drivers.Reading {
	if r.Number < -55 || r.Number > 125 {
		r.Quality = drivers.Suspect
	}
	return r
}

// Halt has nothing to do: probes sleep between measurements.
func (x *sensor) Halt() error { return nil }
