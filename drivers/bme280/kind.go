package bme280

import (
	"skerry/drivers"
)

// Opts are the options of a sensor with `driver: bme280`.
type Opts struct {
	Address uint16 `yaml:"address"` // 0x76 or 0x77; 0: both are tried
}

// Kind is the driver.
var Kind = drivers.Kind{
	Name: "bme280",
	Doc:  "Bosch BME280: air temperature, humidity and pressure; BMP280: without humidity",
	Bus:  drivers.I2CBus,
	Values: []drivers.ValueDoc{
		{Name: "temperature", Unit: "°C", Doc: "air temperature"},
		{Name: "humidity", Unit: "%", Doc: "relative humidity; not on a BMP280"},
		{Name: "pressure", Unit: "hPa", Doc: "absolute air pressure at the sensor, not reduced to sea level"},
	},
	Opts:  func() any { return new(Opts) },
	Check: check,
	New:   open,
	Probe: &drivers.Probe{Addresses: []uint16{lowAddress, highAddress}, Identify: probe},
}

func check(s drivers.Setup) error {
	switch options(s).Address {
	case 0, lowAddress, highAddress:
		return nil
	}
	return &drivers.OptionError{Key: "address", Problem: "no such address on this chip",
		Hint: "write 0x76 or 0x77, or leave it out to try both"}
}

func options(s drivers.Setup) Opts {
	if o, ok := s.Opts.(*Opts); ok {
		return *o
	}
	return Opts{}
}
