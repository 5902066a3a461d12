package mapping

import (
	"math"
	"sort"

	"skerry/edge/config"
)

// calibrated returns the true number for one of the device; false when it lies outside of a table that does not go on.
func calibrated(c *config.Calibration, x float64) (float64, bool) {
	if c.Polynomial != nil {
		return polynomial(c.Polynomial, x), true
	}
	p := c.Points
	inside := x >= p[0].Raw && x <= p[len(p)-1].Raw
	if !inside && c.Outside == config.OutsideBad || math.IsNaN(x) {
		return math.NaN(), false
	}
	// The line that ends at or behind x; outside, the first or the last one.
	i := min(max(sort.Search(len(p), func(i int) bool { return p[i].Raw >= x }), 1), len(p)-1)
	a, b := p[i-1], p[i]
	if x == b.Raw { // exactly, whatever the arithmetic
		return b.True, true
	}
	return a.True + (x-a.Raw)*(b.True-a.True)/(b.Raw-a.Raw), true
}

// polynomial is by Horner's scheme.
func polynomial(coefficients []float64, x float64) float64 {
	y := 0.0
	for i := len(coefficients) - 1; i >= 0; i-- {
		y = y*x + coefficients[i]
	}
	return y
}
