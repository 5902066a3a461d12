// Package all is the one table of drivers. What is not listed here does not exist for the configuration; nothing registers
// itself.
package all

import (
	"skerry/drivers"
	"skerry/drivers/bme280"
	"skerry/drivers/nmea"
	"skerry/drivers/pulse"
)

// Kinds returns all drivers, sorted by name.
func Kinds() []drivers.Kind {
	return []drivers.Kind{
		bme280.Kind,
		nmea.Kind,
		pulse.Kind,
	}
}
