package sim_test

import (
	"context"
	"math"
	"strings"
	"testing"

	"skerry/board/sim"
	"skerry/drivers"
	"skerry/drivers/gpio"
	"skerry/drivers/modbus"
	"skerry/drivers/pwm"
)

// take opens an output with the options that change makes.
func take[O any](t *testing.T, b *sim.Board, k drivers.Kind, bus string, first float64, change func(o *O)) (drivers.Actuator, error) {
	t.Helper()
	o := k.Output.Opts().(*O)
	change(o)
	s := drivers.Setup{Bus: bus, Opts: o}
	if err := k.Output.Check(s); err != nil {
		t.Fatal(err)
	}
	x, err := k.Output.New(t.Context(), b, s, first)
	if err == nil {
		t.Cleanup(func() { x.Halt() })
	}
	return x, err
}

func has(t *testing.T, x drivers.Actuator, want float64) {
	t.Helper()
	if got, err := x.Get(t.Context()); err != nil || math.Abs(got-want) > 1e-9 {
		t.Errorf("%v has %v, %v, want %v", x, got, err, want)
	}
}

func TestLineAsOutput(t *testing.T) {
	for _, active := range []string{"high", "low"} {
		b := sim.New(sim.Options{})
		defer b.Close()
		line := b.Line("GPIO27")
		is := func(when string, on, taken bool) {
			t.Helper()
			if level, has := line.Level(); level != (on == (active == "high")) || has != taken {
				t.Errorf("active %s, %s: level %t, taken %t", active, when, level, has)
			}
		}
		x, err := take(t, b, gpio.Kind, "", 1, func(o *gpio.Opts) { o.Pin, o.Active = "GPIO27", active })
		if err != nil {
			t.Fatal(err)
		}
		is("taken on", true, true)
		if _, err := take(t, b, gpio.Kind, "", 0, func(o *gpio.Opts) { o.Pin = "GPIO27" }); err == nil || !strings.Contains(err.Error(), "in use") {
			t.Error(err)
		}
		if err := x.Set(t.Context(), 0); err != nil {
			t.Error(err)
		}
		is("off", false, true)
		has(t, x, 0)
		line.Unplug()
		if _, err := x.Get(t.Context()); err == nil {
			t.Error("an adapter that was pulled is not noticed")
		}
		if err := x.Set(t.Context(), 1); err == nil {
			t.Error("it was set on an adapter that is not there")
		}
		line.Plug()
		if err := x.Set(t.Context(), 1); err != nil {
			t.Errorf("plugged in again: %v", err)
		}
		is("on again", true, true)
		x.Halt()
		x.Halt()
		is("given back", true, false)
	}
}

func TestPWM(t *testing.T) {
	b := sim.New(sim.Options{})
	defer b.Close()
	open := func(change func(o *pwm.Opts)) (drivers.Actuator, error) { return take(t, b, pwm.Kind, "", 0, change) }
	x, err := open(func(o *pwm.Opts) {})
	if err != nil {
		t.Fatal(err)
	}
	is := func(channel int, want float64) {
		t.Helper()
		if got, runs := b.PWM().Duty(channel); !runs || math.Abs(got-want) > 0.01 {
			t.Errorf("channel %d: %v %%, runs %t, want %v", channel, got, runs, want)
		}
	}
	if _, runs := b.PWM().Duty(0); runs {
		t.Error("it runs before it is set")
	}
	for _, duty := range []float64{75, 0, 100, 33.3} {
		if err := x.Set(t.Context(), duty); err != nil {
			t.Fatal(err)
		}
		is(0, duty)
		has(t, x, duty)
	}
	x.Halt()
	is(0, 33.3) // it goes on by itself
	// Another frequency, shorter than the time that the line is high; the device by its name; the other level.
	for _, frequency := range []pwm.Frequency{frequency(t, "25kHz"), frequency(t, "50Hz")} {
		x, err = open(func(o *pwm.Opts) { o.Chip, o.Frequency, o.Active = "fe20c000.pwm", frequency, "low" })
		if err != nil {
			t.Fatal(err)
		}
		if err := x.Set(t.Context(), 20); err != nil {
			t.Fatal(err)
		}
		is(0, 80)
		has(t, x, 20)
	}
	// Somebody else changes it.
	if err := b.Files().WriteFile(t.Context(), "sys/class/pwm/pwmchip0/pwm0/duty_cycle", []byte("5000000")); err != nil {
		t.Fatal(err)
	}
	has(t, x, 75)
}

func frequency(t *testing.T, text string) (f pwm.Frequency) {
	t.Helper()
	if err := f.UnmarshalText([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestPWMThatIsNotThere(t *testing.T) {
	b := sim.New(sim.Options{})
	defer b.Close()
	for want, change := range map[string]func(o *pwm.Opts){
		"has 2 channels":         func(o *pwm.Opts) { o.Channel = 2 },
		"there are fe20c000.pwm": func(o *pwm.Opts) { o.Chip = "1-0040" },
	} {
		if _, err := take(t, b, pwm.Kind, "", 0, change); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	b.Kernel().Set("sys/class/pwm/pwmchip3/npwm", sim.Text("4"))
	if _, err := take(t, b, pwm.Kind, "", 0, func(*pwm.Opts) {}); err == nil || !strings.Contains(err.Error(), "say which by its device") {
		t.Error(err)
	}
	if x, err := take(t, b, pwm.Kind, "", 0, func(o *pwm.Opts) { o.Chip = "pwmchip0" }); err != nil || x.Set(t.Context(), 50) != nil {
		t.Errorf("by its number: %v", err)
	}
}

func TestModbusOutputs(t *testing.T) {
	b := sim.New(sim.Options{})
	defer b.Close()
	address := uint16(300)
	x, err := take(t, b, modbus.Kind, "rs485", 0, func(o *modbus.OutputOpts) {
		o.UnitID, o.Table, o.Address, o.Type, o.Multiply = 2, modbus.Holding, &address, modbus.Int16, 0.1
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), drivers.ActuateTimeout)
	defer cancel()
	has(t, x, 0)
	if err := x.Set(ctx, -12.3); err != nil {
		t.Fatal(err)
	}
	has(t, x, -12.3)
}
