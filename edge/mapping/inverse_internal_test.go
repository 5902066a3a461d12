package mapping

import (
	"math"
	"testing"

	"skerry/drivers"
	"skerry/edge/config"
)

// TestDevice: what the device must say for a number comes out as that number.
func TestDevice(t *testing.T) {
	points := func(p ...config.Point) *config.Calibration { return &config.Calibration{Points: p} }
	celsius := drivers.ValueDoc{Unit: "°C"}
	for name, v := range map[string]config.Value{
		"as it is":        {Doc: celsius, Unit: "°C", Multiply: 1},
		"offset":          {Doc: celsius, Unit: "°C", Multiply: 1, Offset: -0.4},
		"factor":          {Multiply: -0.1, Offset: 3, Unit: "m"},
		"other unit":      {Doc: celsius, Unit: "°F", Multiply: 1, Offset: 0.5},
		"points":          {Doc: celsius, Unit: "°C", Multiply: 1, Calibrate: points(config.Point{Raw: 0, True: -0.3}, config.Point{Raw: 50, True: 51}, config.Point{Raw: 100, True: 100.2})},
		"falling points":  {Multiply: 2, Offset: 1, Calibrate: points(config.Point{Raw: 0, True: 90}, config.Point{Raw: 1, True: 60}, config.Point{Raw: 4, True: -20})},
		"points of volts": {Doc: drivers.ValueDoc{Unit: "V"}, Unit: "cm", Multiply: 1, Calibrate: &config.Calibration{RawUnit: "mV", TrueUnit: "m", Points: []config.Point{{Raw: 400, True: 0}, {Raw: 2000, True: 5}}}},
		"polynomial":      {Multiply: 1, Calibrate: &config.Calibration{Polynomial: []float64{1, 0.98, 0.001}}},
	} {
		m := newValue(v)
		for _, want := range []float64{-12.5, 0, 17.25, 66} {
			got, ok := m.treat(Device(v, want))
			if !ok || math.Abs(got-want) > 1e-9 {
				t.Errorf("%s: %v comes out as %v", name, want, got)
			}
		}
	}
}
