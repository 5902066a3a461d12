package sim

import (
	"fmt"
	"slices"
	"time"
)

// Position is what a satellite receiver knows of itself.
type Position struct {
	Location
	Speed, Course float64 // km/h, degrees
	Satellites    int
	HDOP          float64
	Fix           string // a word of Fixes
}

// Fixes are the kinds of fix by the digit that stands for them in GGA (NMEA 0183).
var Fixes = []string{"none", "gps", "dgps", "pps", "rtk", "float-rtk", "estimated", "manual", "simulated"}

// Said is what the receiver says of a moment.
func (p Position) Said(at time.Time) string {
	kind := slices.Index(Fixes, p.Fix)
	if kind < 0 {
		kind = 1
	}
	if kind == 0 {
		return NoFix(at)
	}
	mode := "NADDRFEMS"[kind : kind+1] // FAA modes
	if p.Fix == "pps" {
		mode = "P"
	}
	lat, lon := coordinate(p.Latitude, "NS", 2), coordinate(p.Longitude, "EW", 3)
	clock, date := at.UTC().Format("150405.00"), at.UTC().Format("020106")
	const knot = 1.852 // km/h
	return Sentences(
		fmt.Sprintf("GNRMC,%s,A,%s,%s,%.2f,%.1f,%s,,,%s", clock, lat, lon, p.Speed/knot, p.Course, date, mode),
		fmt.Sprintf("GNGGA,%s,%s,%s,%d,%02d,%.1f,%.1f,M,48.0,M,,", clock, lat, lon, kind, p.Satellites, p.HDOP, p.Altitude),
		"GNGSA,A,3,04,05,07,09,12,16,20,24,30,,,,1.7,0.9,1.4",
	)
}
