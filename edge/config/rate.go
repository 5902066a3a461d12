package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Rate is how often something may happen, per second. Zero: not limited.
type Rate float64

// UnmarshalText reads 20/s, 100/min, 1000/h.
func (r *Rate) UnmarshalText(b []byte) error {
	number, per, ok := cutRate(string(b))
	n, err := parseNumber(number)
	if err != nil || !ok || n < 0 {
		return &hinted{fmt.Sprintf("%q is not a rate", b), "a number per s, min or h: 20/s, 100/min"}
	}
	*r = Rate(n / per.Seconds())
	return nil
}

// String writes the rate in the smallest unit of time that makes it a whole number.
func (r Rate) String() string {
	return formatRate(float64(r), func(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) })
}

// ByteRate is bytes per second. Zero: not limited.
type ByteRate float64

// UnmarshalText reads 64KiB/s, 1MB/min.
func (r *ByteRate) UnmarshalText(b []byte) error {
	size, per, ok := cutRate(string(b))
	var s Size
	if err := s.UnmarshalText([]byte(size)); err != nil || !ok {
		return &hinted{fmt.Sprintf("%q is not a rate of bytes", b), "a size per s, min or h: 64KiB/s, 1MB/min"}
	}
	*r = ByteRate(float64(s) / per.Seconds())
	return nil
}

// String writes the rate in the smallest unit of time that makes it a whole number of bytes.
func (r ByteRate) String() string {
	return formatRate(float64(r), func(n float64) string { return Size(n).String() })
}

// rateUnits are the units of time of a rate, the smallest first.
var rateUnits = []string{"s", "min", "h"}

func cutRate(text string) (number string, per time.Duration, ok bool) {
	number, unit, _ := strings.Cut(text, "/")
	for _, u := range rateUnits {
		if u == unit {
			return number, durationUnits[u], true
		}
	}
	return number, 0, false
}

func formatRate(perSecond float64, format func(float64) string) string {
	for _, u := range rateUnits {
		n := perSecond * durationUnits[u].Seconds()
		if whole := math.Round(n); whole > 0 && math.Abs(n-whole) < 1e-6*whole {
			return format(whole) + "/" + u
		}
	}
	return strconv.FormatFloat(perSecond, 'g', 3, 64) + "/s"
}
