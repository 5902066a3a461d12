package modbus_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"skerry/drivers"
	"skerry/drivers/drivertest"
	"skerry/drivers/modbus"
	"skerry/drivers/modbus/modbustest"
)

// sdm120 is a meter as the shipped profile has it. Registers in between are 0.
func sdm120() *modbustest.Device {
	d := &modbustest.Device{Fill: func(function byte, address uint16) (uint16, bool) { return 0, function == 4 && address < 0x200 }}
	for a, n := range map[uint16]float64{0x00: 231.5, 0x06: 4.25, 0x0C: 983, 0x12: 984, 0x18: -12, 0x1E: 0.999, 0x46: 50.01,
		0x48: 1234.5, 0x4A: 0.5, 0x4C: 1, 0x4E: 2, 0x156: 1235, 0x158: 3} {
		d.SetFloat(a, n)
	}
	return d
}

// withProfile is the setup of a sensor with all values of a profile, as the configuration makes it.
func withProfile(name string) drivers.Setup {
	o := modbus.Kind.Opts().(*modbus.Opts)
	o.Profile = modbus.ProfileName(name)
	s := drivers.Setup{Bus: "rs485", Opts: o, Values: map[string]any{}}
	for _, v := range modbus.Kind.Declare(s) {
		s.Values[v.Name] = v.Opts()
	}
	return s
}

// documented is the driver with the values of a setup in its documentation.
func documented(s drivers.Setup) drivers.Kind {
	k := modbus.Kind
	k.Values = modbus.Kind.Declare(s)
	for i := range k.Values {
		if k.Values[i].Doc == "" {
			k.Values[i].Doc = "see the manual of the device"
		}
	}
	return k
}

func TestDriverOnALine(t *testing.T) {
	drivertest.Suite{
		Kind:    documented(withProfile("eastron-sdm120")),
		Setup:   func() drivers.Setup { return withProfile("eastron-sdm120") },
		Healthy: func() *drivertest.Machine { return onTalker(sdm120()) },
	}.Run(t)
}

// b23 is a meter that can be told from others.
func b23(identity uint32) *modbustest.Device {
	return &modbustest.Device{Fill: func(_ byte, address uint16) (uint16, bool) {
		switch address {
		case 0x8960:
			return uint16(identity >> 16), true
		case 0x8961:
			return uint16(identity), true
		}
		return 1, true
	}}
}

// onTalker is a machine with a line on which the device has unit_id 1.
func onTalker(d *modbustest.Device) *drivertest.Machine {
	var line modbustest.Slave
	line.Set(1, d)
	var heard, said []byte
	return &drivertest.Machine{Talker: &drivertest.Talker{
		Every: 10 * time.Millisecond,
		Say: func(time.Time) string {
			b := string(said)
			said = nil
			return b
		},
		Hear: func(b []byte) {
			heard = modbustest.Requests(append(heard, b...), func(frame []byte) { said = append(said, line.RTU(frame)...) })
		},
	}}
}

// A profile that knows its device refuses another one.
func TestDriverWithIdentity(t *testing.T) {
	drivertest.Suite{
		Kind:    documented(withProfile("abb-b23")),
		Setup:   func() drivers.Setup { return withProfile("abb-b23") },
		Healthy: func() *drivertest.Machine { return onTalker(b23(0x42323320)) },
		Other:   func() *drivertest.Machine { return onTalker(b23(0x42323120)) },
	}.Run(t)
}

// tcpServer serves a slave in memory.
func tcpServer(s *modbustest.Slave, spoil func([]byte) [][]byte) func() net.Conn {
	return func() net.Conn {
		here, there := net.Pipe()
		go func() {
			b := &buffered{Conn: there, out: make(chan []byte, 100)}
			defer there.Close()
			defer close(b.out)
			go b.drain()
			s.ServeTCP(b, spoil)
		}()
		return here
	}
}

// buffered is a connection that takes what is written before the other side reads it, as a real one does.
type buffered struct {
	net.Conn
	out chan []byte
}

func (b *buffered) Write(p []byte) (int, error) {
	b.out <- bytes.Clone(p)
	return len(p), nil
}

func (b *buffered) drain() {
	for p := range b.out {
		b.Conn.Write(p)
	}
}

func overTCP(profile string) drivers.Setup {
	s := withProfile(profile)
	s.Opts.(*modbus.Opts).TCP = "meter.lan"
	return s
}

