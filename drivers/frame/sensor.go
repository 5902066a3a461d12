package frame

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"skerry/drivers"
)

// decoder finds frames in a stream of bytes. It is a drivers.Decoder.
type decoder struct {
	layout  layout
	pending []byte // begins with what may be a frame

	frame []byte // the last one; nil: none
	at    time.Time
	bad   int // with a wrong checksum
}

// start forgets what was found.
func (d *decoder) start() { d.frame, d.bad = nil, 0 }

// Reset forgets what came. A frame in the middle is not taken for one, so that it does not matter where the next byte stands.
func (d *decoder) Reset(bool) {
	d.pending = d.pending[:0]
	d.start()
}

// Feed takes bytes, and tells whether there is a frame.
func (d *decoder) Feed(b []byte) bool {
	d.pending = append(d.pending, b...)
	rest := d.pending
	for len(rest) >= d.layout.length {
		frame := rest[:d.layout.length]
		err := d.layout.accept(frame)
		if err == nil {
			d.frame, d.at = slices.Clone(frame), time.Now()
			rest = rest[d.layout.length:]
			continue
		}
		if errors.Is(err, errChecksum) {
			d.bad++
		}
		rest = rest[1:]
	}
	d.pending = append(d.pending[:0], rest...)
	return d.frame != nil
}

type sensor struct {
	port     string // name of the bus
	profile  string
	listener drivers.Listener
	decoder  decoder
	values   []value
}

func open(ctx context.Context, b drivers.Buses, s drivers.Setup) (drivers.Sensor, error) {
	o := options(s)
	x := &sensor{port: s.Bus, profile: o.Profile, decoder: decoder{layout: o.layout()}}
	if err := check(s); err != nil {
		return nil, err
	}
	var err error
	if x.values, err = values(s); err != nil {
		return nil, err
	}
	var line drivers.SerialConfig
	if p := profiles[o.Profile]; p != nil {
		line.Baud = p.baud
	}
	port, err := b.Serial(s.Bus, line)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", x, err)
	}
	x.listener = drivers.Listener{Port: port, Request: x.decoder.layout.request, Wait: o.Wait, Fresh: o.Fresh}
	return x, nil
}

// String names the device and the port.
func (x *sensor) String() string {
	name := "device with frames"
	if x.profile != "" {
		name = x.profile
	}
	if x.port != "" {
		name += " on " + x.port
	}
	return name
}

// Sense listens until a frame has come.
func (x *sensor) Sense(ctx context.Context, dst []drivers.Reading) ([]drivers.Reading, error) {
	x.decoder.start()
	heard, err := x.listener.Listen(ctx, &x.decoder)
	switch {
	case ctx.Err() != nil:
		return dst, fmt.Errorf("%s: %w", x, ctx.Err())
	case errors.Is(err, os.ErrDeadlineExceeded):
		return dst, fmt.Errorf("%s: %w", x, x.explain(heard))
	case err != nil:
		return dst, fmt.Errorf("%s: %w", x, err)
	}
	for _, v := range x.values {
		dst = append(dst, drivers.Number(v.name, v.of(x.decoder.frame), v.unit, x.decoder.at))
	}
	return dst, nil
}

// explain tells three kinds of nothing apart.
func (x *sensor) explain(heard int) error {
	wait := x.listener.Wait
	switch {
	case heard == 0 && len(x.listener.Request) > 0:
		return fmt.Errorf("no answer within %v; check its supply, that TX and RX are crossed, and the speed of the bus", wait)
	case heard == 0:
		return fmt.Errorf("silent for %v; check its supply and that its TX goes to RX here, or give it longer with wait", wait)
	case x.decoder.bad > 0:
		return fmt.Errorf("%d bytes and no frame in %v, but %d with a wrong checksum; look at the cable, or at checksum, checksum_from and checksum_at", heard, wait, x.decoder.bad)
	}
	return fmt.Errorf("%d bytes and no frame in %v; set `baud` of the bus to the speed of the device, and check start, length and end", heard, wait)
}

// Halt gives the port back.
func (x *sensor) Halt() error { return x.listener.Port.Close() }
