package iio_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"

	"skerry/drivers"
	"skerry/drivers/drivertest"
	"skerry/drivers/iio"
)

func machine() *drivertest.Machine {
	return &drivertest.Machine{Kernel: map[string]string{
		"sys/bus/iio/devices/iio:device0/name":                      "mcp3208\n",
		"sys/bus/iio/devices/iio:device0/in_voltage0_raw":           "2048\n",
		"sys/bus/iio/devices/iio:device0/in_voltage_scale":          "0.805664062\n",
		"sys/bus/iio/devices/iio:device1/name":                      "bme280\n",
		"sys/bus/iio/devices/iio:device1/of_node/full_name":         "bme280@76",
		"sys/bus/iio/devices/iio:device1/in_temp_input":             "21530\n",
		"sys/bus/iio/devices/iio:device1/in_humidityrelative_input": "45316\n",
		"sys/bus/iio/devices/iio:device1/in_pressure_input":         "77.012300000\n",
	}}
}

func setup(device, at string, values map[string]string) drivers.Setup {
	s := drivers.Setup{Opts: &iio.Opts{Device: device, At: at}, Values: map[string]any{}}
	for v, channel := range values {
		s.Values[v] = iio.Kind.Named(v).Opts()
		s.Values[v].(*iio.ValueOpts).Channel = channel
	}
	return s
}

var air = map[string]string{"temperature": "", "humidity": "", "pressure": ""}

func TestDriver(t *testing.T) {
	drivertest.Suite{
		Kind:    iio.Kind,
		Setup:   func() drivers.Setup { return setup("bme280", "", air) },
		Healthy: machine,
		Other: func() *drivertest.Machine {
			m := machine()
			m.Kernel["sys/bus/iio/devices/iio:device1/name"] = "bmp280\n"
			return m
		},
	}.Run(t)
}

func TestReadings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got, err := drivertest.Sense(t, iio.Kind, machine(), setup("bme280", "", air))
		if err != nil {
			t.Fatal(err)
		}
		for v, want := range map[string]drivers.Reading{
			"temperature": {Number: 21.53, Unit: "°C"}, "humidity": {Number: 45.316, Unit: "%"}, "pressure": {Number: 770.123, Unit: "hPa"},
		} {
			if r := got[v]; math.Abs(r.Number-want.Number) > 1e-9 || r.Unit != want.Unit {
				t.Errorf("%s: %+v, want %+v", v, r, want)
			}
		}
		got, err = drivertest.Sense(t, iio.Kind, machine(), setup("mcp3208", "", map[string]string{"level": "voltage0"}))
		if r := got["level"]; err != nil || math.Abs(r.Number-1.65) > 1e-6 || r.Unit != "V" {
			t.Errorf("level: %+v, %v; raw times the scale of all channels is 1.65 V", r, err)
		}
	})
}

func TestOffset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := machine()
		m.Kernel["sys/bus/iio/devices/iio:device0/in_temp_raw"] = "100"
		m.Kernel["sys/bus/iio/devices/iio:device0/in_temp_offset"] = "-50"
		m.Kernel["sys/bus/iio/devices/iio:device0/in_temp_scale"] = "250"
		if got, err := drivertest.Sense(t, iio.Kind, m, setup("mcp3208", "", map[string]string{"temperature": ""})); err != nil || got["temperature"].Number != 12.5 {
			t.Errorf("%+v, %v; (100-50)*250 m°C is 12.5", got, err)
		}
	})
}

