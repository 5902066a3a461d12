package packtest

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"skerry/edge/uplink/pack"
)

// A Set is readings that are made by a rule.
type Set struct {
	Name string
	Make func(n int, seed uint64) []pack.Message
}

// Sets are those of docs/pack.md.
var Sets = []Set{{"regular", Regular}, {"hard", Hard}}

// sensor is one value of one greenhouse.
type sensor struct {
	topic, unit string
	value, step float64 // the value walks by steps
	phase       int64   // when it is read, in milliseconds of the round
	count       int
}

func sensors(r *rand.Rand) []sensor {
	var all []sensor
	for house := 1; house <= 5; house++ {
		for _, q := range []struct {
			name, unit          string
			usual, spread, step float64
		}{
			{"temperature", "degC", 20, 3, .05}, {"humidity", "%RH", 60, 10, .1}, {"co2", "ppm", 450, 60, 1}, {"pressure", "hPa", 1013, 2, .05},
		} {
			all = append(all, sensor{
				topic: fmt.Sprintf("farm/north/gh%02d/%s", house, q.name), unit: q.unit,
				value: q.usual + q.spread*r.NormFloat64(), step: q.step, phase: r.Int64N(40), count: 7000 + r.IntN(100),
			})
		}
	}
	return all
}

const (
	start = 1764380400000 // 2025-11-29T01:40:00Z
	first = 1_000_000     // sequence
)

// Regular is 20 sensors that are read in turn every 10 s, with a few milliseconds of jitter.
func Regular(n int, seed uint64) []pack.Message {
	r := rand.New(rand.NewPCG(seed, 1))
	all := sensors(r)
	out := make([]pack.Message, n)
	for i := range out {
		s := &all[i%len(all)]
		at := start + int64(i/len(all))*10_000 + s.phase + r.Int64N(12)
		s.value += s.step * r.NormFloat64()
		s.count++
		out[i] = pack.Message{
			Topic:    s.topic,
			Payload:  fmt.Appendf(nil, `{"ts":%d,"v":%.2f,"u":"%s","q":"good","n":%d}`, at, s.value, s.unit, s.count),
			Sequence: first + uint64(i), Time: at + 2, QoS: 1,
		}
	}
	return out
}

// Hard is the same sensors in random order, at random times, with four noisy decimals, now and then of another quality.
func Hard(n int, seed uint64) []pack.Message {
	r := rand.New(rand.NewPCG(seed, 2))
	all := sensors(r)
	at := float64(start)
	out := make([]pack.Message, n)
	for i := range out {
		s := &all[r.IntN(len(all))]
		at += r.ExpFloat64() * 500
		s.value += 16 * s.step * r.NormFloat64()
		s.count++
		quality := "good"
		if r.IntN(50) == 0 {
			quality = "suspect"
		}
		out[i] = pack.Message{
			Topic:    s.topic,
			Payload:  fmt.Appendf(nil, `{"ts":%d,"v":%.4f,"u":"%s","q":"%s","n":%d}`, int64(at), s.value, s.unit, quality, 60_000+s.count),
			Sequence: first + uint64(i), Time: int64(at), QoS: 1,
		}
	}
	return out
}

// Own is what a Skerry station publishes by itself: a reading of each of eight values every ten seconds, as documented in docs/values.md.
func Own(n int, seed uint64) []pack.Message {
	r := rand.New(rand.NewPCG(seed, 4))
	values := []struct {
		topic, unit string
		value, step float64
		decimals    int
	}{
		{"lake/wx-042/air/temperature", "°C", 21.5, .04, 2}, {"lake/wx-042/air/humidity", "%", 41.2, .2, 1}, {"lake/wx-042/air/pressure", "hPa", 1013.2, .05, 1},
		{"lake/wx-042/lake/temperature", "°C", 11.06, .03, 2}, {"lake/wx-042/wind/speed", "m/s", 4.2, .6, 1}, {"lake/wx-042/wind/direction", "°", 230, 12, 0},
		{"lake/wx-042/rain/total", "mm", 812.4, .01, 1}, {"lake/wx-042/battery/voltage", "V", 12.61, .01, 2},
	}
	out := make([]pack.Message, n)
	for i := range out {
		v := &values[i%len(values)]
		v.value += v.step * r.NormFloat64()
		at := time.UnixMilli(start + int64(i/len(values))*10_000 + r.Int64N(40)).UTC()
		number := strconv.FormatFloat(v.value, 'f', v.decimals, 64)
		if strings.Contains(number, ".") {
			number = strings.TrimRight(strings.TrimRight(number, "0"), ".")
		}
		out[i] = pack.Message{
			Topic:    strings.Clone(v.topic), // in memory of its own, as one that comes from a queue
			Payload:  fmt.Appendf(nil, `{"value":%s,"unit":"%s","time":"%s"}`, number, v.unit, at.Format("2006-01-02T15:04:05.000Z")),
			Sequence: first + uint64(i), Time: at.UnixMilli() + r.Int64N(3), QoS: 1,
		}
	}
	return out
}
