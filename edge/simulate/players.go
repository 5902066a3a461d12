package simulate

import "skerry/board/sim"

// players are who puts the devices of the drivers on the board, by driver. Each driver has one: a test sees to it.
var players = map[string]player{
	"ads1x15": onI2C(voltages, nil),
	"aht20":   inAir(sim.NewAHT20),
	"bh1750":  onI2C(light, nil),
	"bme280":  inAir(sim.NewBME280),
	"bmp180":  inAir(sim.NewBMP180In),
	"ds18b20": {play: probes},
	"frame":   {play: frames},
	"hdc302x": inAir(sim.NewHDC302x),
	"health":  {play: machine, fixed: map[string]string{"uptime": "it is the time since the start", "disk_free": "it follows from disk_used", "under_voltage_seen": "it follows from under_voltage", "throttled_seen": "it follows from throttled"}},
	"hwmon":   {play: monitor},
	"iio":     {play: industrial},
	"ina219":  onI2C(supply, map[string]string{"power": "it is voltage times current"}),
	"line":    {play: lines},
	"mcp9808": inAir(sim.NewMCP9808),
	"modbus":  {play: registers},
	"nmea":    {play: receiver, fixed: map[string]string{"time": "it is the machine's"}},
	"pulse":   {play: contact, fixed: map[string]string{"lost": "no pulse is lost"}},
	"scd4x":   inAir(sim.NewSCD4x),
	"sdi12":   {play: probesOnSDI12},
	"sht3x":   inAir(sim.NewSHT3x),
	"sht4x":   inAir(sim.NewSHT4x),
	"tmp102":  inAir(sim.NewTMP102),
}
