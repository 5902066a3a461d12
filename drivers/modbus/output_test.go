package modbus_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"skerry/drivers"
	"skerry/drivers/modbus"
	"skerry/drivers/modbus/modbustest"
)

func outputOpts(change func(o *modbus.OutputOpts)) drivers.Setup {
	o := modbus.Kind.Output.Opts().(*modbus.OutputOpts)
	change(o)
	return drivers.Setup{Bus: "rs485", Opts: o}
}

// coil and register are the outputs of most tests.
func coil(o *modbus.OutputOpts) { o.Table, o.Address = modbus.Coil, at(3) }

func register(o *modbus.OutputOpts) {
	o.Table, o.Address, o.Type = modbus.Holding, at(10), modbus.Uint16
}

// relays has four coils and some holding registers.
func relays() *modbustest.Device {
	return &modbustest.Device{Coils: map[uint16]bool{0: false, 1: false, 2: false, 3: false}, Holding: map[uint16]uint16{10: 7, 11: 0, 12: 0, 13: 0}}
}

// actuate opens an output on a line in memory.
func actuate(t *testing.T, s drivers.Setup, d *modbustest.Device, sick modbustest.Sickness) (drivers.Actuator, *modbustest.Slave) {
	t.Helper()
	if err := modbus.Kind.Output.Check(s); err != nil {
		t.Fatal(err)
	}
	w := newWire()
	line := new(modbustest.Slave)
	line.Set(1, d)
	go line.Serve(slave{w}, sick)
	x, err := modbus.Kind.Output.New(t.Context(), onWire(w), s, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Halt() })
	return x, line
}

func set(t *testing.T, x drivers.Actuator, value float64) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), drivers.ActuateTimeout)
	defer cancel()
	return x.Set(ctx, value)
}

func get(t *testing.T, x drivers.Actuator) (float64, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), drivers.ActuateTimeout)
	defer cancel()
	return x.Get(ctx)
}

func TestWriteAndReadBack(t *testing.T) {
	tests := []struct {
		name  string
		opts  func(o *modbus.OutputOpts)
		value float64
		coil  bool
		words string // holding registers from 10
	}{
		{"coil", coil, 1, true, "7 0 0 0"},
		{"uint16", register, 300, false, "300 0 0 0"},
		{"int16", func(o *modbus.OutputOpts) { register(o); o.Type = modbus.Int16 }, -2, false, "65534 0 0 0"},
		{"multiplied", func(o *modbus.OutputOpts) { register(o); o.Multiply = 0.1 }, 21.5, false, "215 0 0 0"},
		{"float32", func(o *modbus.OutputOpts) { register(o); o.Type = modbus.Float32 }, 231.5, false, "17255 32768 0 0"},
		{"float32 CDAB", func(o *modbus.OutputOpts) { register(o); o.Type, o.Order = modbus.Float32, modbus.CDAB }, 231.5, false, "32768 17255 0 0"},
		{"int32 DCBA", func(o *modbus.OutputOpts) { register(o); o.Type, o.Order = modbus.Int32, modbus.DCBA }, -2, false, "65279 65535 0 0"},
		{"float64 BADC", func(o *modbus.OutputOpts) { register(o); o.Type, o.Order = modbus.Float64, modbus.BADC }, math.Pi, false, "2368 64289 17492 6189"},
		{"switch of a register", func(o *modbus.OutputOpts) {
			o.Reference, o.On, o.Off = text[modbus.Reference](t, "40011"), text[modbus.Raw](t, "0xFF00"), text[modbus.Raw](t, "0")
		}, 1, false, "65280 0 0 0"},
		{"not read back", func(o *modbus.OutputOpts) { register(o); o.Verify = false }, 9, false, "9 0 0 0"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := relays()
				x, _ := actuate(t, outputOpts(test.opts), d, nil)
				if err := set(t, x, test.value); err != nil {
					t.Fatal(err)
				}
				words := fmt.Sprint(d.Holding[10], d.Holding[11], d.Holding[12], d.Holding[13])
				if d.Coils[3] != test.coil || words != test.words || d.Writes != 1 {
					t.Errorf("coil %t, registers %s, %d writes", d.Coils[3], words, d.Writes)
				}
				if got, err := get(t, x); err != nil || got != test.value {
					t.Errorf("has %v, %v", got, err)
				}
			})
		})
	}
}

