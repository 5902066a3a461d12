package modem

import "math"

// The scores from which a band begins. They are where the curves below put RSRP -115, -105 and -95 dBm.
const (
	weakFrom = 25
	fairFrom = 50
	goodFrom = 75
)

// point is a figure and the score that it is worth; between two points the score is on the straight line.
type point struct{ x, score float64 }

// The curves. The points at 25 are the edge of poor that research and the configuration name: RSRP -115 dBm, SNR 0 dB, CSQ 8, 2 bars.
// RSRQ falls with the load of the cell alone, and never makes a signal poor by itself.
var (
	rsrpCurve    = []point{{-140, 0}, {-115, 25}, {-105, 50}, {-95, 75}, {-80, 100}}
	snrCurve     = []point{{-10, 0}, {0, 25}, {5, 50}, {13, 75}, {20, 100}}
	rsrqCurve    = []point{{-20, 25}, {-15, 50}, {-10, 75}, {-5, 100}}
	csqCurve     = []point{{0, 0}, {8, 25}, {11, 50}, {16, 75}, {25, 100}}
	percentCurve = []point{{0, 0}, {26, 25}, {36, 50}, {52, 75}, {81, 100}} // csqCurve in parts of 31
	barsCurve    = []point{{0, 0}, {2, 25}, {3, 50}, {4, 75}, {5, 100}}
)

// Score is what a sample is worth, 0 to 100 in whole points: the worst of what is known, as the worst limits the link. Unknown when
// nothing is.
func Score(s Sample) Level {
	worst := Level{}
	for _, l := range []struct {
		level Level
		curve []point
	}{
		{s.RSRP, rsrpCurve}, {s.SNR, snrCurve}, {s.RSRQ, rsrqCurve}, {s.CSQ, csqCurve}, {s.Bars, barsCurve},
	} {
		if l.level.Known {
			worst = lower(worst, along(l.curve, l.level.Value))
		}
	}
	if !worst.Known && s.Percent.Known { // it is made of the others, and older
		worst = At(along(percentCurve, s.Percent.Value))
	}
	if worst.Known {
		worst.Value = math.Floor(worst.Value)
	}
	return worst
}

func lower(worst Level, score float64) Level {
	if !worst.Known || score < worst.Value {
		return At(score)
	}
	return worst
}

// along reads a curve at x.
func along(curve []point, x float64) float64 {
	if x <= curve[0].x {
		return curve[0].score
	}
	for i := 1; i < len(curve); i++ {
		if a, b := curve[i-1], curve[i]; x <= b.x {
			return a.score + (x-a.x)*(b.score-a.score)/(b.x-a.x)
		}
	}
	return curve[len(curve)-1].score
}

// bandOf is the band of a score without regard to what was before.
func bandOf(score float64) Band {
	switch {
	case score >= goodFrom:
		return Good
	case score >= fairFrom:
		return Fair
	case score >= weakFrom:
		return Weak
	}
	return Poor
}

const (
	climb   = 8 // points above the edge that a better band takes
	climbIn = 2 // polls in a row that must show it
)

// steady turns scores into a band that does not flicker. A worse band is taken at once, as what is sent into a bad signal is paid for twice; a
// better one only when two polls in a row lie clearly inside.
type steady struct {
	band  Band
	above int // polls in a row that asked for a better band
}

// take gives the band after one more sample. A sample that says nothing leaves it.
func (s *steady) take(sample Sample, score Level) Band {
	switch {
	case sample.Registration.absent(), sample.Bars.Known && sample.Bars.Value < 1:
		s.set(None)
	case !score.Known:
		// a modem that is registered and does not know its signal, as CSQ 99 for a moment
		if s.band == None {
			s.set(Unknown)
		}
	case s.band == Unknown, s.band == None:
		s.set(bandOf(score.Value))
	default:
		s.move(score.Value)
	}
	return s.band
}

func (s *steady) move(score float64) {
	if now := bandOf(score); now < s.band {
		s.set(now)
		return
	}
	better := bandOf(score - climb)
	if better <= s.band {
		s.above = 0
		return
	}
	if s.above++; s.above >= climbIn {
		s.set(better)
	}
}

func (s *steady) set(b Band) { s.band, s.above = b, 0 }

// forget begins anew.
func (s *steady) forget() { *s = steady{} }
