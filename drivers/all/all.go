// Package all is the one table of drivers. What is not listed here does not exist for the configuration; nothing registers
// itself.
package all

import (
	"skerry/drivers"
	"skerry/drivers/ads1x15"
	"skerry/drivers/aht20"
	"skerry/drivers/bh1750"
	"skerry/drivers/bme280"
	"skerry/drivers/ds18b20"
	"skerry/drivers/frame"
	"skerry/drivers/gpio"
	"skerry/drivers/hdc302x"
	"skerry/drivers/health"
	"skerry/drivers/hwmon"
	"skerry/drivers/iio"
	"skerry/drivers/ina219"
	"skerry/drivers/line"
	"skerry/drivers/mcp9808"
	"skerry/drivers/modbus"
	"skerry/drivers/nmea"
	"skerry/drivers/pulse"
	"skerry/drivers/pwm"
	"skerry/drivers/scd4x"
	"skerry/drivers/sdi12"
	"skerry/drivers/sht"
	"skerry/drivers/tmp102"
)

// Kinds returns all drivers, sorted by name.
func Kinds() []drivers.Kind {
	return []drivers.Kind{
		ads1x15.Kind,
		aht20.Kind,
		bh1750.Kind,
		bme280.Kind,
		bme280.BMP180,
		ds18b20.Kind,
		frame.Kind,
		gpio.Kind,
		hdc302x.Kind,
		health.Kind,
		hwmon.Kind,
		iio.Kind,
		ina219.Kind,
		line.Kind,
		mcp9808.Kind,
		modbus.Kind,
		nmea.Kind,
		pulse.Kind,
		pwm.Kind,
		scd4x.Kind,
		sdi12.Kind,
		sht.SHT3x,
		sht.SHT4x,
		tmp102.Kind,
	}
}
