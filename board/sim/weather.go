package sim

import (
	"math"
	"time"
)

// weather is a mild day: it follows the sun, a front that passes in hours, and gusts that change within seconds, so that
// something moves while somebody looks.
func weather(at time.Time) Air {
	t := float64(at.UnixMilli()) / 1000
	wave := func(period, phase float64) float64 { return math.Sin(2*math.Pi*t/period + phase) }
	day, front, gust := wave(86400, -2), wave(6*3600, 0), wave(47, 0)+0.6*wave(13, 1)
	return Air{
		Temperature: 14 + 6*day + 1.5*front + 0.15*gust,
		Humidity:    62 - 15*day + 8*front - 0.5*gust,
		Pressure:    1013 - 6*front + 0.05*gust,
		CO2:         740 + 60*day + 2*gust,
	}
}

// tip is how long the rain gauge waits for its n-th tip: a shower that swells and fades.
func tip(n uint32) time.Duration {
	return 12*time.Second + time.Duration(8*math.Sin(float64(n)/7)*float64(time.Second))
}