// TestFunctionsThatADeviceLacks: some know only the functions for several, and are asked by those from then on.
func TestFunctionsThatADeviceLacks(t *testing.T) {
	for _, opts := range []func(*modbus.OutputOpts){coil, register} {
		synctest.Test(t, func(t *testing.T) {
			d := relays()
			d.Lacks = map[byte]bool{5: true, 6: true}
			x, line := actuate(t, outputOpts(opts), d, nil)
			for i := range 2 {
				before := line.Asked()
				if err := set(t, x, 1); err != nil {
					t.Fatal(err)
				}
				if asked := line.Asked() - before; asked != 3-i {
					t.Errorf("set %d: %d requests", i, asked)
				}
			}
		})
	}
}

func TestWhatADeviceRefuses(t *testing.T) {
	tests := []struct {
		name   string
		change func(d *modbustest.Device, o *modbus.OutputOpts)
		want   string
	}{
		{"no such register", func(_ *modbustest.Device, o *modbus.OutputOpts) { o.Address = at(99) }, "or lets nobody write it"},
		{"nothing can be written", func(d *modbustest.Device, _ *modbus.OutputOpts) {
			d.Lacks = map[byte]bool{6: true, 16: true}
		}, "lets nobody write there"},
		{"the value", func(d *modbustest.Device, _ *modbus.OutputOpts) {
			d.Refuse = func(function byte, _, _ uint16) byte { return map[byte]byte{6: 3}[function] }
		}, "does not take this value"},
		{"confirmed and not done", func(d *modbustest.Device, _ *modbus.OutputOpts) { d.Deaf = true }, "confirmed 1 and has 7"},
		{"written and not given", func(d *modbustest.Device, _ *modbus.OutputOpts) {
			d.Refuse = func(function byte, _, _ uint16) byte { return map[byte]byte{3: 2}[function] }
		}, "verify: false"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := relays()
				x, _ := actuate(t, outputOpts(func(o *modbus.OutputOpts) { register(o); test.change(d, o) }), d, nil)
				if err := set(t, x, 1); err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("%v, want %q", err, test.want)
				}
			})
		})
	}
}

// TestEcho: an adapter that hears itself confirms everything; a device that is absent has set nothing all the same.
func TestEcho(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := relays()
		absent := false
		x, _ := actuate(t, outputOpts(coil), d, func(request, answer []byte) []modbustest.Piece {
			echo := []modbustest.Piece{{Bytes: request}}
			if absent {
				return echo
			}
			return append(echo, modbustest.Piece{After: 30 * time.Millisecond, Bytes: answer})
		})
		if err := set(t, x, 1); err != nil || !d.Coils[3] {
			t.Errorf("present: %v", err)
		}
		absent = true
		if err := set(t, x, 0); err == nil || !strings.Contains(err.Error(), "only hears itself") {
			t.Errorf("absent: %v", err)
		}
	})
}

// TestWritesOnABadLine: whatever happens to replies, Set returns nil only when the device has the value.
func TestWritesOnABadLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := relays()
		trouble := &modbustest.Trouble{Percent: 30, Timeout: 500 * time.Millisecond, Worst: 8, Rand: rand.New(rand.NewPCG(11, 1))}
		x, line := actuate(t, outputOpts(register), d, trouble.Sickness)
		done := 0
		for i := range 300 {
			err := set(t, x, float64(i))
			has := uint16(0)
			line.Change(func(all map[byte]*modbustest.Device) { has = all[1].Holding[10] })
			if err == nil {
				if done++; has != uint16(i) {
					t.Errorf("set %d: the device has %d", i, has)
				}
			}
		}
		if done < 150 || len(trouble.Counts) < 10 {
			t.Errorf("%d of 300 done, troubles %v", done, trouble.Counts)
		}
	})
}

// TestSilentDeviceCostsItsTime: Set of a device that is dead ends long before its deadline, and the line is free between its attempts.
func TestSilentDeviceCostsItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, line := actuate(t, outputOpts(coil), relays(), nil)
		line.Set(1, nil)
		start := time.Now()
		if err := set(t, x, 1); err == nil || !strings.Contains(err.Error(), "no reply within 500ms") || !strings.Contains(err.Error(), "coil 0x0003") {
			t.Error(err)
		}
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("it took %v", took)
		}
		line.Set(1, relays())
		if err := set(t, x, 1); err != nil {
			t.Errorf("back again: %v", err)
		}
	})
}