func TestTwoOfOneName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := machine()
		m.Kernel["sys/bus/iio/devices/iio:device2/name"] = "bme280\n"
		m.Kernel["sys/bus/iio/devices/iio:device2/of_node/full_name"] = "bme280@77"
		m.Kernel["sys/bus/iio/devices/iio:device2/in_temp_input"] = "5000\n"
		if _, err := drivertest.Sense(t, iio.Kind, m, setup("bme280", "", air)); err == nil || !strings.Contains(err.Error(), "at:") {
			t.Errorf("two of one name: %v", err)
		}
		if got, err := drivertest.Sense(t, iio.Kind, m, setup("bme280", "@77", map[string]string{"temperature": ""})); err != nil || got["temperature"].Number != 5 {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestErrorsSayWhatToDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			s    drivers.Setup
			want string
		}{
			{setup("scd41", "", air), "there are bme280, mcp3208"},
			{setup("mcp3208", "", map[string]string{"x": "voltage7"}), "no channel voltage7"},
		} {
			if _, err := drivertest.Sense(t, iio.Kind, machine(), c.s); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		}
		m := machine()
		m.Kernel["sys/bus/iio/devices/iio:device1/in_temp_input"] = "warm"
		got, err := drivertest.Sense(t, iio.Kind, m, setup("bme280", "", air))
		if err == nil || len(got) != 2 {
			t.Errorf("a channel that says nonsense: %+v, %v", got, err)
		}
	})
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		s   drivers.Setup
		key string
	}{
		{setup("", "", air), "device"}, {setup("../x", "", air), "device"}, {setup("bme280", "", map[string]string{"t": "../x"}), "values.t.channel"},
		{setup("bme280", "", air), ""},
	} {
		err := iio.Kind.Check(c.s)
		var wrong *drivers.OptionError
		if errors.As(err, &wrong) != (c.key != "") || wrong != nil && wrong.Key != c.key {
			t.Errorf("%v, want one at %q", err, c.key)
		}
	}
}

func TestKnownChipsHaveUnits(t *testing.T) {
	for _, v := range iio.Kind.Declare(setup("scd41", "", nil)) {
		if v.Unit == "" {
			t.Errorf("%s has no unit", v.Name)
		}
	}
	if docs := iio.Kind.Declare(setup("unheard", "", nil)); len(docs) != 0 {
		t.Errorf("%+v", docs)
	}
}

// TestSharedScale: the scale of a channel is in its own file, or in that of all channels of its kind, which is named otherwise for
// axes and differences, or in one for all channels.
func TestSharedScale(t *testing.T) {
	const d = "sys/bus/iio/devices/iio:device0/in_"
	for name, c := range map[string]struct {
		channel string
		files   map[string]string
		want    float64
		unit    string
	}{
		"axis":              {"accel_x", map[string]string{"accel_x_raw": "1000", "accel_scale": "0.01"}, 10, "m/s²"},
		"axis, own scale":   {"accel_x", map[string]string{"accel_x_raw": "1000", "accel_x_scale": "0.02", "accel_scale": "0.01"}, 20, "m/s²"},
		"gas":               {"concentration_co2", map[string]string{"concentration_co2_raw": "415", "concentration_scale": "0.0001"}, 415, "ppm"},
		"difference":        {"voltage0-voltage1", map[string]string{"voltage0-voltage1_raw": "-2000", "voltage-voltage_scale": "0.5"}, -1, "V"},
		"difference, other": {"voltage0-voltage1", map[string]string{"voltage0-voltage1_raw": "-2000", "voltage_scale": "0.5"}, -1, "V"},
		"one for all":       {"voltage3", map[string]string{"voltage3_raw": "4000", "scale": "0.25"}, 1, "V"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &drivertest.Machine{Kernel: map[string]string{"sys/bus/iio/devices/iio:device0/name": "x1\n"}}
				for file, text := range c.files {
					m.Kernel[d+file] = text
				}
				got, err := drivertest.Sense(t, iio.Kind, m, setup("x1", "", map[string]string{"v": c.channel}))
				if r := got["v"]; err != nil || math.Abs(r.Number-c.want) > 1e-9 || r.Unit != c.unit {
					t.Errorf("%+v, %v; want %v %s", r, err, c.want, c.unit)
				}
			})
		})
	}
}

