package modbus_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"skerry/drivers"
	"skerry/drivers/modbus"
	"skerry/drivers/modbus/modbustest"
)

// Each shipped profile is valid, says where it is from and how that was confirmed, and its values can be read.
func TestShippedProfiles(t *testing.T) {
	names := modbus.Profiles()
	if len(names) < 6 || !slices.IsSorted(names) {
		t.Errorf("%d profiles: %q", len(names), names)
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile("profiles/" + name + ".profile")
			if err != nil {
				t.Fatal(err)
			}
			for _, key := range []string{"title", "source", "confirmed"} {
				if !regexp.MustCompile(`(?m)^` + key + `: .{5,}`).Match(text) {
					t.Errorf("the profile has no %s", key)
				}
			}
			s := withProfile(name)
			s.Opts.(*modbus.Opts).UnitID = 1
			if err := modbus.Kind.Check(s); err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) {
				d := &modbustest.Device{Fill: func(byte, uint16) (uint16, bool) { return 1, true }}
				switch name {
				case "sunspec-inverter":
					d = inverter(40000, 103)
				case "sunspec-inverter-float":
					d = inverter(40000, 112)
				case "sunspec-meter":
					d = inverter(40000, 203)
				case "abb-b23":
					d = b23(0x42323420)
				case "carlo-gavazzi-em24-e1":
					d.Input = map[uint16]uint16{0x000B: 1650}
				}
				x, _ := onLine(t, s, d)
				if got := mustSense(t, x); len(got) != len(s.Values) {
					t.Errorf("%d values, want %d", len(got), len(s.Values))
				}
			})
			for _, doc := range modbus.Kind.Declare(s) {
				if strings.ToLower(doc.Name) != doc.Name {
					t.Errorf("%s is not in small letters", doc.Name)
				}
			}
		})
	}
}

const own = `title: My meter
source: the label on its back
order: CDAB
max_registers: 20
max_gap: 4

# a comment
name,reference,type,multiply,unit,doc
power,30013,int32,0.1,W,"active power, all phases"
state,40001,uint16,,,
`

func TestOwnProfile(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "my.profile"), []byte(own), 0o600); err != nil {
		t.Fatal(err)
	}
	s := drivers.Setup{Bus: "rs485", Opts: modbus.Kind.Opts(), Values: map[string]any{}}
	o := s.Opts.(*modbus.Opts)
	o.Profile = "./my.profile"
	o.SetFolder(dir)
	docs := modbus.Kind.Declare(s)
	if len(docs) != 2 || docs[0].Unit != "W" || docs[0].Doc != "active power, all phases" {
		t.Fatalf("%+v", docs)
	}
	for _, v := range docs {
		s.Values[v.Name] = v.Opts()
	}
	if err := modbus.Kind.Check(s); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		x, _ := onLine(t, s, &modbustest.Device{Input: map[uint16]uint16{12: 0xFF9C, 13: 0xFFFF}, Holding: map[uint16]uint16{0: 7}})
		got := mustSense(t, x)
		if r := got["power"]; r.Number != -10 || r.Unit != "W" {
			t.Errorf("%+v", r)
		}
		if r := got["state"]; r.Number != 7 {
			t.Errorf("%+v", r)
		}
	})
}

