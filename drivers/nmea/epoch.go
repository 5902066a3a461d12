package nmea

import (
	"math"
	"strconv"
	"strings"
	"time"

	gonmea "github.com/adrianmo/go-nmea"
)

// number is a field that may be empty.
type number struct {
	is    bool
	value float64
}

// epoch is what the receiver said about one moment.
type epoch struct {
	at      time.Time   // local clock when its first sentence came
	clock   gonmea.Time // time of day, when any sentence said it
	rmc     bool        // speed, course, date were said (RMC)
	gga     bool        // altitude, satellites were said (GGA or GNS)
	refused bool        // a sentence said that there is no fix
	placed  bool        // a sentence said where we are

	latitude, longitude, altitude, speed, course, satellites, hdop number

	fix   string // from GGA
	mode  string // FAA mode of RMC, GNS or GLL: A, D, E, M, S, N ...
	flat  bool   // GSA: two-dimensional fix
	year  int
	month int
	day   int
}

// take adds a sentence. It tells whether the sentence belongs to a later moment and was therefore not taken.
func (e *epoch) take(s gonmea.Sentence) (later bool) {
	clock, carries := timeOf(s)
	if carries && clock.Valid {
		if e.clock.Valid && clock != e.clock {
			return true
		}
		e.clock = clock
	}
	switch m := s.(type) {
	case gonmea.RMC:
		if e.rmc && !clock.Valid {
			return true // without a time a repeated sentence is the sign of a new moment
		}
		e.takeRMC(m)
	case gonmea.GGA:
		if e.gga && !clock.Valid {
			return true
		}
		e.takeGGA(m)
	case gonmea.GNS:
		e.takeGNS(m)
	case gonmea.GLL:
		e.place(m.Validity == gonmea.ValidGLL && m.FFAMode != gonmea.FAAModeDataNotValid, m.Fields[0:4], m.Latitude, m.Longitude)
		e.setMode(m.FFAMode)
	case gonmea.GSA:
		e.flat = e.flat || m.FixType == gonmea.Fix2D
	case gonmea.VTG:
		e.setIfEmpty(&e.course, field(m.Fields, 0, m.TrueTrack))
		e.setIfEmpty(&e.speed, field(m.Fields, 6, m.GroundSpeedKPH))
	case gonmea.ZDA:
		e.year, e.month, e.day = int(m.Year), int(m.Month), int(m.Day)
	}
	return false
}

// timeOf gives the time of day of the sentences that carry one.
func timeOf(s gonmea.Sentence) (clock gonmea.Time, carries bool) {
	switch m := s.(type) {
	case gonmea.RMC:
		return m.Time, true
	case gonmea.GGA:
		return m.Time, true
	case gonmea.GNS:
		return m.Time, true
	case gonmea.GLL:
		return m.Time, true
	case gonmea.ZDA:
		return m.Time, true
	}
	return gonmea.Time{}, false
}

const kmhPerKnot = 1.852

func (e *epoch) takeRMC(m gonmea.RMC) {
	e.rmc = true
	e.place(m.Validity == gonmea.ValidRMC && m.FFAMode != gonmea.FAAModeDataNotValid, m.Fields[2:6], m.Latitude, m.Longitude)
	e.setMode(m.FFAMode)
	e.speed = field(m.Fields, 6, m.Speed*kmhPerKnot)
	e.course = field(m.Fields, 7, m.Course)
	if m.Date.Valid && e.year == 0 {
		// Two digits. Satellite navigation began in 1980; no receiver that is alive dates back into that century.
		e.year, e.month, e.day = 2000+m.Date.YY, m.Date.MM, m.Date.DD
	}
}

func (e *epoch) takeGGA(m gonmea.GGA) {
	e.gga = true
	e.fix = fixNames[m.FixQuality]
	e.place(e.fix != "" && e.fix != noFix, m.Fields[1:5], m.Latitude, m.Longitude)
	e.satellites = field(m.Fields, 6, float64(m.NumSatellites))
	e.hdop = field(m.Fields, 7, m.HDOP)
	e.altitude = field(m.Fields, 8, m.Altitude)
}

func (e *epoch) takeGNS(m gonmea.GNS) {
	e.gga = true
	best := gonmea.NoFixGNS
	for _, mode := range m.Mode {
		if best == gonmea.NoFixGNS {
			best = mode
		}
	}
	e.place(best != gonmea.NoFixGNS, m.Fields[1:5], m.Latitude, m.Longitude)
	e.setMode(best)
	e.satellites = field(m.Fields, 6, float64(m.SVs))
	e.hdop = field(m.Fields, 7, m.HDOP)
	e.altitude = field(m.Fields, 8, m.Altitude)
}

// place takes a position if it is valid and written out: latitude, N or S, longitude, E or W. 0 north 0 east is what a
// receiver says that has none and does not know it; nobody is at that place to all decimals.
func (e *epoch) place(valid bool, fields []string, latitude, longitude float64) {
	if !valid || !isCoordinate(fields[0], fields[1], "NS") || !isCoordinate(fields[2], fields[3], "EW") || latitude == 0 && longitude == 0 {
		e.refused = true
		return
	}
	e.placed = true
	e.latitude, e.longitude = number{true, degrees(latitude)}, number{true, degrees(longitude)}
}

// degrees leaves 7 decimals, a centimetre on the ground: the others come of dividing minutes by 60.
func degrees(x float64) float64 { return math.Round(x*1e7) / 1e7 }

// isCoordinate checks (d)ddmm.mmm and its hemisphere; go-nmea also takes a sign, 75 minutes, or nothing at all.
func isCoordinate(value, hemisphere, hemispheres string) bool {
	v, err := strconv.ParseFloat(value, 64)
	if err != nil || strings.Trim(value, "0123456789.") != "" || len(hemisphere) != 1 {
		return false
	}
	minutes := math.Mod(v, 100)
	return strings.Contains(hemispheres, hemisphere) && minutes < 60
}

func (e *epoch) setMode(mode string) {
	if mode != "" {
		e.mode = mode
	}
}

func (e *epoch) setIfEmpty(to *number, n number) {
	if !to.is {
		*to = n
	}
}

// field is the decoded value of a field, if the field is there and not empty.
func field(fields []string, i int, value float64) number {
	return number{i < len(fields) && fields[i] != "", value}
}

// sameMoment bounds the time between two readings in which a receiver that works cannot say the same moment: shorter, both may be of
// one second, and a day later the time of day is the same.
const (
	sameMomentFrom = 2500 * time.Millisecond
	sameMomentTo   = 23 * time.Hour
)

// repeats tells whether the receiver is stuck: it says a position of the moment which it said some time ago.
func (e *epoch) repeats(last epoch) bool {
	passed := e.at.Sub(last.at)
	return e.fixed() && last.fixed() && e.clock.Valid && e.clock == last.clock && passed > sameMomentFrom && passed < sameMomentTo
}

// whole tells whether all that a common receiver says of a moment is there.
func (e *epoch) whole() bool { return e.rmc && e.gga }

// some tells whether anything worth a reading is there.
func (e *epoch) some() bool { return e.rmc || e.gga || e.placed || e.refused || e.clock.Valid }
