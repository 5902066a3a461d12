package modbus_test

import (
	"encoding"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"skerry/drivers"
	"skerry/drivers/modbus"
	"skerry/drivers/modbus/modbustest"
)

func at(address uint16) *uint16 { return &address }

// text reads an option as the configuration does.
func text[T any, P interface {
	*T
	encoding.TextUnmarshaler
}](t *testing.T, s string) (v T) {
	t.Helper()
	if err := P(&v).UnmarshalText([]byte(s)); err != nil {
		t.Fatal(err)
	}
	return v
}

func setup(values map[string]modbus.ValueOpts) drivers.Setup {
	s := drivers.Setup{Bus: "rs485", Opts: modbus.Kind.Opts(), Values: map[string]any{}}
	for name, v := range values {
		s.Values[name] = &v
	}
	return s
}

// regs lays bytes into input registers from address 0.
func regs(b ...byte) *modbustest.Device {
	d := &modbustest.Device{Input: map[uint16]uint16{}, Holding: map[uint16]uint16{}}
	for i := 0; i+1 < len(b); i += 2 {
		d.Input[uint16(i/2)] = uint16(b[i])<<8 | uint16(b[i+1])
	}
	return d
}

func TestTypesAndOrders(t *testing.T) {
	pi := []byte{0x40, 0x09, 0x21, 0xFB, 0x54, 0x44, 0x2D, 0x18}
	tests := []struct {
		kind  modbus.Type
		order modbus.Order
		bytes []byte
		want  float64
	}{
		{modbus.Uint16, modbus.ABCD, []byte{0xFF, 0xFE}, 65534},
		{modbus.Uint16, modbus.CDAB, []byte{0xFF, 0xFE}, 65534},
		{modbus.Uint16, modbus.BADC, []byte{0xFE, 0xFF}, 65534},
		{modbus.Uint16, modbus.DCBA, []byte{0xFE, 0xFF}, 65534},
		{modbus.Int16, modbus.ABCD, []byte{0xFF, 0xFE}, -2},
		{modbus.Bool, modbus.ABCD, []byte{0x00, 0x02}, 1},
		{modbus.Uint32, modbus.ABCD, []byte{0xDE, 0xAD, 0xBE, 0xEF}, 0xDEADBEEF},
		{modbus.Uint32, modbus.CDAB, []byte{0xBE, 0xEF, 0xDE, 0xAD}, 0xDEADBEEF},
		{modbus.Uint32, modbus.BADC, []byte{0xAD, 0xDE, 0xEF, 0xBE}, 0xDEADBEEF},
		{modbus.Uint32, modbus.DCBA, []byte{0xEF, 0xBE, 0xAD, 0xDE}, 0xDEADBEEF},
		{modbus.Int32, modbus.CDAB, []byte{0xFF, 0xFE, 0xFF, 0xFF}, -2},
		{modbus.Float32, modbus.ABCD, []byte{0x43, 0x67, 0x80, 0x00}, 231.5},
		{modbus.Float32, modbus.DCBA, []byte{0x00, 0x80, 0x67, 0x43}, 231.5},
		{modbus.Int64, modbus.ABCD, []byte{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE}, -2},
		{modbus.Uint64, modbus.CDAB, []byte{0x00, 0x04, 0x00, 0x03, 0x00, 0x02, 0x00, 0x00}, 0x200030004},
		{modbus.Float64, modbus.ABCD, pi, math.Pi},
		{modbus.Float64, modbus.CDAB, []byte{0x2D, 0x18, 0x54, 0x44, 0x21, 0xFB, 0x40, 0x09}, math.Pi},
		{modbus.Float64, modbus.BADC, []byte{0x09, 0x40, 0xFB, 0x21, 0x44, 0x54, 0x18, 0x2D}, math.Pi},
		{modbus.Float64, modbus.DCBA, []byte{0x18, 0x2D, 0x44, 0x54, 0xFB, 0x21, 0x09, 0x40}, math.Pi},
	}
	for _, test := range tests {
		t.Run(test.kind.String()+" "+test.order.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x, _ := onLine(t, setup(map[string]modbus.ValueOpts{"x": {Table: modbus.Input, Address: at(0), Type: test.kind, Order: test.order}}), regs(test.bytes...))
				if got := mustSense(t, x)["x"]; got.Number != test.want || got.Quality != drivers.Good {
					t.Errorf("%+v, want %v", got, test.want)
				}
			})
		})
	}
}

