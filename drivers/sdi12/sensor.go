package sdi12

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"skerry/drivers"
)

// sensor is one address on a bus.
type sensor struct {
	bus     *bus
	release func() error
	port    string // name of the bus
	station *station
	how     measurement
	values  []value
	pending *pending // nil: no measurement is under way
}

// shared is a bus as several sensors have it.
type shared struct {
	*bus
	opts Opts // of the sensor that opened it
}

func open(ctx context.Context, b drivers.Buses, s drivers.Setup) (drivers.Sensor, error) {
	o := options(s)
	thing, release, err := b.Common("sdi12 "+s.Bus, func() (io.Closer, error) {
		port, err := b.Serial(s.Bus, o.line())
		if err != nil {
			return nil, err
		}
		return shared{newBus(port, o.adapter()), o}, nil
	})
	if err != nil {
		return nil, fmt.Errorf("SDI-12 sensor %v: %w", o.Address, err)
	}
	x := &sensor{bus: thing.(shared).bus, release: release, port: s.Bus, values: named(s)}
	if err := x.find(ctx, o, thing.(shared).opts); err != nil {
		release()
		return nil, fmt.Errorf("SDI-12 sensor %v%s: %w", o.Address, x.where(), err)
	}
	return x, nil
}

// find makes sure that the sensor is there and is the one that was meant.
func (x *sensor) find(ctx context.Context, o, first Opts) (err error) {
	if o.adapter() != first.adapter() {
		return fmt.Errorf("the sensor at address %v has another adapter, line_end or timeout; one bus has one adapter", first.Address)
	}
	if x.how, err = parseMeasurement(o.Measure); err != nil {
		return err
	}
	if len(x.values) == 0 {
		return errors.New("names no value")
	}
	giveBack, err := x.bus.take(ctx)
	if err != nil {
		return err
	}
	defer giveBack()
	if o.Address == anyone {
		if o.Address, err = x.bus.query(ctx); err != nil {
			return hinted(err)
		}
	}
	x.station = x.bus.station(o.Address)
	if err := x.bus.identify(ctx, x.station); err != nil {
		return hinted(err)
	}
	who := x.station.identity
	if !strings.Contains(who.all, o.Expect) {
		return fmt.Errorf("%w: it is %q, and %q is expected", ErrOtherSensor, who.all, o.Expect)
	}
	x.how.crc = o.CRC == "on" || o.CRC == "auto" && who.version >= versionCRC
	return nil
}

// hinted adds what to do to errors that say little.
func hinted(err error) error {
	if h := hint(err); h != "" {
		return fmt.Errorf("%w; %s", err, h)
	}
	return err
}

// String names the sensor, its address, and where it is.
func (x *sensor) String() string {
	return fmt.Sprintf("%s at SDI-12 address %v%s", x.station.identity, x.station.at, x.where())
}

func (x *sensor) where() string {
	if x.port == "" {
		return ""
	}
	return " on " + x.port
}

// Sense measures.
func (x *sensor) Sense(ctx context.Context, dst []drivers.Reading) ([]drivers.Reading, error) {
	giveBack, err := x.bus.take(ctx)
	if err != nil {
		return dst, fmt.Errorf("%s: %w", x, err)
	}
	defer giveBack()
	got, err := x.measure(ctx)
	if err == nil {
		dst, err = x.readings(got, dst)
	}
	switch {
	case err == nil:
		return dst, nil
	case ctx.Err() != nil:
		return dst, fmt.Errorf("%s: %w: %w", x, ctx.Err(), err)
	}
	return dst, fmt.Errorf("%s: %w", x, hinted(err))
}

// readings gives the values their names. A measurement with fewer values than have names is not the one that was named: none of
// it is believed.
func (x *sensor) readings(got result, dst []drivers.Reading) ([]drivers.Reading, error) {
	if last := x.values[len(x.values)-1]; last.index > len(got.values) {
		return dst, fmt.Errorf("%w: %s is number %d of %d", ErrTooFew, last.name, last.index, len(got.values))
	}
	for _, v := range x.values {
		dst = append(dst, drivers.Number(v.name, got.values[v.index-1], "", got.at))
	}
	return dst, nil
}

// Halt gives the port back when no other sensor needs it.
func (x *sensor) Halt() error { return x.release() }
