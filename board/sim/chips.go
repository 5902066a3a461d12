package sim

import (
	"math"
	"time"
)

// chips are those on each I2C bus, by address.
func chips() map[uint16]Device {
	return map[uint16]Device{
		0x18: NewMCP9808(weather), 0x23: NewBH1750(daylight), 0x38: NewAHT20(weather), 0x40: NewINA219(battery, func(time.Time) float64 { return 35 }),
		0x44: NewSHT4x(weather), 0x45: NewSHT3x(weather), 0x46: NewHDC302x(weather), 0x48: NewADS1115(probes), 0x49: NewTMP102(weather),
		0x62: NewSCD4x(weather), 0x76: NewBME280(weather), 0x77: NewBMP180(),
	}
}

// daylight is in lux.
func daylight(at time.Time) float64 {
	sun := math.Sin(2*math.Pi*float64(at.Unix()%86400-6*3600)/86400) + 0.2
	return 40_000*max(0, sun) + 3 + math.Sin(float64(at.UnixMilli())/5000)
}

// battery is in volts: a lead-acid one that is charged by day.
func battery(at time.Time) float64 { return 12.4 + daylight(at)/40_000 }

// probes are the voltages of two probes with 4 to 20 mA on 100 Ω, of half the battery, and of nothing.
func probes(at time.Time) [4]float64 {
	a := weather(at)
	return [4]float64{0.4 + 1.6*a.Humidity/100, 0.9 + 0.05*math.Sin(float64(at.Unix())/600), battery(at) / 6, 0.002}
}