func TestWhatStandsForNothing(t *testing.T) {
	tests := []struct {
		name  string
		opts  modbus.ValueOpts
		bytes []byte
		want  float64 // NaN: no value
	}{
		{"not a number", modbus.ValueOpts{Type: modbus.Float32}, []byte{0x7F, 0xC0, 0, 0}, math.NaN()},
		{"infinite", modbus.ValueOpts{Type: modbus.Float32}, []byte{0x7F, 0x80, 0, 0}, math.NaN()},
		{"0x8000", modbus.ValueOpts{Type: modbus.Int16, Missing: text[modbus.Raw](t, "0x8000")}, []byte{0x80, 0}, math.NaN()},
		{"negative", modbus.ValueOpts{Type: modbus.Int32, Missing: text[modbus.Raw](t, "-1")}, []byte{0xFF, 0xFF, 0xFF, 0xFF}, math.NaN()},
		{"a float by its number", modbus.ValueOpts{Type: modbus.Float32, Missing: text[modbus.Raw](t, "-9999")}, []byte{0xC6, 0x1C, 0x3C, 0}, math.NaN()},
		{"a float by its bits", modbus.ValueOpts{Type: modbus.Float32, Missing: text[modbus.Raw](t, "0xC61C3C00")}, []byte{0xC6, 0x1C, 0x3C, 0}, math.NaN()},
		{"another float", modbus.ValueOpts{Type: modbus.Float32, Missing: text[modbus.Raw](t, "-9999")}, []byte{0xC6, 0x1C, 0x40, 0}, -10000},
		{"its neighbour", modbus.ValueOpts{Type: modbus.Int16, Missing: text[modbus.Raw](t, "0x8000")}, []byte{0x80, 1}, -32767},
		{"scaled", modbus.ValueOpts{Type: modbus.Int16, Scale: at(1)}, []byte{0, 25, 0xFF, 0xFE}, 0.25},
		{"scaled up", modbus.ValueOpts{Type: modbus.Int16, Scale: at(1)}, []byte{0xFF, 0xFB, 0, 3}, -5000},
		{"without a scale", modbus.ValueOpts{Type: modbus.Int16, Scale: at(1)}, []byte{0, 25, 0x80, 0}, math.NaN()},
		{"a bit", modbus.ValueOpts{Type: modbus.Uint16, Bits: text[modbus.Bits](t, "3")}, []byte{0, 8}, 1},
		{"another bit", modbus.ValueOpts{Type: modbus.Uint16, Bits: text[modbus.Bits](t, "15")}, []byte{0x7F, 0xFF}, 0},
		{"some bits", modbus.ValueOpts{Type: modbus.Int16, Bits: text[modbus.Bits](t, "4..7")}, []byte{0xFF, 0xA1}, 10},
		{"all bits", modbus.ValueOpts{Type: modbus.Uint32, Bits: text[modbus.Bits](t, "0..31")}, []byte{0xFF, 0xFF, 0xFF, 0xFF}, math.MaxUint32},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				test.opts.Table, test.opts.Address = modbus.Input, at(0)
				x, _ := onLine(t, setup(map[string]modbus.ValueOpts{"x": test.opts}), regs(test.bytes...))
				got := mustSense(t, x)["x"]
				missing := math.IsNaN(test.want)
				if missing != (got.Quality == drivers.Bad) || missing != math.IsNaN(got.Number) || !missing && got.Number != test.want {
					t.Errorf("%+v, want %v", got, test.want)
				}
			})
		})
	}
}