func TestWrongProfiles(t *testing.T) {
	tests := []struct{ name, from, to, want string }{
		{"no table", own, "title: x\n", "has no table"},
		{"no values", "power,30013,int32,0.1,W,\"active power, all phases\"\nstate,40001,uint16,,,\n", "", "has no values"},
		{"unknown key", "source:", "sauce:", `line 2: unknown key "sauce"`},
		{"order", "CDAB", "ACDB", `line 3: "ACDB" is none of`},
		{"too many", "max_registers: 20", "max_registers: 200", `line 4: "200" is not a whole number from 1 to 125`},
		{"identity", "max_gap: 4", "identity: input 11 uint16", `line 5: "input 11 uint16" is no identity`},
		{"identity of a coil", "max_gap: 4", "identity: coil 11 bool 1", `line 5: "coil 11 bool 1" is no identity`},
		{"unknown column", "name,reference", "name,register", `line 9: register: unknown column`},
		{"reference", "30013", "3001", `line 9: reference: "3001" is no reference`},
		{"type", "int32", "int33", `line 9: type: "int33" is none of`},
		{"factor", "0.1", "zero", `line 9: multiply: "zero" is no factor`},
		{"no finite factor", "0.1", "NaN", `line 9: multiply: "NaN" is no factor`},
		{"infinite factor", "0.1", "-inf", `line 9: multiply: "-inf" is no factor`},
		{"octal", "max_gap: 4", "max_gap: 010", `line 5: "010" is not a whole number`},
		{"name", "power,", "po wer,", `line 9: name: "po wer" is no name`},
		{"twice", "state,", "power,", `line 10: name: power is there twice`},
		{"no type", "uint16", "", "line 10: values.state: has no type"},
		{"a cell too many", "uint16,,,", "uint16,,,,,", "wrong number of fields"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "my.profile"), []byte(strings.Replace(own, test.from, test.to, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			o := modbus.Kind.Opts().(*modbus.Opts)
			o.Profile = "my.profile"
			o.SetFolder(dir)
			err := modbus.Kind.Check(drivers.Setup{Opts: o})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

// What the configuration says of a value of a profile replaces what the profile says, also where it is.
func TestValueOfAProfileElsewhere(t *testing.T) {
	d := &modbustest.Device{Holding: map[uint16]uint16{0x0C: 0x43C8, 0x0D: 0, 5: 0x4348, 6: 0}}
	d.SetFloat(0x0C, 100)
	d.SetFloat(5, 300)
	tests := map[string]struct {
		change func(*modbus.ValueOpts)
		want   float64
	}{
		"nowhere":     {func(*modbus.ValueOpts) {}, 100},
		"reference":   {func(v *modbus.ValueOpts) { v.Reference = text[modbus.Reference](t, "40006") }, 200},
		"address":     {func(v *modbus.ValueOpts) { v.Address = at(5) }, 300},
		"table":       {func(v *modbus.ValueOpts) { v.Table = modbus.Holding }, 400},
		"both":        {func(v *modbus.ValueOpts) { v.Table, v.Address = modbus.Holding, at(5) }, 200},
		"same values": {func(v *modbus.ValueOpts) { v.Reference = text[modbus.Reference](t, "30013") }, 100},
	}
	for name, test := range tests {
		synctest.Test(t, func(t *testing.T) {
			s := withProfile("eastron-sdm120")
			v := s.Values["power"].(*modbus.ValueOpts)
			test.change(v)
			s.Values = map[string]any{"power": v}
			if err := modbus.Kind.Check(s); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			x, _ := onLine(t, s, d)
			if got := mustSense(t, x)["power"]; got.Number != test.want {
				t.Errorf("%s: %+v, want %v", name, got, test.want)
			}
		})
	}
}

func TestAnotherDevice(t *testing.T) {
	tests := []struct {
		name   string
		device *modbustest.Device
		want   string
	}{
		{"another", b23(0x42323120), "the device is no ABB B23/B24: holding register 0x8960 (reference 435169) says 0x42323120"},
		{"without the register", holding(0x100), "the device is no ABB B23/B24: it has no holding register 0x8960 (reference 435169)"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x, _ := onLine(t, withProfile("abb-b23"), test.device)
				if got, err := sense(t, x); err == nil || !strings.Contains(err.Error(), test.want) || len(got) != 0 {
					t.Errorf("%d values and %v", len(got), err)
				}
			})
		})
	}
}

// After a device was away another one may be in its place: it is identified anew.
func TestAnotherDeviceAfterSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, line := onLine(t, withProfile("abb-b23"), b23(0x42323320))
		if got := mustSense(t, x); len(got) == 0 {
			t.Fatal("no values")
		}
		line.Set(1, nil)
		sense(t, x)
		line.Set(1, b23(0x42323120))
		for range 5 {
			time.Sleep(15 * time.Second)
			if got, err := sense(t, x); len(got) > 0 || err == nil {
				t.Errorf("%d values of another device, %v", len(got), err)
			}
		}
		line.Set(1, b23(0x42323320))
		time.Sleep(15 * time.Second)
		if got := mustSense(t, x); len(got) == 0 {
			t.Error("the right one is not read any more")
		}
	})
}