// TestPlatformDevice: a DHT11 has the number of its line in its name, which differs from board to board.
func TestPlatformDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &drivertest.Machine{Kernel: map[string]string{
			"sys/bus/iio/devices/iio:device0/name":          "dht11@4\n",
			"sys/bus/iio/devices/iio:device0/in_temp_input": "22500\n",
		}}
		for _, device := range []string{"dht11", "dht11@4"} {
			s := setup(device, "", map[string]string{"temperature": ""})
			if err := iio.Kind.Check(s); err != nil {
				t.Error(err)
			}
			if got, err := drivertest.Sense(t, iio.Kind, m, s); err != nil || got["temperature"].Number != 22.5 {
				t.Errorf("%s: %+v, %v", device, got, err)
			}
		}
		m.Kernel["sys/bus/iio/devices/iio:device1/name"] = "dht11@17\n"
		m.Kernel["sys/bus/iio/devices/iio:device1/in_temp_input"] = "5000\n"
		if _, err := drivertest.Sense(t, iio.Kind, m, setup("dht11", "", map[string]string{"temperature": ""})); err == nil {
			t.Error("one of two was taken")
		}
		if got, err := drivertest.Sense(t, iio.Kind, m, setup("dht11@17", "", map[string]string{"temperature": ""})); err != nil || got["temperature"].Number != 5 {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

// TestNamedByPlace: the kernel's driver of the HDC1080 calls its device by its place on the bus; what chip it is stands in the device tree.
func TestNamedByPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &drivertest.Machine{Kernel: map[string]string{
			"sys/bus/iio/devices/iio:device0/name":                      "1-0040\n",
			"sys/bus/iio/devices/iio:device0/in_temp_raw":               "24000\n",
			"sys/bus/iio/devices/iio:device0/in_temp_offset":            "-15887.515151\n",
			"sys/bus/iio/devices/iio:device0/in_temp_scale":             "2.517700195\n",
			"sys/bus/iio/devices/iio:device0/in_humidityrelative_raw":   "32768\n",
			"sys/bus/iio/devices/iio:device0/in_humidityrelative_scale": "1.525878906\n",
		}}
		got, err := drivertest.Sense(t, iio.Kind, m, setup("1-0040", "", map[string]string{"temperature": "", "humidity": ""}))
		if err != nil || math.Abs(got["temperature"].Number-20.425) > 0.001 || math.Abs(got["humidity"].Number-50) > 0.001 {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

// TestBME680: the kernel's driver of this chip gives the humidity in percent, where the kernel's documents say thousandths of it.
func TestBME680(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &drivertest.Machine{Kernel: map[string]string{
			"sys/bus/iio/devices/iio:device0/name":                      "bme680\n",
			"sys/bus/iio/devices/iio:device0/in_temp_input":             "21530\n",
			"sys/bus/iio/devices/iio:device0/in_humidityrelative_input": "45.316000000\n",
			"sys/bus/iio/devices/iio:device0/in_pressure_input":         "77.012000000\n",
		}}
		got, err := drivertest.Sense(t, iio.Kind, m, setup("bme680", "", air))
		if err != nil || math.Abs(got["humidity"].Number-45.316) > 1e-9 || math.Abs(got["pressure"].Number-770.12) > 1e-9 {
			t.Errorf("%+v, %v", got, err)
		}
		// Until Linux 6.10 its pressure was in hPa instead of kPa. No air has more than 200 kPa, and none less than 200 hPa.
		m.Kernel["sys/bus/iio/devices/iio:device0/in_pressure_input"] = "770.120000000\n"
		if got, err = drivertest.Sense(t, iio.Kind, m, setup("bme680", "", air)); err != nil || math.Abs(got["pressure"].Number-770.12) > 1e-9 {
			t.Errorf("an older kernel: %+v, %v", got, err)
		}
	})
}

