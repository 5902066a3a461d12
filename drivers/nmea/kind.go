package nmea

import (
	"time"

	"skerry/drivers"
)

// Opts are the options of a sensor with `driver: nmea`.
type Opts struct {
	Wait time.Duration `yaml:"wait"` // how long one reading waits for the receiver; default 3s, at most 9s
}

// Kind is the driver.
var Kind = drivers.Kind{
	Name:  "nmea",
	Doc:   "satellite receivers (GPS, Galileo ...) that speak NMEA 0183 on a serial port",
	Bus:   drivers.SerialBus,
	Clock: true,
	Values: []drivers.ValueDoc{
		{Name: "latitude", Unit: "°", Doc: "degrees north; south is negative"},
		{Name: "longitude", Unit: "°", Doc: "degrees east; west is negative"},
		{Name: "altitude", Unit: "m", Doc: "above mean sea level"},
		{Name: "speed", Unit: "km/h", Doc: "over ground"},
		{Name: "course", Unit: "°", Doc: "over ground, clockwise from true north; none while standing still"},
		{Name: "satellites", Doc: "satellites used for the position"},
		{Name: "hdop", Doc: "horizontal dilution of precision; below 2 is good"},
		{Name: "fix", Doc: "none, gps, dgps, pps, rtk, float-rtk, estimated, manual or simulated", Text: true},
		{Name: "time", Doc: "UTC of the receiver", Text: true},
	},
	Opts:  func() any { return newOpts() },
	Check: check,
	New:   open,
}

// maxWait leaves a second of the time that a caller gives.
const maxWait = drivers.SenseTimeout - time.Second

func newOpts() *Opts { return &Opts{Wait: 3 * time.Second} }

func options(s drivers.Setup) Opts {
	if o, ok := s.Opts.(*Opts); ok {
		return *o
	}
	return *newOpts()
}

func check(s drivers.Setup) error {
	if wait := options(s).Wait; wait < time.Second || wait > maxWait {
		return &drivers.OptionError{Key: "wait", Problem: "out of range", Hint: "write 1s to 9s; receivers speak once a second"}
	}
	return nil
}
