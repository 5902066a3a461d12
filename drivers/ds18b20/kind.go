package ds18b20

import (
	"fmt"
	"regexp"
	"sync"

	"skerry/drivers"
)

// Opts are the options of a sensor with `driver: ds18b20`.
type Opts struct {
	Probe string `yaml:"probe"` // id; empty: the only one there is
}

// ValueOpts are those of one value.
type ValueOpts struct {
	Probe string `yaml:"probe"` // id; empty: the sensor's
}

// Kind is the driver.
var Kind = drivers.Kind{
	Name: "ds18b20",
	Doc:  "Dallas DS18B20 and relatives on the kernel's 1-Wire: temperature",
	Bus:  drivers.OneWireBus,
	Declare: func(drivers.Setup) []drivers.ValueDoc {
		return []drivers.ValueDoc{Named("temperature")}
	},
	Named: Named,
	Opts:  func() any { return new(Opts) },
	Check: check,
	New:   open,
}

// Named documents the temperature of one probe.
func Named(name string) drivers.ValueDoc {
	return drivers.ValueDoc{Name: name, Unit: "°C", Doc: "temperature of one probe", Opts: func() any { return new(ValueOpts) }}
}

// id is a probe of a family that measures temperature: DS18S20, DS1822, DS18B20, DS1825, DS28EA00.
var id = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(10|22|28|3b|42)-[0-9a-f]{12}$`) })

func check(s drivers.Setup) error {
	if err := checkProbe("probe", options(s).Probe); err != nil {
		return err
	}
	for name := range s.Values {
		if err := checkProbe("values."+name+".probe", probeOf(s, name)); err != nil {
			return err
		}
	}
	return nil
}

func checkProbe(key, probe string) error {
	if probe == "" || id().MatchString(probe) {
		return nil
	}
	return &drivers.OptionError{Key: key, Problem: fmt.Sprintf("%q is not the id of a probe", probe),
		Hint: "such as 28-0316a2795d1f; ls /sys/bus/w1/devices shows them"}
}

func options(s drivers.Setup) Opts {
	if o, ok := s.Opts.(*Opts); ok {
		return *o
	}
	return Opts{}
}

// probeOf is the id of a value's probe, empty if there is only one.
func probeOf(s drivers.Setup, value string) string {
	if o, ok := s.Values[value].(*ValueOpts); ok && o.Probe != "" {
		return o.Probe
	}
	return options(s).Probe
}
