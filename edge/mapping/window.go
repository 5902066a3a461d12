package mapping

import (
	"slices"
	"time"

	"skerry/edge/config"
)

// window remembers the last numbers of a value.
type window struct {
	config *config.Window
	list   []sample // oldest first
	buffer []float64
}

type sample struct {
	at time.Time
	x  float64
}

// add takes a number in, and returns what the window comes to.
func (w *window) add(now time.Time, x float64) float64 {
	w.list = append(w.list, sample{now, x})
	first := 0
	if n := w.config.Count; n > 0 {
		first = max(0, len(w.list)-n)
	} else {
		for now.Sub(w.list[first].at) >= w.config.Over {
			first++
		}
	}
	w.list = slices.Delete(w.list, 0, first)
	w.buffer = w.buffer[:0]
	for _, s := range w.list {
		w.buffer = append(w.buffer, s.x)
	}
	return Reduce(w.config.To, w.buffer)
}

// forget empties the window, when nothing came for so long that what came before says nothing of now.
func (w *window) forget() { w.list = w.list[:0] }

// Reduce makes one number of several, of which it needs at least one. It sorts them. What is too large for a number comes out as
// one that is not finite.
func Reduce(to config.Reduction, numbers []float64) float64 {
	switch to {
	case config.Min:
		return slices.Min(numbers)
	case config.Max:
		return slices.Max(numbers)
	case config.Median:
		slices.Sort(numbers)
		n := len(numbers)
		return numbers[(n-1)/2] + (numbers[n/2]-numbers[(n-1)/2])/2
	}
	sum := 0.0
	for _, x := range numbers {
		sum += x
	}
	return sum / float64(len(numbers))
}
