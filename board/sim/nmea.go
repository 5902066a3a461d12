package sim

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Fix is what a satellite receiver says about one moment at a place where it sees the sky; the position wanders by a few metres.
func Fix(at time.Time, l Location) string {
	t := float64(at.Unix())
	lat := coordinate(l.Latitude+2e-5*math.Sin(t/61), "NS", 2)
	lon := coordinate(l.Longitude+2e-5*math.Cos(t/73), "EW", 3)
	clock, date := at.UTC().Format("150405.00"), at.UTC().Format("020106")
	satellites := 9 + int(2*math.Sin(t/300))
	return Sentences(
		fmt.Sprintf("GNRMC,%s,A,%s,%s,0.1,,%s,,,A", clock, lat, lon, date),
		fmt.Sprintf("GNGGA,%s,%s,%s,1,%02d,0.9,%.1f,M,48.0,M,,", clock, lat, lon, satellites, l.Altitude+math.Sin(t/47)),
		"GNGSA,A,3,04,05,07,09,12,16,20,24,30,,,,1.7,0.9,1.4",
	)
}

// NoFix is what it says before it has found itself: its clock runs, there is no position.
func NoFix(at time.Time) string {
	clock, date := at.UTC().Format("150405.00"), at.UTC().Format("020106")
	return Sentences(
		fmt.Sprintf("GNRMC,%s,V,,,,,,,%s,,,N", clock, date),
		fmt.Sprintf("GNGGA,%s,,,,,0,00,99.9,,M,,M,,", clock),
		"GNGSA,A,1,,,,,,,,,,,,,99.9,99.9,99.9",
	)
}

// Sentences puts "$", checksum and the end of the line around each content.
func Sentences(contents ...string) string {
	var b strings.Builder
	for _, c := range contents {
		var sum byte
		for _, x := range []byte(c) {
			sum ^= x
		}
		fmt.Fprintf(&b, "$%s*%02X\r\n", c, sum)
	}
	return b.String()
}

// coordinate writes degrees and minutes with the hemisphere behind a comma.
func coordinate(degrees float64, hemispheres string, digits int) string {
	hemisphere := hemispheres[:1]
	if degrees < 0 {
		degrees, hemisphere = -degrees, hemispheres[1:]
	}
	micro := int(math.Round(degrees * 60 * 1e5)) // minutes in units of 1e-5, rounded once
	return fmt.Sprintf("%0*d%08.5f,%s", digits, micro/6000000, float64(micro%6000000)/1e5, hemisphere)
}
