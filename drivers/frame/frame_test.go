package frame_test

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"skerry/drivers"
	"skerry/drivers/drivertest"
	"skerry/drivers/frame"
)

// The frames of the manuals, or made by their rules.
var (
	// Put together by the rules of the manual: 12 numbers from 4 on, a reserved one, the sum of all before.
	pms5003 = summed16([]byte{0x42, 0x4D, 0, 28, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 1, 6, 0, 7, 0, 8, 0, 9, 0, 10, 0, 11, 0, 12, 0x97, 0})
	mhz19   = []byte{0xFF, 0x86, 0x02, 0x20, 0, 0, 0, 0, 0x58}                   // the manual's example: 544 ppm
	sds011  = []byte{0xAA, 0xC0, 0xD4, 0x04, 0x3A, 0x0A, 0xA1, 0x60, 0x1D, 0xAB} // the manual's: 123.6 and 261.8 µg/m³
)

func summed16(b []byte) []byte {
	sum := 0
	for _, c := range b {
		sum += int(c)
	}
	return append(slices.Clone(b), byte(sum>>8), byte(sum))
}

// profiled is the setup of a device by its profile, with all values.
func profiled(profile string) drivers.Setup {
	o := frame.Kind.Opts().(*frame.Opts)
	o.Profile = profile
	s := drivers.Setup{Bus: "dust", Opts: o, Values: map[string]any{}}
	for _, v := range frame.Kind.Declare(s) {
		s.Values[v.Name] = v.Opts()
	}
	return s
}

// machine is the device of a profile, or of frames that it says by itself.
func machine(profile string, say []byte) *drivertest.Machine {
	if profile == "mhz19" {
		return &drivertest.Machine{Talker: &drivertest.Talker{Answer: func(written []byte) string {
			if string(written) != "\xff\x01\x86\x00\x00\x00\x00\x00\x79" {
				return ""
			}
			return string(say)
		}}}
	}
	return &drivertest.Machine{Talker: &drivertest.Talker{Every: time.Second, Piece: 7, Say: func(time.Time) string { return string(say) }}}
}

func TestDriver(t *testing.T) {
	for profile, say := range map[string][]byte{"pms5003": pms5003, "mhz19": mhz19, "sds011": sds011} {
		t.Run(profile, func(t *testing.T) {
			drivertest.Suite{
				Kind:    frame.Kind,
				Setup:   func() drivers.Setup { return profiled(profile) },
				Healthy: func() *drivertest.Machine { return machine(profile, say) },
				Other: func() *drivertest.Machine {
					return machine("", slices.Concat(pms5003[:20], mhz19[:8], sds011[:9], []byte("$GPGGA,,,")))
				},
			}.Run(t)
		})
	}
}

func read(t *testing.T, m drivers.Buses, s drivers.Setup) (map[string]drivers.Reading, error) {
	t.Helper()
	x, err := frame.Kind.New(t.Context(), m, s)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Halt()
	got, err := x.Sense(t.Context(), nil)
	by := map[string]drivers.Reading{}
	for _, r := range got {
		by[r.Value] = r
	}
	return by, err
}

func TestProfiles(t *testing.T) {
	tests := map[string]struct {
		say  []byte
		want map[string]float64
	}{
		"pms5003": {pms5003, map[string]float64{"pm1_standard": 1, "pm2_5_standard": 2, "pm10_standard": 3, "pm1": 4, "pm2_5": 5, "pm10": 262,
			"particles_0_3": 7, "particles_0_5": 8, "particles_1": 9, "particles_2_5": 10, "particles_5": 11, "particles_10": 12}},
		"mhz19":  {mhz19, map[string]float64{"co2": 544}},
		"sds011": {sds011, map[string]float64{"pm2_5": 123.6, "pm10": 261.8}},
	}
	for _, profile := range frame.Profiles() {
		test, ok := tests[profile]
		if !ok {
			t.Errorf("%s has no test", profile)
		}
		synctest.Test(t, func(t *testing.T) {
			if err := frame.Kind.Check(profiled(profile)); err != nil {
				t.Error(err)
			}
			got, err := read(t, machine(profile, test.say), profiled(profile))
			if err != nil || len(got) != len(test.want) {
				t.Errorf("%s: %+v, %v", profile, got, err)
			}
			for name, want := range test.want {
				if got[name].Number != want || got[name].Unit == "" {
					t.Errorf("%s: %+v, want %v", profile, got[name], want)
				}
			}
		})
	}
}