func TestStrings(t *testing.T) {
	tests := []struct{ in, order, want string }{
		{"SN 0042\x00", "ABCD", "SN 0042"},
		{"NS0 40\x002", "BADC", "SN 0042"},
		{"  ab    ", "ABCD", "ab"},
		{"\x00\x00\x00\x00\x00\x00\x00\x00", "ABCD", ""},
		{"a\x07\xffb\x00cde", "ABCD", "ab"},
	}
	for _, test := range tests {
		synctest.Test(t, func(t *testing.T) {
			o := modbus.ValueOpts{Table: modbus.Input, Address: at(0), Type: modbus.Text, Length: 8, Order: text[modbus.Order](t, test.order)}
			x, _ := onLine(t, setup(map[string]modbus.ValueOpts{"x": o}), regs([]byte(test.in)...))
			got := mustSense(t, x)["x"]
			if got.Text != test.want || (got.Quality == drivers.Bad) != (test.want == "") || !math.IsNaN(got.Number) {
				t.Errorf("%q: %+v, want %q", test.in, got, test.want)
			}
		})
	}
}

// Of an odd length, half of the last register belongs to something else.
func TestStringOfOddLength(t *testing.T) {
	for order, in := range map[string]string{"ABCD": "EM340X", "BADC": "ME43X0"} {
		synctest.Test(t, func(t *testing.T) {
			o := modbus.ValueOpts{Table: modbus.Input, Address: at(0), Type: modbus.Text, Length: 5, Order: text[modbus.Order](t, order)}
			x, _ := onLine(t, setup(map[string]modbus.ValueOpts{"x": o}), regs([]byte(in)...))
			if got := mustSense(t, x)["x"].Text; got != "EM340" {
				t.Errorf("%s: %q", order, got)
			}
		})
	}
}

func TestAllTables(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &modbustest.Device{Coils: map[uint16]bool{}, Discretes: map[uint16]bool{}, Holding: map[uint16]uint16{7: 70}, Input: map[uint16]uint16{7: 700}}
		for a := range uint16(40) {
			d.Coils[a], d.Discretes[a] = a == 9, a != 9
		}
		x, line := onLine(t, setup(map[string]modbus.ValueOpts{
			"c9":  {Table: modbus.Coil, Address: at(9)},
			"c30": {Reference: text[modbus.Reference](t, "00031")},
			"d9":  {Reference: text[modbus.Reference](t, "100010")},
			"d10": {Table: modbus.Discrete, Address: at(10)},
			"h":   {Reference: text[modbus.Reference](t, "40008"), Type: modbus.Uint16},
			"i":   {Reference: text[modbus.Reference](t, "300008"), Type: modbus.Uint16},
		}), d)
		got := mustSense(t, x)
		for name, want := range map[string]float64{"c9": 1, "c30": 0, "d9": 0, "d10": 1, "h": 70, "i": 700} {
			if got[name].Number != want {
				t.Errorf("%s: %+v, want %v", name, got[name], want)
			}
		}
		if n := line.Asked(); n != 4 {
			t.Errorf("%d requests, want one for each table", n)
		}
	})
}

func TestOptionsThatDoNotParse(t *testing.T) {
	tests := map[string]encoding.TextUnmarshaler{
		"40000 4001 20001 4000a 465537 4000001 90001": new(modbus.Reference),
		"x 4..2 -1 64 ..3 3..":                        new(modbus.Bits),
		"x 0x 1.5 0x10000000000000000":                new(modbus.Raw),
		"abcd ABDC":                                   new(modbus.Order),
		"float int8":                                  new(modbus.Type),
		"register coils 3":                            new(modbus.Table),
		"errors":                                      new(modbus.Count),
	}
	for words, to := range tests {
		for word := range strings.FieldsSeq(words) {
			if err := to.UnmarshalText([]byte(word)); err == nil {
				t.Errorf("%T takes %q: %v", to, word, to)
			}
		}
	}
}

