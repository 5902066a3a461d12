package hwmon_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"

	"skerry/drivers"
	"skerry/drivers/drivertest"
	"skerry/drivers/hwmon"
)

func machine() *drivertest.Machine {
	return &drivertest.Machine{Kernel: map[string]string{
		"sys/class/hwmon/hwmon0/name":                     "cpu_thermal\n",
		"sys/class/hwmon/hwmon0/temp1_input":              "48312\n",
		"sys/class/hwmon/hwmon2/name":                     "sht4x\n",
		"sys/class/hwmon/hwmon2/temp1_input":              "-5250\n",
		"sys/class/hwmon/hwmon2/humidity1_input":          "81125\n",
		"sys/class/hwmon/hwmon3/name":                     "ina226\n",
		"sys/class/hwmon/hwmon3/in1_input":                "12120\n",
		"sys/class/hwmon/hwmon3/curr1_input":              "350\n",
		"sys/class/hwmon/hwmon3/power1_input":             "4242000\n",
		"sys/class/hwmon/hwmon3/device/of_node/full_name": "ina226@40",
	}}
}

func setup(device string, values map[string]string) drivers.Setup {
	s := drivers.Setup{Opts: &hwmon.Opts{Device: device}, Values: map[string]any{}}
	for v, channel := range values {
		s.Values[v] = hwmon.Kind.Named(v).Opts()
		s.Values[v].(*hwmon.ValueOpts).Channel = channel
	}
	return s
}

var air = map[string]string{"temperature": "", "humidity": ""}

func TestDriver(t *testing.T) {
	drivertest.Suite{
		Kind:    hwmon.Kind,
		Setup:   func() drivers.Setup { return setup("sht4x", air) },
		Healthy: machine,
		Other: func() *drivertest.Machine {
			m := machine()
			m.Kernel["sys/class/hwmon/hwmon2/name"] = "sht3x"
			return m
		},
	}.Run(t)
}

func TestReadings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			device, value, channel string
			want                   float64
			unit                   string
		}{
			{"sht4x", "temperature", "", -5.25, "°C"}, {"sht4x", "humidity", "", 81.125, "%"}, {"cpu_thermal", "cpu", "temp1", 48.312, "°C"},
			{"ina226", "voltage", "", 12.12, "V"}, {"ina226", "current", "", 0.35, "A"}, {"ina226", "power", "", 4.242, "W"},
		} {
			got, err := drivertest.Sense(t, hwmon.Kind, machine(), setup(c.device, map[string]string{c.value: c.channel}))
			if r := got[c.value]; err != nil || math.Abs(r.Number-c.want) > 1e-9 || r.Unit != c.unit {
				t.Errorf("%s %s: %+v, %v", c.device, c.value, r, err)
			}
		}
	})
}

func TestFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := machine()
		m.Kernel["sys/class/hwmon/hwmon2/temp1_fault"] = "1"
		got, err := drivertest.Sense(t, hwmon.Kind, m, setup("sht4x", air))
		if err == nil || !strings.Contains(err.Error(), "fault") || got["temperature"].Quality != drivers.Bad || got["humidity"].Quality != drivers.Good {
			t.Errorf("%+v, %v", got, err)
		}
		m.Kernel["sys/class/hwmon/hwmon2/temp1_fault"] = "0"
		if got, err := drivertest.Sense(t, hwmon.Kind, m, setup("sht4x", air)); err != nil || got["temperature"].Number != -5.25 {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		s   drivers.Setup
		key string
	}{
		{setup("", air), "device"}, {setup("../x", air), "device"}, {setup("sht4x", map[string]string{"t": "temp"}), "values.t.channel"},
		{setup("sht4x", map[string]string{"t": "name"}), "values.t.channel"}, {setup("sht4x", air), ""},
	} {
		err := hwmon.Kind.Check(c.s)
		var wrong *drivers.OptionError
		if errors.As(err, &wrong) != (c.key != "") || wrong != nil && wrong.Key != c.key {
			t.Errorf("%v, want one at %q", err, c.key)
		}
	}
	for _, v := range hwmon.Kind.Declare(setup("ina226", nil)) {
		if v.Unit == "" {
			t.Errorf("%s has no unit", v.Name)
		}
	}
}

// TestUnits: 2 in the kernel's unit of each kind of channel; the kernel's Documentation/hwmon/sysfs-interface.rst.
func TestUnits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for channel, want := range map[string]drivers.Reading{
			"temp12": {Number: 0.002, Unit: "°C"}, "in0": {Number: 0.002, Unit: "V"}, "curr1": {Number: 0.002, Unit: "A"}, "power1": {Number: 2e-6, Unit: "W"},
			"energy1": {Number: 2e-6, Unit: "J"}, "humidity1": {Number: 0.002, Unit: "%"}, "fan1": {Number: 2, Unit: "1/min"}, "freq1": {Number: 2, Unit: "Hz"},
		} {
			m := &drivertest.Machine{Kernel: map[string]string{"sys/class/hwmon/hwmon0/name": "x1", "sys/class/hwmon/hwmon0/" + channel + "_input": "2"}}
			got, err := drivertest.Sense(t, hwmon.Kind, m, setup("x1", map[string]string{"v": channel}))
			if r := got["v"]; err != nil || math.Abs(r.Number-want.Number) > 1e-12 || r.Unit != want.Unit {
				t.Errorf("%s: %+v, %v; want %v %s", channel, r, err, want.Number, want.Unit)
			}
		}
	})
}

// TestPlaces: of two chips of one kind each is found by its place, with a device tree and without.
func TestPlaces(t *testing.T) {
	const second = "sys/class/hwmon/hwmon4/"
	for at, file := range map[string][2]string{
		"@41": {second + "device/uevent", "OF_FULLNAME=/soc/i2c@7e804000/ina226@41"}, "1-0041": {"sys/bus/i2c/devices/1-0041/hwmon/hwmon4/name", "ina226"},
	} {
		synctest.Test(t, func(t *testing.T) {
			m := machine()
			m.Kernel[second+"name"], m.Kernel[second+"in1_input"], m.Kernel[file[0]] = "ina226", "5000", file[1]
			s := setup("ina226", map[string]string{"voltage": ""})
			if got, err := drivertest.Sense(t, hwmon.Kind, m, s); err == nil {
				t.Errorf("one of two was taken: %+v", got)
			}
			s.Opts.(*hwmon.Opts).At = at
			if got, err := drivertest.Sense(t, hwmon.Kind, m, s); err != nil || got["voltage"].Number != 5 {
				t.Errorf("%s: %+v, %v", at, got, err)
			}
		})
	}
}

// TestAFaultThatCannotBeRead is no value without a fault.
func TestAFaultThatCannotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := machine()
		m.Kernel["sys/class/hwmon/hwmon2/temp1_fault"] = "?"
		if got, err := drivertest.Sense(t, hwmon.Kind, m, setup("sht4x", map[string]string{"temperature": ""})); err == nil {
			t.Errorf("%+v", got)
		}
	})
}