// Whatever stands around frames, and whichever bit is wrong, only true frames are read.
func TestTrueFramesAreFound(t *testing.T) {
	around := map[string][]byte{
		"nothing":                    {},
		"garbage":                    {0, 0xAA, 0x42, 0xFF, 0xAA},
		"a frame cut short":          sds011[:6],
		"the rest of a frame":        sds011[3:],
		"a beginning of a beginning": {0xAA},
		"a false beginning":          {0xAA, 0xC0},
	}
	for name, noise := range around {
		synctest.Test(t, func(t *testing.T) {
			got, err := read(t, machine("", slices.Concat(noise, sds011, noise)), profiled("sds011"))
			if err != nil || got["pm10"].Number != 261.8 {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
		})
	}
	for i := range 8 * len(sds011) {
		bad := slices.Clone(sds011)
		bad[i/8] ^= 1 << (i % 8)
		if got, _, err := frame.Decode(profiled("sds011"), bad, 3); len(got) > 0 || err != nil {
			t.Errorf("bit %d is wrong: %+v, %v", i, got, err)
		}
	}
}

func TestErrorsAreToldApart(t *testing.T) {
	bad := slices.Clone(sds011)
	bad[8]++
	for name, test := range map[string]struct {
		m    *drivertest.Machine
		s    drivers.Setup
		want string
	}{
		"silence":        {machine("", nil), profiled("sds011"), "silent for 3s"},
		"no answer":      {machine("", nil), profiled("mhz19"), "no answer within 3s"},
		"no frames":      {machine("", []byte("hello")), profiled("sds011"), "no frame in 3s; set `baud`"},
		"wrong checksum": {machine("", bad), profiled("sds011"), "with a wrong checksum"},
	} {
		synctest.Test(t, func(t *testing.T) {
			got, err := read(t, test.m, test.s)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "dust") || len(got) > 0 {
				t.Errorf("%s: %v, %v; want %q", name, got, err, test.want)
			}
		})
	}
}

func at(n int) *int { return &n }

// own is the setup of a device without a profile: a value of each type, one after the other.
func own(change ...func(*frame.Opts)) drivers.Setup {
	o := frame.Kind.Opts().(*frame.Opts)
	o.Start, o.Length, o.Checksum = frame.Hex{0x55}, 32, "crc16-modbus"
	s := drivers.Setup{Bus: "dust", Opts: o, Values: map[string]any{}}
	place := 1
	for i, typ := range []string{"uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"} {
		s.Values[typ] = &frame.ValueOpts{At: at(place), Type: typ}
		place += []int{1, 1, 2, 2, 4, 4, 4, 8}[i]
	}
	for _, c := range change {
		c(o)
	}
	return s
}

func TestTypesAndOrders(t *testing.T) {
	big := []byte{0x55, 200, 0xFE, 0xEA, 0x60, 0xFF, 0xFE, 0xEE, 0x6B, 0x28, 0x00, 0xFF, 0xFF, 0xFF, 0xFE, 0x41, 0x48, 0, 0, 0xBF, 0xF8, 0, 0, 0, 0, 0, 0, 9, 9, 9}
	little := []byte{0x55, 200, 0xFE, 0x60, 0xEA, 0xFE, 0xFF, 0x00, 0x28, 0x6B, 0xEE, 0xFE, 0xFF, 0xFF, 0xFF, 0, 0, 0x48, 0x41, 0, 0, 0, 0, 0, 0, 0xF8, 0xBF, 9, 9, 9}
	want := map[string]float64{"uint8": 200, "int8": -2, "uint16": 60000, "int16": -2, "uint32": 4e9, "int32": -2, "float32": 12.5, "float64": -1.5}
	for order, b := range map[string][]byte{"big": big, "little": little} {
		s := own(func(o *frame.Opts) { o.Order = order })
		if err := frame.Kind.Check(s); err != nil {
			t.Fatal(err)
		}
		crc := frame.Sum("crc16-modbus", b)
		got, _, err := frame.Decode(s, append(slices.Clone(b), byte(crc), byte(crc>>8)), 100)
		if err != nil || len(got) != len(want) {
			t.Errorf("%s: %+v, %v", order, got, err)
		}
		for _, r := range got {
			if r.Number != want[r.Value] {
				t.Errorf("%s: %+v, want %v", order, r, want[r.Value])
			}
		}
	}
}