// TestUnits: 2 in the kernel's unit, after scale, of each kind of channel; the kernel's Documentation/ABI/testing/sysfs-bus-iio.
func TestUnits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for channel, want := range map[string]drivers.Reading{
			"temp": {Number: 0.002, Unit: "°C"}, "humidityrelative": {Number: 0.002, Unit: "%"}, "pressure": {Number: 20, Unit: "hPa"},
			"illuminance": {Number: 2, Unit: "lx"}, "concentration_co2": {Number: 20000, Unit: "ppm"}, "concentration_voc": {Number: 2e7, Unit: "ppb"},
			"voltage1": {Number: 0.002, Unit: "V"}, "current0": {Number: 0.002, Unit: "A"}, "power0": {Number: 0.002, Unit: "W"},
			"resistance": {Number: 2, Unit: "Ω"}, "accel_z": {Number: 2, Unit: "m/s²"}, "anglvel_x": {Number: 2, Unit: "rad/s"}, "magn_y": {Number: 200, Unit: "µT"},
			"distance": {Number: 2, Unit: "m"}, "ph": {Number: 2}, "uvindex": {Number: 2}, "electricalconductivity": {Number: 2, Unit: "S/m"},
			"proximity": {Number: 2}, "phase": {Number: 2},
		} {
			m := &drivertest.Machine{Kernel: map[string]string{
				"sys/bus/iio/devices/iio:device0/name": "x1", "sys/bus/iio/devices/iio:device0/in_" + channel + "_input": "2",
			}}
			got, err := drivertest.Sense(t, iio.Kind, m, setup("x1", "", map[string]string{"v": channel}))
			if r := got["v"]; err != nil || math.Abs(r.Number-want.Number) > 1e-9 || r.Unit != want.Unit {
				t.Errorf("%s: %+v, %v; want %v %s", channel, r, err, want.Number, want.Unit)
			}
		}
	})
}

// TestPlaces: of two devices of one name each is found by its place, in whichever way the kernel shows that.
func TestPlaces(t *testing.T) {
	const first, second = "sys/bus/iio/devices/iio:device1/", "sys/bus/iio/devices/iio:device2/"
	for name, c := range map[string]struct{ at, file, text string }{
		"node":                       {"@77", second + "of_node/full_name", "bme280@77"},
		"node of the bus":            {"@77", second + "device/of_node/full_name", "bme280@77"},
		"event":                      {"bme280@77", second + "uevent", "DEVNAME=iio:device2\nOF_FULLNAME=/soc/i2c@7e804000/bme280@77\n"},
		"event of the bus":           {"bme280@77", second + "device/uevent", "OF_FULLNAME=/soc/i2c@7e804000/bme280@77\n"},
		"no device tree, as on a PC": {"1-0077", "sys/bus/i2c/devices/1-0077/iio:device2/name", "bme280"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &drivertest.Machine{Kernel: map[string]string{
					first + "name": "bme280", first + "in_temp_input": "21000", first + "uevent": "OF_FULLNAME=/soc/i2c@7e804000/bme280@76\n",
					second + "name": "bme280", second + "in_temp_input": "5000", c.file: c.text,
				}}
				if got, err := drivertest.Sense(t, iio.Kind, m, setup("bme280", c.at, map[string]string{"temperature": ""})); err != nil || got["temperature"].Number != 5 {
					t.Errorf("%+v, %v", got, err)
				}
			})
		})
	}
}

// TestAnErrorIsNoMissingChannel: a value that cannot be read now is not taken from the converter's raw number.
func TestAnErrorIsNoMissingChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := machine()
		m.Kernel["sys/bus/iio/devices/iio:device1/in_temp_input"] = "warm"
		m.Kernel["sys/bus/iio/devices/iio:device1/in_temp_raw"] = "500000"
		if got, err := drivertest.Sense(t, iio.Kind, m, setup("bme280", "", map[string]string{"temperature": ""})); err == nil {
			t.Errorf("%+v", got)
		}
	})
}
