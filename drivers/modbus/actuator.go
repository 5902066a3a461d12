package modbus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"skerry/drivers"
)

const (
	// lookAgain and looks: a device may take a moment until its table shows what was written.
	lookAgain = 200 * time.Millisecond
	looks     = 4
)

// actuator is a coil, or a number in registers, that is written.
type actuator struct {
	back     *sensor // reads it back
	options  *OutputOpts
	register register
	multiple bool // the device refused the function for one, and took that for several
	written  *float64
}

// openOutput takes the line or connection. The device is not asked for anything yet.
func openOutput(_ context.Context, b drivers.Buses, s drivers.Setup, _ float64) (drivers.Actuator, error) {
	o := s.Opts.(*OutputOpts)
	d, r := o.device(), o.register()
	x := &sensor{unit: byte(o.UnitID), retries: o.Retries, timing: timing{timeout: o.Timeout, pause: o.Pause, late: o.Late},
		limits: limits{registers: Holding.limit()}, given: []register{r}}
	if err := x.place(nil); err != nil {
		return nil, err
	}
	x.name = fmt.Sprintf("%s of %s", r.table.place(r.address), x.describe(s.Bus, d, &profile{}))
	shared, release, err := b.Common(road(s.Bus, d), func() (io.Closer, error) { return connect(b, s.Bus, d) })
	if err != nil {
		return nil, fmt.Errorf("%s: %w", x.name, err)
	}
	x.master, x.release = shared.(closer), release
	return &actuator{back: x, options: o, register: r}, nil
}

// String names the place and the device.
func (a *actuator) String() string { return a.back.name }

// Halt gives the line back.
func (a *actuator) Halt() error { return a.back.Halt() }

// Set writes the value and reads it back.
func (a *actuator) Set(ctx context.Context, value float64) error {
	o := order{unit: a.back.unit, table: a.register.table, address: a.register.address, data: a.options.encode(a.register, value), multiple: a.multiple}
	a.written = nil
	if err := a.write(ctx, o); err != nil {
		return fmt.Errorf("write %s: %w", a, err)
	}
	if a.options.Verify {
		if err := a.verify(ctx, value, o); err != nil {
			return err
		}
	}
	a.written = &value
	return nil
}

// write sends the order until the device has confirmed it, or has failed often enough. To write once more changes nothing.
func (a *actuator) write(ctx context.Context, o order) error {
	left, busy, refusals := 1+a.back.retries, 0, 0
	for {
		err := a.once(ctx, o)
		e, refused := errors.AsType[*exceptionError](err)
		switch {
		case err == nil:
			a.multiple = o.multiple
			return nil
		case ctx.Err() != nil:
			return err
		case refused && e.code == illegalFunction && !o.multiple: // some devices know one of the two
			o.multiple = true
			continue
		case refused && e.busy():
			busy++
		case refused:
			refusals++ // one alone may have been late, and meant for another order
		default:
			left--
		}
		if left <= 0 || refusals > 1 || busy > maxBusy {
			return err
		}
		if err := sleep(ctx, time.Duration(busy)*breath); err != nil {
			return err
		}
	}
}

func (a *actuator) once(ctx context.Context, o order) error {
	if err := a.back.master.take(ctx); err != nil {
		return err
	}
	defer a.back.master.give()
	return a.back.master.write(ctx, o, a.back.timing)
}

// verify reads until the device has what was written.
func (a *actuator) verify(ctx context.Context, value float64, o order) error {
	want, _ := a.register.decode(o.data)
	for look := 1; ; look++ {
		got, err := a.read(ctx)
		if err != nil {
			return fmt.Errorf("read back %s: %w%s", a, err, verifyHint(err))
		}
		if got == want {
			return nil
		}
		if look == looks {
			return fmt.Errorf("%s confirmed %v and has %v; another master, or the device itself, may have changed it", a, value, a.meaning(got))
		}
		if err := sleep(ctx, lookAgain); err != nil {
			return err
		}
	}
}

func verifyHint(err error) string {
	if e, ok := errors.AsType[*exceptionError](err); ok && e.permanent() {
		return "; if the device does not give what was written: verify: false"
	}
	return ""
}

// Get reads what the device has.
func (a *actuator) Get(ctx context.Context) (float64, error) {
	if !a.options.Verify {
		if a.written == nil {
			return 0, fmt.Errorf("%s cannot be read, and was not written", a)
		}
		return *a.written, nil
	}
	got, err := a.read(ctx)
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", a, err)
	}
	if a.options.isSwitch() && a.register.table != Coil {
		if on, off := float64(uint16(a.options.On.n)), float64(uint16(a.options.Off.n)); got != on && got != off {
			return 0, fmt.Errorf("%s has %v, which is neither on (%v) nor off (%v)", a, got, on, off)
		}
	}
	return a.meaning(got), nil
}

// meaning is the value of what is in the register. A number that is the one written is it, whatever the register has rounded.
func (a *actuator) meaning(got float64) float64 {
	if a.options.isSwitch() && a.register.table != Coil {
		if got == float64(uint16(a.options.On.n)) {
			return 1
		}
		return 0
	}
	if a.written != nil {
		if same, _ := a.register.decode(a.options.encode(a.register, *a.written)); same == got {
			return *a.written
		}
	}
	return got
}

// read asks for the value now, also where the last attempts failed: whoever calls has waited already.
func (a *actuator) read(ctx context.Context) (float64, error) {
	for {
		for _, b := range a.back.blocks {
			b.rest = 0
		}
		var got image
		err := a.back.round(ctx, &got)
		if h, ok := errors.AsType[*held](err); ok {
			if err := sleep(ctx, h.wait); err != nil {
				return 0, err
			}
			continue
		}
		if err != nil {
			return 0, err
		}
		x, ok := a.register.reading(got.look)
		if !ok || x.Quality != drivers.Good {
			return 0, errors.New("what the device has is no number")
		}
		return x.Number, nil
	}
}