// A gauge of vacuum gives 3.21e-10 mbar, and a counter of pulses more digits than a float32 has.
func TestSmallAndLargeNumbers(t *testing.T) {
	frames := map[string]struct {
		value frame.ValueOpts
		bytes []byte
		want  float64
	}{
		"small":        {frame.ValueOpts{Type: "float64"}, binary.BigEndian.AppendUint64(nil, math.Float64bits(3.21e-10)), 3.21e-10},
		"small, whole": {frame.ValueOpts{Type: "uint32", Scale: 1e-12}, binary.BigEndian.AppendUint32(nil, 321), 3.21e-10},
		"tenths":       {frame.ValueOpts{Type: "uint32", Scale: 0.1}, binary.BigEndian.AppendUint32(nil, 3), 0.3},
		"large":        {frame.ValueOpts{Type: "uint32", Scale: 1000}, binary.BigEndian.AppendUint32(nil, math.MaxUint32), 4294967295000},
	}
	for name, test := range frames {
		o := frame.Kind.Opts().(*frame.Opts)
		o.Start, o.Length = frame.Hex{0x55}, 1+len(test.bytes)
		test.value.At = at(1)
		s := drivers.Setup{Opts: o, Values: map[string]any{"x": &test.value}}
		got, _, err := frame.Decode(s, append([]byte{0x55}, test.bytes...), 100)
		if err != nil || len(got) != 1 || got[0].Number != test.want {
			t.Errorf("%s: %+v, %v; want %v", name, got, err, test.want)
		}
	}
}

func TestChecksums(t *testing.T) {
	b := []byte("123456789")
	// crc16-modbus: the check value of the catalogue of parametrised CRC algorithms.
	for kind, want := range map[string]uint16{"sum8": 0xDD, "neg8": 0x23, "xor8": 0x31, "sum16": 0x1DD, "crc16-modbus": 0x4B37} {
		if got := frame.Sum(kind, b); got != want {
			t.Errorf("%s: %#x, want %#x", kind, got, want)
		}
	}
}

