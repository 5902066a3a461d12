package line

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"skerry/drivers"
)

type sensor struct {
	port     string // name of the bus
	listener drivers.Listener
	decoder  *decoder
}

func open(ctx context.Context, b drivers.Buses, s drivers.Setup) (drivers.Sensor, error) {
	o := options(s)
	port, err := b.Serial(s.Bus, drivers.SerialConfig{})
	if err != nil {
		return nil, fmt.Errorf("device with lines of text: %w", err)
	}
	return &sensor{
		port:     s.Bus,
		listener: drivers.Listener{Port: port, Request: []byte(o.Request), Wait: o.Wait, Fresh: o.Fresh},
		decoder:  newDecoder(o, named(s)),
	}, nil
}

// String names the port.
func (x *sensor) String() string {
	if x.port == "" {
		return "device with lines of text"
	}
	return "device with lines of text on " + x.port
}

// Sense listens until all values were heard. Those that were not, while others were, have no value.
func (x *sensor) Sense(ctx context.Context, dst []drivers.Reading) ([]drivers.Reading, error) {
	x.decoder.start()
	heard, err := x.listener.Listen(ctx, x.decoder)
	switch {
	case ctx.Err() != nil:
		return dst, fmt.Errorf("%s: %w", x, ctx.Err())
	case errors.Is(err, os.ErrDeadlineExceeded) && len(x.decoder.found) == 0:
		return dst, fmt.Errorf("%s: %w", x, x.explain(heard))
	case err != nil && !errors.Is(err, os.ErrDeadlineExceeded):
		return dst, fmt.Errorf("%s: %w", x, err)
	}
	return x.readings(dst), nil
}

func (x *sensor) readings(dst []drivers.Reading) []drivers.Reading {
	for _, v := range x.decoder.values {
		r, ok := x.decoder.found[v.name]
		if !ok {
			r = drivers.Missing(v.name, "", time.Now())
		}
		dst = append(dst, r)
	}
	return dst
}

// shown is how much of a line an error shows.
const shown = 60

// explain tells three kinds of nothing apart.
func (x *sensor) explain(heard int) error {
	wait := x.listener.Wait
	switch last := x.decoder.last; {
	case heard == 0 && len(x.listener.Request) > 0:
		return fmt.Errorf("no answer within %v; check its supply, that TX and RX are crossed, the speed of the bus, and what it wants as request", wait)
	case heard == 0:
		return fmt.Errorf("silent for %v; check its supply and that its TX goes to RX here, or give it longer with wait", wait)
	case x.decoder.lines == 0:
		return fmt.Errorf("%d bytes and no whole line in %v; set `baud` of the bus to the speed of the device, or `end` to what ends its lines, or give it longer with wait", heard, wait)
	case len(last) > shown:
		return fmt.Errorf("%d lines in %v, and none fits, the last one %q...; change pattern or separator", x.decoder.lines, wait, last[:shown])
	default:
		return fmt.Errorf("%d lines in %v, and none fits, the last one %q; change pattern or separator", x.decoder.lines, wait, last)
	}
}

// Halt gives the port back.
func (x *sensor) Halt() error { return x.listener.Port.Close() }
