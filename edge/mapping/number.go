package mapping

import (
	"math"
	"strconv"
	"strings"
)

// significant is how many digits an unrounded number is printed with. A decimal of up to 15 digits survives the way through
// a float64; one digit less swallows the noise of a few operations, so that 21.93-0.4 reads 21.53 and not 21.529999999999998.
const significant = 14

// exact is where whole numbers begin that a float64 does not have all of. Below it they are printed in full: a serial number, the counter of a meter.
const exact = 1 << 53

// step is the grid of `round`: numbers become multiples of size, printed with the decimals of size. The zero step rounds nothing.
type step struct {
	size     float64
	decimals int
}

func newStep(size float64) step {
	if size == 0 {
		return step{}
	}
	s := strconv.FormatFloat(size, 'f', -1, 64)
	_, fraction, _ := strings.Cut(s, ".")
	return step{size, len(fraction)}
}

// round returns the multiple of the step nearest to x.
func (s step) round(x float64) float64 {
	if s.size == 0 {
		return x
	}
	if n := math.Round(x / s.size); !math.IsInf(n, 0) {
		return n * s.size
	}
	return x
}

// append writes x as a JSON number: rounded to the step's decimals, or to 14 significant digits (whole numbers in full), without trailing zeros.
func (s step) append(dst []byte, x float64) []byte {
	start := len(dst)
	switch {
	case s.size != 0:
		dst = trimZeros(strconv.AppendFloat(dst, x, 'f', s.decimals, 64), start)
	case x == math.Trunc(x) && math.Abs(x) < exact:
		dst = strconv.AppendFloat(dst, x, 'f', 0, 64)
	default:
		dst = strconv.AppendFloat(dst, x, 'g', significant, 64)
	}
	if string(dst[start:]) == "-0" {
		return append(dst[:start], '0')
	}
	return dst
}

// trimZeros drops the zeros at the end of a decimal fraction that begins at start.
func trimZeros(b []byte, start int) []byte {
	if !strings.Contains(string(b[start:]), ".") {
		return b
	}
	for b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	if b[len(b)-1] == '.' {
		b = b[:len(b)-1]
	}
	return b
}

// finite tells whether x can be printed as a number at all.
func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
