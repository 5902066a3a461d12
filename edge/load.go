package edge

import (
	"math"
	"strconv"
	"time"
)

// load is how much of something happens in a minute: moving averages over 1, 5 and 15 minutes, as mosquitto computes them.
type load struct {
	total    uint64 // at the last look
	averages [3]float64
}

var loadPeriods = [3]time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute}

// update takes in what the total has become in so much time.
func (l *load) update(total uint64, in time.Duration) {
	if in <= 0 {
		return
	}
	rate := float64(total-l.total) / in.Minutes()
	l.total = total
	for i, period := range loadPeriods {
		weight := math.Exp(-float64(in) / float64(period))
		l.averages[i] = rate + weight*(l.averages[i]-rate)
	}
}

// each gives the averages with the ends of their names.
func (l *load) each(show func(period, value string)) {
	for i, period := range [3]string{"1min", "5min", "15min"} {
		show(period, strconv.FormatFloat(l.averages[i], 'f', 2, 64))
	}
}
