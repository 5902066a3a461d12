package cost

import (
	"cmp"
	"slices"
	"time"

	"skerry/broker"
	"skerry/edge/config"
)

// others is the origin of what other clients publish.
const others = "other clients"

// readTogether counts the sensors of a lane that are read at the same moments.
func (l *lane) readTogether(sensors []config.Sensor) {
	l.together = map[string]int{}
	same := map[time.Duration][]string{}
	for _, s := range sensors {
		if s.Align == config.ToClock && l.ticks[s.Name] != nil {
			same[s.Every] = append(same[s.Every], s.Name)
		}
	}
	for _, names := range same {
		for _, name := range names {
			l.together[name] = len(names)
		}
	}
}

// traced tells whether what comes from an origin is part of a trace: readings are, and what happens now and then is not.
func (l *lane) traced(origin string) bool {
	return origin == windows || origin == others || l.sensors[origin]
}

// trace is the part of a station's trace that a lane carries, message by message. Of windows it has those of a day, however long the other is.
func (l *lane) trace(m mode, of traced) []dated {
	all := []dated{}
	if l.stream.Reduce != nil {
		all = l.windows(m)
	} else {
		news := detector(l.stream)
		for _, e := range of.events {
			for _, msg := range e.messages {
				if l.takes(m, msg, news) {
					all = append(all, dated{e.at, msg})
				}
			}
		}
	}
	if l.stream.Expect != nil {
		every, n := l.foreignTicks()
		for i, at := 0, every/2; at < of.long && i < n; i, at = i+1, at+every {
			all = append(all, dated{at, foreignMessage(l.stream, i)})
		}
		slices.SortStableFunc(all, func(a, b dated) int { return cmp.Compare(a.at, b.at) })
	}
	return all
}

// foreignTicks is how often other clients are expected to publish, and how many messages of them a trace has at most.
func (l *lane) foreignTicks() (every time.Duration, n int) {
	e := l.stream.Expect
	return max(time.Duration(float64(time.Second)/float64(e.Messages)), time.Microsecond), min(traceMessages, traceBytes/int(e.Size)+2)
}

// shortened is a trace that ends where one of the lanes knows no more of other clients.
func (t traced) shortened(lanes []*lane) traced {
	for _, l := range lanes {
		if l.stream.Expect != nil {
			every, n := l.foreignTicks()
			if long := every * time.Duration(n); long < t.long && long > 0 {
				t.long = long
			}
		}
	}
	return t
}

// windows is the trace of a stream with reduce.
func (l *lane) windows(m mode) (all []dated) {
	window := l.stream.Reduce.Window
	for i := 1; time.Duration(i)*window <= day && len(all) < traceMessages; i++ {
		for _, f := range l.flows {
			if f.origin != windows || len(f.samples) == 0 {
				continue
			}
			if per := f.n[m] * float64(window) / float64(day); int(per*float64(i)) > int(per*float64(i-1)) {
				all = append(all, dated{time.Duration(i) * window, f.samples[i%len(f.samples)]})
			}
		}
	}
	return all
}

// moments are those of a trace up to a time.
func moments(trace []dated, long time.Duration) (all []time.Duration) {
	for _, d := range trace {
		if d.at <= long {
			all = append(all, d.at)
		}
	}
	return all
}

// expect adds what a stream is told that other clients publish.
func (l *lane) expect() {
	e := l.stream.Expect
	if e == nil {
		return
	}
	n := float64(e.Messages) * day.Seconds()
	f := &flow{origin: others, topic: foreignMessage(l.stream, 0).TopicName, qos: 1}
	for i := range sampled {
		f.samples = append(f.samples, foreignMessage(l.stream, i))
	}
	for _, m := range []mode{typical, worst} {
		f.n[m], f.bytes[m] = n, n*float64(e.Size)
		l.ticksOf(others)[m] = n
	}
	l.flows = append(l.flows, f)
}

// foreignMessage is one that another client might publish: as large as is expected, and with a number in it that changes.
func foreignMessage(s config.Stream, i int) *broker.Message {
	payload := []byte(`{"value":`)
	for n := uint32(i)*2654435761 | 1<<20; len(payload) < 16; n /= 10 {
		payload = append(payload, byte('0'+n%10))
	}
	const rest = `,"unit":"W","device":"a usual one","state":"all is as it should be","battery":100,"signal":-61,"version":"1.0.4"}`
	for len(payload) < int(s.Expect.Size) {
		payload = append(payload, rest...)
	}
	return &broker.Message{TopicName: foreignTopic(s.Match), Payload: payload[:s.Expect.Size], QoS: 1}
}

// foreignTopic is a topic that filters match.
func foreignTopic(match []string) string {
	var name []byte
	for _, r := range []byte(match[0]) {
		switch r {
		case '+':
			name = append(name, "device-1"...)
		case '#':
			name = append(name, "device-1/state"...)
		default:
			name = append(name, r)
		}
	}
	return string(name)
}
