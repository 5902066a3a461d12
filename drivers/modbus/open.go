package modbus

import (
	"cmp"
	"context"
	"fmt"
	"io"

	"skerry/drivers"
)

// closer is a master that several sensors share.
type closer interface {
	master
	io.Closer
}

// open takes the line or connection. The device is not asked for anything yet: it may be switched off at night, as inverters are.
func open(ctx context.Context, b drivers.Buses, s drivers.Setup) (drivers.Sensor, error) {
	o := options(s)
	p, err := o.profile()
	if err != nil {
		return nil, err
	}
	x := &sensor{unit: byte(o.unit(p)), retries: o.Retries, timing: timing{timeout: o.Timeout, pause: o.Pause, late: o.Late}}
	x.limits = limits{registers: cmp.Or(o.MaxRegisters, p.maxRegisters, Holding.limit()), gap: o.MaxGap}
	if p.maxGap != nil && o.MaxGap == defaultGap {
		x.limits.gap = *p.maxGap
	}
	x.identity, x.title = p.identity, p.title
	x.given, x.counters = registers(s, cmp.Or(o.Order, p.order))
	if !x.moves() {
		x.place(nil)
	}
	x.name = x.describe(s.Bus, o, p)
	shared, release, err := b.Common(road(s.Bus, o), func() (io.Closer, error) { return connect(b, s.Bus, o) })
	if err != nil {
		return nil, fmt.Errorf("%s: %w", x.name, err)
	}
	x.master, x.release = shared.(closer), release
	return x, nil
}

// road names what is shared.
func road(bus string, o *Opts) string {
	if o.TCP != "" {
		return "modbus " + o.Framing + " " + withPort(o.TCP)
	}
	return "modbus " + bus
}

func connect(b drivers.Buses, bus string, o *Opts) (io.Closer, error) {
	switch {
	case o.TCP != "" && o.Framing == framingRTU:
		return newLine(newConverter(withPort(o.TCP), b.Dial)), nil
	case o.TCP != "":
		return newConnection(withPort(o.TCP), b.Dial), nil
	}
	port, err := b.Serial(bus, drivers.SerialConfig{})
	if err != nil {
		return nil, err
	}
	return newLine(port), nil
}

func (x *sensor) describe(bus string, o *Opts, p *profile) string {
	where := cmp.Or(bus, "the serial port")
	if o.TCP != "" {
		where = withPort(o.TCP)
	}
	return fmt.Sprintf("%s unit %d on %s", cmp.Or(p.title, "Modbus"), x.unit, where)
}

// items are what the values need: themselves, and their scales.
func items(registers []register) []item {
	var all []item
	for n, r := range registers {
		all = append(all, item{r.table, r.address, r.span(), n})
		if r.scale != nil {
			all = append(all, item{r.table, *r.scale, 1, n})
		}
	}
	return all
}