// TestDeadOutputBesideASensor: a sensor on the line of an output whose device is dead waits for one request of it at most, also when it
// is commanded all the time.
func TestDeadOutputBesideASensor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		line := new(modbustest.Slave)
		line.Set(1, holding(math.MaxUint16))
		go line.Serve(slave{w}, nil)
		m := onWire(w)
		x, err := modbus.Kind.New(t.Context(), m, numbers(1, 100))
		if err != nil {
			t.Fatal(err)
		}
		defer x.Halt()
		dead, err := modbus.Kind.Output.New(t.Context(), m, outputOpts(func(o *modbus.OutputOpts) { coil(o); o.UnitID = 9 }), 0)
		if err != nil {
			t.Fatal(err)
		}
		defer dead.Halt()
		ended := make(chan struct{})
		end := time.Now().Add(5 * time.Minute)
		go func() {
			defer close(ended)
			for time.Now().Before(end) {
				if set(t, dead, 1) == nil {
					t.Error("a dead device was set")
				}
			}
		}()
		worst := time.Duration(0)
		for time.Now().Before(end) {
			took, err := timed(t, x)
			if err != nil {
				t.Error(err)
			}
			worst = max(worst, took)
			time.Sleep(time.Second)
		}
		<-ended
		if worst > 1500*time.Millisecond {
			t.Errorf("a reading took %v", worst)
		}
	})
}

func TestWriteOverTCP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := relays()
		var line modbustest.Slave
		line.Set(1, d)
		serve := tcpServer(&line, nil)
		m := &machine{dial: func(context.Context, string) (net.Conn, error) { return serve(), nil }}
		for _, opts := range []func(*modbus.OutputOpts){coil, register, func(o *modbus.OutputOpts) { register(o); o.Type = modbus.Float32 }} {
			s := outputOpts(func(o *modbus.OutputOpts) { opts(o); o.TCP = "192.0.2.7" })
			x, err := modbus.Kind.Output.New(t.Context(), m, s, 0)
			if err != nil {
				t.Fatal(err)
			}
			if err := set(t, x, 1); err != nil {
				t.Error(err)
			}
			if got, err := get(t, x); err != nil || got != 1 {
				t.Errorf("has %v, %v", got, err)
			}
			line.Set(1, nil)
			if err := set(t, x, 0); err == nil || !strings.Contains(err.Error(), "behind the gateway is absent") {
				t.Error(err)
			}
			line.Set(1, d)
			if err := errors.Join(x.Halt(), x.Halt()); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestOutputCheck(t *testing.T) {
	tests := []struct {
		change func(o *modbus.OutputOpts)
		want   string
	}{
		{func(o *modbus.OutputOpts) {}, "has no address"},
		{func(o *modbus.OutputOpts) { o.Address = at(1) }, "only coils and holding registers"},
		{func(o *modbus.OutputOpts) { o.Address, o.Table = at(1), modbus.Input }, "only coils and holding registers"},
		{func(o *modbus.OutputOpts) { o.Address, o.Table = at(1), modbus.Holding }, "has no type"},
		{func(o *modbus.OutputOpts) { coil(o); o.Type = modbus.Uint16 }, "a coil is on or off"},
		{func(o *modbus.OutputOpts) { register(o); o.Type = modbus.Text }, "nothing that can be set"},
		{func(o *modbus.OutputOpts) { register(o); o.Multiply = 0 }, "multiply: is not positive"},
		{func(o *modbus.OutputOpts) { register(o); o.Type, o.On = 0, text[modbus.Raw](t, "1") }, "on and off are two numbers"},
		{func(o *modbus.OutputOpts) { register(o); o.Type, o.Address = modbus.Float64, at(65534) }, "behind the last register"},
		{func(o *modbus.OutputOpts) { coil(o); o.UnitID = 0 }, "no such address"},
		{func(o *modbus.OutputOpts) { coil(o); o.Reference = text[modbus.Reference](t, "00004") }, "beside an address"},
	}
	for _, test := range tests {
		if err := modbus.Kind.Output.Check(outputOpts(test.change)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v, want %q", err, test.want)
		}
	}
}
