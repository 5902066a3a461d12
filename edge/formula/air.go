package formula

import "math"

const (
	zeroCelsius  = 273.15 // K
	coldest      = -90.0  // °C: below it, and above the hottest, no air has been, and no formula here has been fitted
	hottest      = 70.0   // °C
	vapourFactor = 216.68 // g·K/(m³·hPa): 100 Pa/hPa · 1000 g/kg / 461.5 J/(kg·K), the gas constant of water vapour
)

// SeaLevel reduces an air pressure to sea level: WMO-No. 8, Guide to Instruments and Methods of Observation, volume I, 3.11, the
// formula for stations at low level, without the term for humidity. The guide recommends it up to 750 m. Pressure in any unit,
// which the result has too; temperature in °C, altitude in m. NaN for what no station on land has.
func SeaLevel(pressure, temperature, altitude float64) float64 {
	const (
		k     = 0.0148275 // K/m
		lapse = 0.0065    // K/m
	)
	if temperature < coldest || temperature > hottest || altitude < -500 || altitude > 9000 || pressure <= 0 {
		return math.NaN()
	}
	return pressure * math.Pow(10, k*altitude/(temperature+zeroCelsius+lapse*altitude/2))
}

// saturation is the vapour pressure in hPa over water: WMO-No. 8, volume I, annex 4.B (the Magnus formula), fitted from -45 to 60 °C.
func saturation(temperature float64) float64 {
	return 6.112 * math.Exp(17.62*temperature/(243.12+temperature))
}

// vapour is the vapour pressure in hPa; NaN for what cannot be. A humidity above 100 % is within the error of sensors.
func vapour(temperature, humidity float64) float64 {
	if temperature < coldest || temperature > hottest || humidity <= 0 || humidity > 110 {
		return math.NaN()
	}
	return saturation(temperature) * humidity / 100
}

// DewPoint is the temperature in °C at which air of a temperature in °C and a relative humidity in % is saturated over water:
// the inverse of the Magnus formula, WMO-No. 8, volume I, annex 4.B.
func DewPoint(temperature, humidity float64) float64 {
	x := math.Log(vapour(temperature, humidity) / 6.112)
	return 243.12 * x / (17.62 - x)
}

// FrostPoint is that over ice, for dew points below 0 °C; above it is the dew point. Same annex.
func FrostPoint(temperature, humidity float64) float64 {
	x := math.Log(vapour(temperature, humidity) / 6.112)
	if x >= 0 {
		return DewPoint(temperature, humidity)
	}
	return 272.62 * x / (22.46 - x)
}

// AbsoluteHumidity is the mass of water in air, in g/m³: the ideal gas law on the vapour pressure.
func AbsoluteHumidity(temperature, humidity float64) float64 {
	return vapourFactor * vapour(temperature, humidity) / (temperature + zeroCelsius)
}

// VapourPressureDeficit is what the vapour pressure lacks to saturation, in kPa, as growers use it (FAO Irrigation and Drainage
// Paper 56, chapter 3, with the Magnus formula of WMO-No. 8). 0 for air above saturation.
func VapourPressureDeficit(temperature, humidity float64) float64 {
	return max(0, saturation(temperature)-vapour(temperature, humidity)) / 10
}

// HeatIndex is the apparent temperature in °C: the regression of Rothfusz with its adjustments, and the formula of Steadman
// below 80 °F, as the US National Weather Service applies them (Technical Attachment SR 90-23; wpc.ncep.noaa.gov,
// "The Heat Index Equation").
func HeatIndex(temperature, humidity float64) float64 {
	if math.IsNaN(vapour(temperature, humidity)) {
		return math.NaN()
	}
	t, rh := temperature*9/5+32, humidity
	index := (0.5*(t+61+(t-68)*1.2+rh*0.094) + t) / 2
	if index >= 80 {
		index = -42.379 + 2.04901523*t + 10.14333127*rh - 0.22475541*t*rh - 0.00683783*t*t - 0.05481717*rh*rh +
			0.00122874*t*t*rh + 0.00085282*t*rh*rh - 0.00000199*t*t*rh*rh
		switch {
		case rh < 13 && t >= 80 && t <= 112:
			index -= (13 - rh) / 4 * math.Sqrt((17-math.Abs(t-95))/17)
		case rh > 85 && t >= 80 && t <= 87:
			index += (rh - 85) / 10 * (87 - t) / 5
		}
	}
	return (index - 32) * 5 / 9
}

// WetBulb is the temperature in °C of a wet thermometer at sea level: R. Stull, Wet-Bulb Temperature from Relative Humidity and Air
// Temperature, Journal of Applied Meteorology and Climatology 50 (2011), equation 1, within 1 K from -20 to 50 °C and 5 to 99 %.
// NaN outside of these.
func WetBulb(temperature, humidity float64) float64 {
	if temperature < -20 || temperature > 50 || humidity < 5 || humidity > 99 {
		return math.NaN()
	}
	return temperature*math.Atan(0.151977*math.Sqrt(humidity+8.313659)) + math.Atan(temperature+humidity) -
		math.Atan(humidity-1.676331) + 0.00391838*math.Pow(humidity, 1.5)*math.Atan(0.023101*humidity) - 4.686035
}

// WindChill is the apparent temperature in °C for an air temperature in °C and a wind in km/h at 10 m: the index of 2001 of the
// weather services of Canada and the USA. It is for up to 10 °C and more than 4.8 km/h; outside it is the air temperature.
func WindChill(temperature, wind float64) float64 {
	if temperature < coldest || temperature > hottest || !(wind >= 0 && wind <= 400) {
		return math.NaN()
	}
	if temperature > 10 || wind <= 4.8 {
		return temperature
	}
	v := math.Pow(wind, 0.16)
	return 13.12 + 0.6215*temperature - 11.37*v + 0.3965*temperature*v
}
