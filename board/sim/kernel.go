package sim

import (
	"fmt"
	"math"
	"time"

	"skerry/drivers"
)

// The probes of the simulated 1-Wire bus: in the soil, at 10 and at 50 cm.
const (
	Probe10 = "28-0316a2795d1f"
	Probe50 = "28-0416c0ffee12"
)

// devices fills the files of the kernel: a Raspberry Pi with probes on 1-Wire, a BME280 and an MCP3208 that the kernel drives, an SHT4x.
func (f *Files) devices() {
	board := map[string]string{
		"sys/class/thermal/thermal_zone0/type":                "cpu-thermal",
		"proc/meminfo":                                        "MemTotal:         443008 kB\nMemFree:          101234 kB\nMemAvailable:     287144 kB",
		"sys/devices/platform/soc/soc:firmware/get_throttled": "0",
		"sys/bus/iio/devices/iio:device0/name":                "mcp3208",
		"sys/bus/iio/devices/iio:device0/in_voltage_scale":    "0.805664062",
		"sys/bus/iio/devices/iio:device1/name":                "bme280",
		"sys/class/hwmon/hwmon0/name":                         "sht4x",
		"dev/i2c-1":                                           "",
	}
	for _, device := range []string{"gps", "sdi12", "scale", "dust", "co2"} {
		board[PortPrefix[1:]+device] = ""
	}
	for name, text := range board {
		f.Set(name, Text(text+"\n"))
	}
	f.live("sys/class/thermal/thermal_zone0/temp", "%.0f", func(a Air) float64 { return 1000 * (a.Temperature + 25) })
	f.live("sys/bus/iio/devices/iio:device0/in_voltage0_raw", "%.0f", func(a Air) float64 { return 1200 + 10*a.Temperature })
	f.live("sys/bus/iio/devices/iio:device1/in_temp_input", "%.0f", func(a Air) float64 { return 1000 * a.Temperature })
	f.live("sys/bus/iio/devices/iio:device1/in_humidityrelative_input", "%.0f", func(a Air) float64 { return 1000 * a.Humidity })
	f.live("sys/bus/iio/devices/iio:device1/in_pressure_input", "%.9f", func(a Air) float64 { return a.Pressure / 10 })
	f.live("sys/class/hwmon/hwmon0/temp1_input", "%.0f", func(a Air) float64 { return 1000 * a.Temperature })
	f.live("sys/class/hwmon/hwmon0/humidity1_input", "%.0f", func(a Air) float64 { return 1000 * a.Humidity })
	f.probe(Probe10, func(a Air) float64 { return 12 + 0.3*(a.Temperature-14) })
	f.probe(Probe50, func(a Air) float64 { return 11 + 0.05*(a.Temperature-14) })
	f.Set("sys/bus/w1/devices/w1_bus_master1/therm_bulk_read", File{
		Read: func() (string, error) { return "0\n", nil }, Write: func(string) error { return nil },
	})
	started := time.Now()
	f.Set("proc/uptime", File{Read: func() (string, error) { return fmt.Sprintf("%.2f 0.00\n", time.Since(started).Seconds()), nil }})
	f.Set("proc/loadavg", Text("0.12 0.08 0.05 1/98 1234\n"))
}

// live is a file whose number follows the weather.
func (f *Files) live(name, format string, number func(Air) float64) {
	f.Set(name, File{Read: func() (string, error) { return fmt.Sprintf(format+"\n", number(weather(time.Now()))), nil }})
}

// probe is a DS18B20 as the kernel shows it.
func (f *Files) probe(id string, celsius func(Air) float64) {
	f.Set("sys/bus/w1/devices/"+id+"/w1_slave", File{Read: func() (string, error) { return Scratchpad(celsius(weather(time.Now()))), nil }})
}

// Scratchpad is what the kernel says of a DS18B20 that has measured a temperature.
func Scratchpad(celsius float64) string {
	raw := int16(math.Round(celsius * 16))
	b := []byte{byte(raw), byte(raw >> 8), 0x4b, 0x46, 0x7f, 0xff, 16 - byte(raw)&15, 0x10}
	b = append(b, crc(b))
	return fmt.Sprintf("% x : crc=%02x YES\n% x t=%d\n", b, b[8], b, int(raw)*1000/16)
}

// crc is the checksum of 1-Wire.
func crc(b []byte) (sum byte) {
	for _, x := range b {
		for range 8 {
			mix := (sum ^ x) & 1
			if sum >>= 1; mix != 0 {
				sum ^= 0x8C
			}
			x >>= 1
		}
	}
	return sum
}

var _ drivers.Files = (*Files)(nil)
