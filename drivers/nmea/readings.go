package nmea

import (
	"time"

	gonmea "github.com/adrianmo/go-nmea"

	"skerry/drivers"
)

const noFix = "none"

// fixNames are the qualities of GGA.
var fixNames = map[string]string{
	gonmea.Invalid: noFix, gonmea.GPS: "gps", gonmea.DGPS: "dgps", gonmea.PPS: "pps",
	gonmea.RTK: "rtk", gonmea.FRTK: "float-rtk", gonmea.EST: "estimated",
}

// modeNames are the FAA modes of the other sentences, in the words of GGA.
var modeNames = map[string]string{
	gonmea.FAAModeAutonomous: "gps", gonmea.FAAModeDifferential: "dgps", gonmea.FAAModePrecise: "pps", gonmea.FAAModeRTKInteger: "rtk",
	gonmea.FAAModeRTKFloat: "float-rtk", gonmea.FAAModeEstimated: "estimated", gonmea.FAAModeManualInput: "manual",
	gonmea.FAAModeSimulated: "simulated",
}

// firstYear is when this was written: no receiver can rightly say an earlier one.
const firstYear = 2026

// fixed tells whether the position can be used at all: some sentence gives it and none contradicts.
func (e *epoch) fixed() bool { return e.placed && !e.refused }

// fixName is the kind of the fix.
func (e *epoch) fixName() string {
	name := e.fix
	if name == "" {
		name = modeNames[e.mode]
	}
	switch {
	case !e.fixed():
		return noFix
	case name == "":
		return "gps" // RMC before NMEA 2.3 says only that it is valid
	}
	return name
}

// quality is that of everything that follows from the position.
func (e *epoch) quality() drivers.Quality {
	if !e.fixed() {
		return drivers.Bad
	}
	switch e.fixName() {
	case "estimated", "manual", "simulated":
		return drivers.Suspect
	}
	switch e.mode {
	case gonmea.FAAModeEstimated, gonmea.FAAModeManualInput, gonmea.FAAModeSimulated:
		return drivers.Suspect
	}
	return drivers.Good
}

// readings appends one reading per value. What the receiver never says (a type of sentence that it does not send) is left out.
func (e *epoch) readings(dst []drivers.Reading) []drivers.Reading {
	q := e.quality()
	put := func(value, unit string, n number, q drivers.Quality) {
		r := drivers.Missing(value, unit, e.at)
		if n.is && q != drivers.Bad {
			r = drivers.Number(value, n.value, unit, e.at)
			r.Quality = max(r.Quality, q)
		}
		dst = append(dst, r)
	}
	if e.placed || e.refused {
		put("latitude", "°", e.latitude, q)
		put("longitude", "°", e.longitude, q)
		dst = append(dst, drivers.Text("fix", e.fixName(), e.at))
	}
	if e.gga {
		flat := q
		if e.flat {
			flat = max(q, drivers.Suspect)
		}
		put("altitude", "m", e.altitude, flat)
		put("satellites", "", e.satellites, drivers.Good)
		put("hdop", "", e.hdop, q)
	}
	if e.rmc || e.speed.is {
		put("speed", "km/h", e.speed, q)
		put("course", "°", e.course, q)
	}
	if e.clock.Valid || e.rmc {
		dst = append(dst, e.time())
	}
	return dst
}

// time is the receiver's time. Before the first fix it comes from a clock that nobody has set.
func (e *epoch) time() drivers.Reading {
	utc, ok := e.utc()
	if !ok || e.refused {
		return drivers.Missing("time", "", e.at)
	}
	r := drivers.Text("time", utc.Format("2006-01-02T15:04:05.000Z07:00"), e.at)
	if utc.Year() < firstYear {
		r.Quality = drivers.Suspect
	}
	return r
}

// utc puts date and time together, if both were said and exist.
func (e *epoch) utc() (time.Time, bool) {
	if !e.clock.Valid || e.year == 0 {
		return time.Time{}, false
	}
	c := e.clock
	utc := time.Date(e.year, time.Month(e.month), e.day, c.Hour, c.Minute, c.Second, c.Millisecond*1e6, time.UTC)
	exists := utc.Day() == e.day && int(utc.Month()) == e.month && c.Hour < 24 && c.Minute < 60 && c.Second <= 60
	return utc, exists
}
