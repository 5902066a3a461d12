package main

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
)

// sensor is one of the twenty of the synthetic site.
type sensor struct {
	topic, unit string
	value, step float64 // the value walks by about step
	decimals    int
	quality     string
}

// readings makes the messages of a site, one after the other.
type readings struct {
	hard    bool
	chance  *rand.Rand
	sensors []sensor
	at      int64 // ms
	made    int
}

// firstNumber is the number of the first reading; it has as many digits as those that follow.
const firstNumber = 100_001

func newReadings(seed uint64, hard bool) *readings {
	r := &readings{hard: hard, chance: rand.New(rand.NewPCG(seed, 99)), at: 1_764_380_400_007}
	kinds := []sensor{
		{"temperature", "degC", 20.7, 0.05, 2, "good"}, {"humidity", "%", 61.4, 0.3, 1, "good"}, {"pressure", "hPa", 1013.2, 0.1, 1, "good"},
		{"soil/moisture", "%", 33.8, 0.1, 1, "good"}, {"co2", "ppm", 642, 4, 0, "good"},
	}
	for house := range 4 {
		for _, k := range kinds {
			k.topic = fmt.Sprintf("farm/north/gh%02d/%s", house+1, k.topic)
			r.sensors = append(r.sensors, k)
		}
	}
	return r
}

// next gives topic and payload of the next reading, with its number from firstNumber on.
func (r *readings) next() (topic string, payload []byte) {
	s := &r.sensors[r.made%len(r.sensors)]
	decimals, step := s.decimals, int64(500) // 20 sensors, each every 10 s
	if r.hard {
		s = &r.sensors[r.chance.IntN(len(r.sensors))]
		decimals, step = 4, int64(r.chance.ExpFloat64()*500)
		if r.chance.Float64() < 0.01 {
			s.quality = []string{"good", "uncertain", "bad"}[r.chance.IntN(3)]
		}
	}
	r.at += step
	s.value += r.chance.NormFloat64() * s.step
	payload = fmt.Appendf(nil, `{"ts":%d,"v":%s,"u":"%s","q":"%s","n":%d}`, r.at, strconv.FormatFloat(s.value, 'f', decimals, 64), s.unit, s.quality, firstNumber+r.made)
	r.made++
	return s.topic, payload
}

// numberOf finds the number in a payload; -1 if it is none of ours.
func numberOf(payload []byte) int {
	_, tail, ok := bytes.Cut(payload, []byte(`"n":`))
	n, err := strconv.Atoi(string(bytes.TrimSuffix(tail, []byte("}"))))
	if !ok || err != nil || n < firstNumber || n > math.MaxInt32 {
		return -1
	}
	return n - firstNumber
}