func TestDriverOverTCP(t *testing.T) {
	drivertest.Suite{
		Kind:  documented(withProfile("eastron-sdm120")),
		Setup: func() drivers.Setup { return overTCP("eastron-sdm120") },
		Healthy: func() *drivertest.Machine {
			var line modbustest.Slave
			line.Set(1, sdm120())
			serve := tcpServer(&line, nil)
			m := &drivertest.Machine{}
			m.Conn = func(string) (net.Conn, error) {
				c := serve()
				return &plugged{c, func() bool { return m.Conn != nil }}, nil
			}
			return m
		},
	}.Run(t)
}

// plugged is a connection that breaks when the cable is out.
type plugged struct {
	net.Conn
	in func() bool
}

func (p *plugged) Write(b []byte) (int, error) {
	if !p.in() {
		return 0, errors.New("no route to host")
	}
	return p.Conn.Write(b)
}

// onLine makes a sensor on a healthy line in memory with the given device.
func onLine(t *testing.T, s drivers.Setup, d *modbustest.Device) (drivers.Sensor, *modbustest.Slave) {
	t.Helper()
	w := newWire()
	line := new(modbustest.Slave)
	line.Set(1, d)
	go line.Serve(slave{w}, nil)
	x, err := modbus.Kind.New(t.Context(), onWire(w), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Halt() })
	return x, line
}

func sense(t *testing.T, x drivers.Sensor) (map[string]drivers.Reading, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), drivers.SenseTimeout)
	defer cancel()
	got, err := x.Sense(ctx, nil)
	by := map[string]drivers.Reading{}
	for _, r := range got {
		by[r.Value] = r
	}
	return by, err
}

func mustSense(t *testing.T, x drivers.Sensor) map[string]drivers.Reading {
	t.Helper()
	got, err := sense(t, x)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestProfileIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, line := onLine(t, withProfile("eastron-sdm120"), sdm120())
		got := mustSense(t, x)
		if r := got["power"]; r.Number != 983 || r.Unit != "W" {
			t.Errorf("%+v", r)
		}
		if len(got) != 13 || x.String() != "Eastron SDM120 unit 1 on rs485" {
			t.Errorf("%d values of %v", len(got), x)
		}
		if n := line.Asked(); n > 4 {
			t.Errorf("%d requests for 13 values that lie near each other", n)
		}
	})
}

func TestHaltFreesTheLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		m := onWire(w)
		var sensors []drivers.Sensor
		for range 2 {
			x, err := modbus.Kind.New(t.Context(), m, withProfile("eastron-sdm120"))
			if err != nil {
				t.Fatal(err)
			}
			sensors = append(sensors, x)
		}
		sensors[0].Halt()
		sensors[0].Halt()
		if w.closed {
			t.Error("the line was closed while a second sensor uses it")
		}
		sensors[1].Halt()
		if !w.closed {
			t.Error("the line is still open")
		}
	})
}

func TestErrorsTellWhatIsWrong(t *testing.T) {
	tests := []struct {
		name string
		sick modbustest.Sickness
		want string
	}{
		{"nobody", func(_, _ []byte) []modbustest.Piece { return nil }, "no reply within 500ms; check its supply, unit_id"},
		{"garbage", func(_, _ []byte) []modbustest.Piece {
			return []modbustest.Piece{{Bytes: []byte{0x80, 0xFF, 0, 0xFF, 0x80, 0xFE}}}
		}, "6 bytes and no whole reply in 500ms; check baud"},
		{"itself", func(r, _ []byte) []modbustest.Piece { return []modbustest.Piece{{Bytes: r}} }, "the adapter only hears itself"},
		{"another", func(_, a []byte) []modbustest.Piece {
			return []modbustest.Piece{{Bytes: modbustest.Frame(append([]byte{9}, a[1:len(a)-2]...)...)}}
		}, "1 replies in 500ms, none to this request"},
		{"busy", func(r, _ []byte) []modbustest.Piece {
			return []modbustest.Piece{{Bytes: modbustest.Frame(r[0], r[1]|0x80, 6)}}
		}, "exception 6, device busy"},
		{"unknown", func(r, _ []byte) []modbustest.Piece {
			return []modbustest.Piece{{Bytes: modbustest.Frame(r[0], r[1]|0x80, 99)}}
		}, "exception 99, which the specification does not know"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWire()
				line := new(modbustest.Slave)
				line.Set(1, sdm120())
				go line.Serve(slave{w}, test.sick)
				x, err := modbus.Kind.New(t.Context(), onWire(w), withProfile("eastron-sdm120"))
				if err != nil {
					t.Fatal(err)
				}
				defer x.Halt()
				if got, err := sense(t, x); err == nil || !strings.Contains(err.Error(), test.want) || len(got) != 0 {
					t.Errorf("%d values and %v, want %q", len(got), err, test.want)
				}
			})
		})
	}
}
