package cost

import (
	"maps"
	"slices"
	"strings"
	"time"

	"skerry/broker"
	"skerry/broker/filter"
	"skerry/broker/topic"
	"skerry/edge/change"
	"skerry/edge/config"
	"skerry/edge/reduce"
)

// flow is the messages of one topic in a lane.
type flow struct {
	origin  string // sensor air, alarm frost
	topic   string // local
	qos     byte
	retain  bool
	props   int               // bytes of its properties
	n       [2]float64        // messages a day, by mode
	bytes   [2]float64        // of payloads a day
	samples []*broker.Message // a few, spread over the day
}

// payload is the mean of its bytes.
func (f *flow) payload(m mode) float64 {
	if f.n[m] == 0 {
		return 0
	}
	return f.bytes[m] / f.n[m]
}

// sampled is how many messages of a flow are kept.
const sampled = 8

// lane is a stream on one uplink.
type lane struct {
	stream config.Stream
	pair   string // the live stream that takes the messages while all is well; "": there is none
	ours   bool   // nobody else publishes what it matches
	flows  []*flow
	ticks  map[string]*[2]float64 // by origin: how often a day something leaves

	known    map[string]*flow
	passes   map[string]bool  // topics, by the filters
	sensors  map[string]bool  // of the station, by name
	reads    map[string]bool  // of these, those of which it carries something
	together map[string]int   // how many sensors are read at the moments at which one is; none: it alone
	news     *change.Detector // of on_change; nil: everything is
}

func newLane(s config.Stream) *lane {
	return &lane{stream: s, ticks: map[string]*[2]float64{}, known: map[string]*flow{}, passes: map[string]bool{}, sensors: map[string]bool{}, reads: map[string]bool{}, news: detector(s)}
}

func detector(s config.Stream) *change.Detector {
	if !s.OnChange.On {
		return nil
	}
	return change.NewDetector(change.Options{Ignore: s.OnChange.Ignore, Deadband: s.OnChange.Deadband})
}

// matches tells whether the filters let a topic in.
func (l *lane) matches(name string) bool {
	in, known := l.passes[name]
	if !known {
		in = slices.ContainsFunc(l.stream.Match, func(f string) bool { return topic.Match(f, name) })
		l.passes[name] = in
	}
	return in
}

// takes tells whether a message enters the stream. At worst the content of none keeps it out.
func (l *lane) takes(m mode, msg *broker.Message, news *change.Detector) bool {
	if !l.matches(msg.TopicName) {
		return false
	}
	if m == worst || l.stream.When.Expression == nil && news == nil {
		return true
	}
	var s filter.Subject
	s.Set(msg.TopicName, msg.Payload, msg.Properties, msg.QoS, msg.Retain, 0)
	return (l.stream.When.Expression == nil || l.stream.When.Expression.Holds(&s)) && (news == nil || news.Holds(&s))
}

// tick counts what is published at one moment, which stands for weight of them in a day.
func (l *lane) tick(m mode, origin string, weight float64, messages []*broker.Message) {
	any := false
	for _, msg := range messages {
		if !l.takes(m, msg, l.news) {
			continue
		}
		any = true
		f := l.known[msg.TopicName]
		if f == nil {
			f = &flow{origin: origin, topic: msg.TopicName, qos: msg.QoS, retain: msg.Retain, props: len(msg.Properties)}
			l.known[msg.TopicName], l.flows = f, append(l.flows, f)
		}
		f.n[m] += weight
		f.bytes[m] += weight * float64(len(msg.Payload))
		if len(f.samples) < sampled {
			f.samples = append(f.samples, msg)
		}
	}
	if any {
		l.ticksOf(origin)[m] += weight
	}
}

// origins are those of its ticks, in an order that is always the same: so are sums then.
func (l *lane) origins() []string { return slices.Sorted(maps.Keys(l.ticks)) }

func (l *lane) ticksOf(origin string) *[2]float64 {
	t := l.ticks[origin]
	if t == nil {
		t = new([2]float64)
		l.ticks[origin] = t
	}
	return t
}

// beat raises a flow to what heartbeats make of it, its own and that of on_change, which the play of a few stretches does not see.
func (l *lane) beat(name string, heartbeats float64) {
	f := l.known[name]
	if f == nil {
		return
	}
	if h := l.stream.OnChange.Heartbeat; h > 0 && l.stream.OnChange.On {
		heartbeats = max(heartbeats, float64(day)/float64(h))
	} else if l.stream.OnChange.On {
		heartbeats = 0 // the same number with another time is no news
	}
	more := min(heartbeats, f.n[worst]) - f.n[typical]
	if more <= 0 {
		return
	}
	if f.n[typical] == 0 {
		f.bytes[typical] = f.payload(worst) * more
	} else {
		f.bytes[typical] += f.payload(typical) * more
	}
	f.n[typical] += more
	l.ticksOf(f.origin)[typical] += more
}

const windows = "windows" // the origin of what reduce makes

// reduce puts what comes of windows in the place of what goes in: all topics leave together at the end of each.
func (l *lane) reduce() {
	r := l.stream.Reduce
	if r == nil {
		return
	}
	perDay := float64(day) / float64(r.Window)
	clear(l.ticks)
	ticks := l.ticksOf(windows)
	for _, f := range l.flows {
		f.samples = l.results(f)
		size := 0
		for _, s := range f.samples {
			size += len(s.Payload)
		}
		f.origin = windows
		for _, m := range []mode{typical, worst} {
			f.n[m] = min(f.n[m], perDay)
			f.bytes[m] = f.n[m] * float64(size) / float64(max(len(f.samples), 1))
			ticks[m] = max(ticks[m], f.n[m])
		}
	}
}

// results are what comes out of some windows of a flow. Each has as many readings as it will have, up to 100: more change no more than a digit of their count.
func (l *lane) results(f *flow) []*broker.Message {
	window, to := l.stream.Reduce.Window, words(l.stream.Reduce.To)
	per := int(min(max(f.n[worst]*float64(window)/float64(day), 1), 100))
	var all []*broker.Message
	for i := range f.samples {
		in := make([]*broker.Message, per)
		for k := range in {
			in[k] = f.samples[(i+k)%len(f.samples)]
		}
		out := *f.samples[i]
		out.Payload = reduce.Example(in, midnight.Add(time.Duration(i)*window), window/time.Duration(per), to)
		all = append(all, &out)
	}
	return all
}

func words(to []config.Reduction) []string {
	all := make([]string, len(to))
	for i, t := range to {
		all[i] = string(t)
	}
	return all
}

// of is how many messages a day come from one origin.
func (l *lane) of(origin string, m mode) (n float64) {
	for _, f := range l.flows {
		if f.origin == origin {
			n += f.n[m]
		}
	}
	return n
}

// messages is how many of them a day are in the lane.
func (l *lane) messages(m mode) (n float64) {
	for _, f := range l.flows {
		n += f.n[m]
	}
	return n
}

// open tells whether clients beside the station may publish what a filter matches: whether it reaches beyond the topics below base, SITE/GATEWAY/, and
// beyond the topics that are the station's own in another place.
func open(match []string, base string, own map[string]bool) bool {
	return slices.ContainsFunc(match, func(f string) bool { return !strings.HasPrefix(f, base) && !own[f] })
}
