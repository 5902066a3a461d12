package mapping

import (
	"math"
	"sort"

	"skerry/edge/config"
)

// Device is the number that a device must say so that a value comes out as x, before windows and rounding: the way back through
// calibration, factors and units. It is for who plays the device.
func Device(c config.Value, x float64) float64 {
	how, err := conversionsOf(c)
	if err != nil {
		return x
	}
	if c.Calibrate != nil {
		x = uncalibrated(c.Calibrate, how.after.back().apply(x))
	}
	return how.before.back().apply((x - c.Offset) / c.Multiply)
}

// back is the way from the other unit.
func (c *conversion) back() *conversion {
	if c == nil {
		return nil
	}
	return &conversion{c.to, c.from}
}

// uncalibrated is the number of the device for a true one. Tables may fall as well as rise; of a curve that turns round, it is one of
// the numbers.
func uncalibrated(c *config.Calibration, y float64) float64 {
	if c.Polynomial != nil {
		return root(func(x float64) float64 { return polynomial(c.Polynomial, x) - y }, y)
	}
	p := c.Points
	falls := p[len(p)-1].True < p[0].True
	i := sort.Search(len(p), func(i int) bool { return falls && p[i].True <= y || !falls && p[i].True >= y })
	i = min(max(i, 1), len(p)-1)
	a, b := p[i-1], p[i]
	if a.True == b.True {
		return b.Raw
	}
	return a.Raw + (y-a.True)*(b.Raw-a.Raw)/(b.True-a.True)
}

// root finds where f is 0, by the secants from x on.
func root(f func(float64) float64, x float64) float64 {
	a, b := x, x+1
	fa, fb := f(a), f(b)
	for range 50 {
		if fb == fa || math.Abs(fb) < 1e-12 {
			break
		}
		a, b, fa = b, b-fb*(b-a)/(fb-fa), fb
		fb = f(b)
	}
	if math.IsNaN(b) || math.IsInf(b, 0) {
		return x
	}
	return b
}