func TestCheck(t *testing.T) {
	input := modbus.ValueOpts{Table: modbus.Input, Address: at(12), Type: modbus.Float32}
	tests := []struct {
		name   string
		change func(o *modbus.Opts, v *modbus.ValueOpts)
		want   string // "": nothing is wrong
	}{
		{"nothing", func(*modbus.Opts, *modbus.ValueOpts) {}, ""},
		{"unit 0", func(o *modbus.Opts, _ *modbus.ValueOpts) { o.UnitID = 0 }, "unit_id: no such address on a serial line; 1 to 247"},
		{"unit 255 over TCP", func(o *modbus.Opts, _ *modbus.ValueOpts) { o.UnitID, o.TCP = 255, "meter.lan" }, ""},
		{"too patient", func(o *modbus.Opts, _ *modbus.ValueOpts) { o.Timeout, o.Retries = 5*time.Second, 1 }, "timeout: a device that says nothing would be waited for longer than 8s"},
		{"framing on a bus", func(o *modbus.Opts, _ *modbus.ValueOpts) { o.Framing = "rtu" }, "framing: is for devices on the network"},
		{"no host", func(o *modbus.Opts, _ *modbus.ValueOpts) { o.TCP = ":502" }, `tcp: ":502" is no host`},
		{"two words", func(o *modbus.Opts, _ *modbus.ValueOpts) { o.TCP = "meter lan" }, `tcp: "meter lan" is no host`},
		{"a port in words", func(o *modbus.Opts, _ *modbus.ValueOpts) { o.TCP = "meter.lan:modbus" }, `tcp: "meter.lan:modbus" has no such port`},
		{"port 0", func(o *modbus.Opts, _ *modbus.ValueOpts) { o.TCP = "meter.lan:0" }, `tcp: "meter.lan:0" has no such port`},
		{"a port too high", func(o *modbus.Opts, _ *modbus.ValueOpts) { o.TCP = "192.0.2.7:65536" }, `tcp: "192.0.2.7:65536" has no such port`},
		{"IPv6 with a port", func(o *modbus.Opts, _ *modbus.ValueOpts) { o.TCP = "[fe80::1%eth0]:1502" }, ""},
		{"a URL", func(o *modbus.Opts, _ *modbus.ValueOpts) { o.TCP = "tcp://meter.lan:502" }, `tcp: "tcp://meter.lan:502" is no host`},
		{"IPv6", func(o *modbus.Opts, _ *modbus.ValueOpts) { o.TCP = "[2001:db8::7]" }, ""},
		{"unknown profile", func(o *modbus.Opts, _ *modbus.ValueOpts) { o.Profile = "sdm" }, `profile: no profile "sdm"; profiles: `},
		{"missing file", func(o *modbus.Opts, _ *modbus.ValueOpts) { o.Profile = "./my.profile" }, "no such file"},
		{"no address", func(_ *modbus.Opts, v *modbus.ValueOpts) { v.Address = nil }, "values.x: has no address; {table: input"},
		{"not in the profile", func(o *modbus.Opts, v *modbus.ValueOpts) { o.Profile, v.Address = "eastron-sdm120", nil }, "values.x: is not in the profile, and has no address; the profile has voltage, "},
		{"no table", func(_ *modbus.Opts, v *modbus.ValueOpts) { v.Table = 0 }, "values.x: has no table; table: coil | "},
		{"no type", func(_ *modbus.Opts, v *modbus.ValueOpts) { v.Type = 0 }, "values.x: has no type; type: bool | "},
		{"both", func(_ *modbus.Opts, v *modbus.ValueOpts) {
			v.Reference = modbus.Reference{Table: modbus.Input, Address: 12}
		}, "values.x.reference: is beside an address"},
		{"two tables", func(_ *modbus.Opts, v *modbus.ValueOpts) {
			v.Address, v.Reference = nil, modbus.Reference{Table: modbus.Holding, Address: 12}
		}, "values.x.table: the reference is one of the table holding"},
		{"coil of a type", func(_ *modbus.Opts, v *modbus.ValueOpts) { v.Table = modbus.Coil }, "values.x.type: a coil is one bit"},
		{"string", func(_ *modbus.Opts, v *modbus.ValueOpts) { v.Type = modbus.Text }, "values.x.length: is missing"},
		{"scaled string", func(_ *modbus.Opts, v *modbus.ValueOpts) { v.Type, v.Length, v.Scale = modbus.Text, 4, at(1) }, "values.x.type: a string is no number"},
		{"length", func(_ *modbus.Opts, v *modbus.ValueOpts) { v.Length = 4 }, "values.x.length: is for strings"},
		{"bits of a float", func(_ *modbus.Opts, v *modbus.ValueOpts) { v.Bits = text[modbus.Bits](t, "3") }, "values.x.bits: a floating-point number has none"},
		{"bit 16", func(_ *modbus.Opts, v *modbus.ValueOpts) { v.Type, v.Bits = modbus.Uint16, text[modbus.Bits](t, "16") }, "values.x.bits: uint16 has the bits 0 to 15"},
		{"missing fits", func(_ *modbus.Opts, v *modbus.ValueOpts) {
			v.Type, v.Missing = modbus.Int16, text[modbus.Raw](t, "-32768")
		}, ""},
		{"missing of 17 bits", func(_ *modbus.Opts, v *modbus.ValueOpts) {
			v.Type, v.Missing = modbus.Int16, text[modbus.Raw](t, "65536")
		}, "values.x.missing: is no int16"},
		{"missing below", func(_ *modbus.Opts, v *modbus.ValueOpts) {
			v.Type, v.Missing = modbus.Int16, text[modbus.Raw](t, "-32769")
		}, "values.x.missing: is no int16"},
		{"missing bits of a float", func(_ *modbus.Opts, v *modbus.ValueOpts) { v.Missing = text[modbus.Raw](t, "0x100000000") }, "values.x.missing: is no float32"},
		{"a counter of a register", func(_ *modbus.Opts, v *modbus.ValueOpts) { v.Count = text[modbus.Count](t, "strays") }, "values.x.count: is beside a register"},
		{"longer than a request", func(o *modbus.Opts, v *modbus.ValueOpts) { o.MaxRegisters, v.Type = 2, modbus.Float64 }, "values.x.type: takes 4 registers, and the device gives 2 at once"},
		{"as long as a request", func(o *modbus.Opts, v *modbus.ValueOpts) { o.MaxRegisters = 2 }, ""},
		{"reference in a model", func(_ *modbus.Opts, v *modbus.ValueOpts) {
			v.Table, v.Address, v.Reference, v.Model = 0, nil, text[modbus.Reference](t, "40015"), text[modbus.Models](t, "103")
		}, "values.x.reference: does not count from the beginning of a model"},
		{"the end", func(_ *modbus.Opts, v *modbus.ValueOpts) { v.Address = at(0xFFFF) }, "values.x.address: the value would end behind the last register"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			v := input
			s := setup(map[string]modbus.ValueOpts{"x": v})
			test.change(s.Opts.(*modbus.Opts), s.Values["x"].(*modbus.ValueOpts))
			got := ""
			if err := modbus.Kind.Check(s); err != nil {
				got = err.Error()
			}
			if test.want == "" && got != "" || !strings.Contains(got, test.want) {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
	if err := modbus.Kind.Check(setup(nil)); err == nil || !strings.Contains(err.Error(), "values: names no value") {
		t.Errorf("no values: %v", err)
	}
}
