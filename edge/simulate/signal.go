package simulate

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"sort"
	"sync"
	"time"

	"skerry/edge/config"
)

const day = 24 * time.Hour

// instant is a moment of a scenario.
type instant struct {
	since time.Duration // since the start
	clock time.Duration // since midnight before the start
	tick  uint64        // of noise: twenty in a second of the machine
}

func (i instant) ofDay() time.Duration { return i.clock % day }

// signal is how a number goes. It is asked about later and later moments.
type signal func(at instant) float64

// compile makes a signal of what the scenario has.
func compile(s config.Signal, seed uint64) signal {
	if s.Parts != nil {
		var parts []signal
		for _, p := range s.Parts {
			parts = append(parts, compile(p, seed))
		}
		return func(at instant) (sum float64) {
			for _, p := range parts {
				sum += p(at)
			}
			return sum
		}
	}
	f := form(s.Shape, seed)
	if s.Shape.Noise > 0 {
		f = noisy(f, s.Shape.Noise, seed^hash(s.Key))
	}
	if limit := s.Shape.Limit; limit != nil {
		inner := f
		f = func(at instant) float64 { return min(max(inner(at), limit.Min), limit.Max) }
	}
	return f
}

func hash(text string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(text))
	return h.Sum64()
}

// form is a shape without what is added and cut off.
func form(s config.Shape, seed uint64) signal {
	switch {
	case s.Value != nil:
		return func(instant) float64 { return *s.Value }
	case s.Ramp != nil:
		return ramp(s)
	case s.Sine != nil:
		return func(at instant) float64 { return swing(*s.Sine, math.Sin(turn(at.since, s.Period))) }
	case s.Day != nil:
		peak := 14 * time.Hour
		if s.Peak != nil {
			peak = time.Duration(*s.Peak)
		}
		return func(at instant) float64 { return swing(*s.Day, math.Cos(turn(at.clock-peak, day))) }
	case s.Steps.Numbers != nil:
		return course(s.Steps, false)
	case s.Points.Numbers != nil:
		return course(s.Points, true)
	case s.Series != nil:
		return recorded(s)
	case s.Integral != nil:
		return integral(compile(*s.Integral, seed), s.Per)
	}
	return func(instant) float64 { return 0 }
}

func turn(t, period time.Duration) float64 { return 2 * math.Pi * float64(t%period) / float64(period) }

// swing puts a number between -1 and 1 into a range.
func swing(r config.Range, x float64) float64 { return r.Min + (r.Max-r.Min)*(1+x)/2 }

func ramp(s config.Shape) signal {
	return func(at instant) float64 {
		t := at.since
		if s.Repeat {
			t %= s.Over
		}
		part := min(float64(t)/float64(s.Over), 1)
		return s.Ramp.From + (s.Ramp.To-s.Ramp.From)*part
	}
}

// course is numbers at moments. What comes before the first of a day is the last of the day before.
func course(c config.Course, smooth bool) signal {
	all := c.Numbers
	return func(at instant) float64 {
		if !c.Daily {
			return between(all, at.since, smooth)
		}
		around := append([]config.Sample{{At: all[len(all)-1].At - day, Value: all[len(all)-1].Value}}, all...)
		around = append(around, config.Sample{At: all[0].At + day, Value: all[0].Value})
		return between(around, at.ofDay(), smooth)
	}
}

// between is the number of a moment: the last one given, or one on the line to the next.
func between(all []config.Sample, t time.Duration, smooth bool) float64 {
	i := sort.Search(len(all), func(i int) bool { return all[i].At > t }) // the next one
	switch {
	case i == 0:
		return all[0].Value
	case i == len(all) || !smooth:
		return all[i-1].Value
	}
	a, b := all[i-1], all[i]
	return a.Value + (b.Value-a.Value)*float64(t-a.At)/float64(b.At-a.At)
}

// recorded plays a series. One that repeats begins again as long after its last number as that is after the one before.
func recorded(s config.Shape) signal {
	all := s.Series
	last := len(all) - 1
	length := all[last].At
	if last > 0 {
		length += all[last].At - all[last-1].At
	}
	return func(at instant) float64 {
		t := at.since
		if s.Repeat && length > 0 {
			t %= length
		}
		return between(all, t, s.Smooth)
	}
}

// fineness of an integral.
const (
	finest = 10 * time.Second // of the scenario
	most   = 10_000           // steps in one go
)

// integral adds a signal up over time. What was is kept: a moment that is asked for again, or late, has the sum of the last one.
func integral(f signal, per time.Duration) signal {
	var mu sync.Mutex
	var sum, value float64
	var from instant
	begun := false
	return func(at instant) float64 {
		mu.Lock()
		defer mu.Unlock()
		if !begun {
			begun, from, value = true, instant{clock: at.clock - at.since}, 0
			value = f(from)
		}
		took := at.since - from.since
		if took <= 0 {
			return sum
		}
		steps := min(took/finest+1, most)
		for i := range steps {
			next := from
			next.since = at.since - took*(steps-1-i)/steps
			next.clock, next.tick = from.clock+next.since-from.since, at.tick
			v := f(next)
			sum += (value + v) / 2 * float64(next.since-from.since) / float64(per)
			value, from = v, next
		}
		return sum
	}
}

func noisy(f signal, deviation float64, seed uint64) signal {
	return func(at instant) float64 {
		return f(at) + deviation*rand.New(rand.NewPCG(seed, at.tick)).NormFloat64()
	}
}