func TestCheck(t *testing.T) {
	value := func(v frame.ValueOpts) drivers.Setup {
		s := own()
		s.Values = map[string]any{"n": &v}
		return s
	}
	withProfile := profiled("sds011")
	withProfile.Opts.(*frame.Opts).Length = 10
	other := profiled("sds011")
	other.Values["co2"] = new(frame.ValueOpts)
	placed := profiled("sds011")
	placed.Values["pm10"] = &frame.ValueOpts{At: at(2)}
	tests := []struct {
		name string
		s    drivers.Setup
		key  string
	}{
		{"no start", own(func(o *frame.Opts) { o.Start = nil }), "start"},
		{"no length", own(func(o *frame.Opts) { o.Length = 0 }), "length"},
		{"too short", own(func(o *frame.Opts) { o.Length = 2 }), "length"},
		{"checksum outside", own(func(o *frame.Opts) { o.ChecksumAt = at(31) }), "checksum_at"},
		{"checksum before", own(func(o *frame.Opts) { o.ChecksumAt = at(-1) }), "checksum_at"},
		{"checksum in the end", own(func(o *frame.Opts) { o.ChecksumAt, o.End = at(29), frame.Hex{1, 2} }), "checksum_at"},
		{"checksum in the start", own(func(o *frame.Opts) { o.ChecksumAt = at(0) }), "checksum_at"},
		{"checksum of nothing", own(func(o *frame.Opts) { o.ChecksumFrom = 30 }), "checksum_from"},
		{"no place", value(frame.ValueOpts{Type: "int8"}), "values.n.at"},
		{"no type", value(frame.ValueOpts{At: at(1)}), "values.n.type"},
		{"place outside", value(frame.ValueOpts{At: at(31), Type: "int16"}), "values.n.at"},
		{"place before", value(frame.ValueOpts{At: at(-1), Type: "int16"}), "values.n.at"},
		{"form beside a profile", withProfile, "length"},
		{"no such value", other, "values.co2"},
		{"place beside a profile", placed, "values.pm10"},
	}
	for _, test := range tests {
		var wrong *drivers.OptionError
		if err := frame.Kind.Check(test.s); !errors.As(err, &wrong) || wrong.Key != test.key {
			t.Errorf("%s: %v, want %q", test.name, err, test.key)
		}
	}
	for text, want := range map[string]string{"42 4D": "BM", "424d": "BM", "": ""} {
		var h frame.Hex
		if err := h.UnmarshalText([]byte(text)); err != nil || string(h) != want {
			t.Errorf("%q: %q, %v", text, h, err)
		}
	}
	for _, bad := range []string{"4", "0x42", "xy"} {
		if err := new(frame.Hex).UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

// FuzzFrames feeds bytes in pieces: nothing panics, memory stays small, and each reading is of a frame that is in the stream.
func FuzzFrames(f *testing.F) {
	f.Add(slices.Concat(pms5003, mhz19, sds011), uint8(9), uint8(0))
	f.Add(slices.Concat([]byte{0xAA, 0xC0}, sds011, sds011[4:]), uint8(1), uint8(2))
	f.Fuzz(func(t *testing.T, stream []byte, piece, which uint8) {
		names := frame.Profiles()
		profile := names[int(which)%len(names)]
		got, most, err := frame.Decode(profiled(profile), stream, int(piece)+1)
		if err != nil || most >= 32 {
			t.Errorf("%v, %d bytes are kept", err, most)
		}
		for _, r := range got {
			if r.Quality != drivers.Good || math.IsNaN(r.Number) || r.Number < 0 || r.Number > 65535 {
				t.Errorf("%+v", r)
			}
		}
		start := map[string]string{"pms5003": "BM\x00\x1c", "mhz19": "\xff\x86", "sds011": "\xaa\xc0"}[profile]
		if len(got) > 0 && !strings.Contains(string(stream), start) {
			t.Errorf("%+v of %x", got, stream)
		}
	})
}

// The half of a frame that was heard before a pause, and the half of another one behind it, are no frame, also without a checksum.
func TestHalvesOfTwoFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		m := machine("", nil)
		m.Talker.Piece = 100
		m.Talker.Say = func(at time.Time) string {
			return map[time.Duration]string{
				time.Second:      "\x55\x00\x01\x01\x01\x01" + "\x55\x0A\x0B",
				31 * time.Second: "\x03\x04\x05",
				32 * time.Second: "\x55\x00\x02\x01\x01\x01",
			}[at.Sub(start).Round(time.Second)]
		}
		o := frame.Kind.Opts().(*frame.Opts)
		o.Start, o.Length = frame.Hex{0x55}, 6
		x, err := frame.Kind.New(t.Context(), m, drivers.Setup{Bus: "dust", Opts: o, Values: map[string]any{"n": &frame.ValueOpts{At: at(1), Type: "uint16"}}})
		if err != nil {
			t.Fatal(err)
		}
		defer x.Halt()
		for i, want := range []float64{1, 2} {
			got, err := x.Sense(t.Context(), nil)
			if err != nil || len(got) != 1 || got[0].Number != want {
				t.Errorf("%d: %+v, %v; want %v", i, got, err, want)
			}
			time.Sleep(time.Until(start.Add(30500 * time.Millisecond)))
		}
	})
}
