package cost

import (
	"cmp"
	"slices"
	"time"

	"skerry/broker/packet"
	"skerry/edge/config"
	"skerry/edge/uplink/profile"
)

// usualAliases is how many topic aliases a server of MQTT 5 is taken to grant: mosquitto's default, and AWS IoT's.
func usualAliases(p string) int {
	if p == "aws-iot" {
		return 8
	}
	return 10
}

// road is one link of an uplink while it is reckoned.
type road struct {
	link    config.Link
	uplink  config.Uplink
	profile *profile.Profile
	conn    connection
	meter   meter
	lanes   []*lane
	site    string
	gateway string
	aliased map[string]bool
	stays   bool                 // it cannot be on demand: something waits for messages from upstream
	traces  [2]traced            // of the sensors whose readings it carries
	parts   [2]map[*lane][]dated // of them, what is known already
	blocks  map[cutting]blocks   // likewise: to make them takes long
	commit  time.Duration        // how long own readings wait to be written
}

// traced is a trace of some sensors.
type traced struct {
	events []event
	long   time.Duration
}

// figures are what a link costs in one mode, in a day.
type figures struct {
	session  config.Session // always or on-demand; "": by a schedule
	connects float64
	pings    float64
	linking  float64 // bytes for connections
	pinging  float64 // bytes for pings
	rounded  float64 // bytes that the provider bills beyond those that pass
	minutes  float64 // of connection
	lanes    []laneFigures
}

// laneFigures are those of a lane. Its packets are of PUBLISH.
type laneFigures struct {
	messages, packets, bytes float64
	primers, priming         float64 // of packets and bytes, those of primers
	alone, again             float64 // bytes of what leaves by itself, with its topic and with an alias for that; 0: nothing does
	block, beside            float64 // bytes of one, in its mean; the part of them that leaves with something else
	billed, kept             float64 // messages as the server bills them; of these, a second time for RETAIN
}

func (f *figures) data() (bytes float64) {
	for _, l := range f.lanes {
		bytes += l.bytes
	}
	return bytes
}

func (f *figures) total() float64 { return f.data() + f.linking + f.pinging + f.rounded }

// choose gives the topics that save the most their aliases.
func (r *road) choose() {
	r.aliased = map[string]bool{}
	if r.conn.wire.version != packet.V5 {
		return
	}
	var all []*flow
	for _, l := range r.lanes {
		if l.stream.Encode == config.EncodePass {
			all = append(all, l.flows...)
		}
	}
	slices.SortStableFunc(all, func(a, b *flow) int {
		return cmp.Compare(b.n[typical]*float64(len(b.topic)), a.n[typical]*float64(len(a.topic)))
	})
	for _, f := range all[:min(len(all), usualAliases(r.uplink.Profile))] {
		r.aliased[f.topic] = f.n[typical] >= 24 // seen again before the connection is another one
	}
}

// outcome is what the link costs in both.
func (r *road) outcome() outcome { return outcome{r.reckon(typical), r.reckon(worst)} }

// reckon is what the link costs in one mode.
func (r *road) reckon(m mode) figures {
	switch {
	case r.link.Schedule != nil:
		return r.visiting(m, r.scheduled(m))
	case r.link.OnDemand():
		return r.visiting(m, r.demanded(m))
	}
	stay := r.standing(m)
	if !r.link.Chooses() || r.stays || r.volatile() {
		return stay
	}
	if demand := r.visiting(m, r.demanded(m)); demand.total()*1.5 < stay.total() {
		return demand
	}
	return stay
}

// volatile tells whether something has QoS 0, and would be lost without a connection.
func (r *road) volatile() bool {
	return slices.ContainsFunc(r.lanes, func(l *lane) bool { return slices.ContainsFunc(l.flows, func(f *flow) bool { return f.qos == 0 }) })
}

// standing is a connection that is always there.
func (r *road) standing(m mode) (f figures) {
	f.session = config.Always
	var leaves, heard []time.Duration // when something does; when the server answers it
	long := r.traces[m].long
	f.lanes = make([]laneFigures, len(r.lanes))
	for i, l := range r.lanes {
		if l.stream.Encode == config.EncodePass {
			f.lanes[i] = r.single(l, m)
			leaves = append(leaves, moments(r.trace(l, m), long)...)
			heard = append(heard, moments(r.answered(l, m), long)...)
		}
	}
	slices.Sort(leaves)
	for i, l := range r.lanes {
		if l.stream.Encode != config.EncodePass {
			all := r.cut(l, m, r.batching(l), leaves)
			f.lanes[i] = r.batched(l, m, all)
			heard = append(heard, slices.DeleteFunc(slices.Clone(all.left), func(at time.Duration) bool { return at > long })...)
		}
	}
	slices.Sort(heard)
	f.connects = *reconnects.in(m)
	f.linking = r.conn.cost(f.connects, m)
	f.pings = r.silences(heard, m)
	f.pinging = f.pings * r.conn.wire.pinged()
	f.minutes = day.Minutes()
	f.bill(r.link.Billed(), time.Duration(float64(day)/f.connects))
	return f
}

// bill adds what the provider bills beyond what passes, for sessions that last so long each.
func (f *figures) bill(unit config.Unit, lasts time.Duration) {
	if f.connects > 0 {
		passes := f.total() / f.connects
		f.rounded = f.connects * max(float64(unit.Billed(int64(passes), lasts))-passes, 0)
	}
}

// trace is the part of the road's that a lane carries.
func (r *road) trace(l *lane, m mode) []dated {
	if r.parts[m] == nil {
		r.parts[m] = map[*lane][]dated{}
	}
	part, known := r.parts[m][l]
	if !known {
		part = l.trace(m, r.traces[m])
		r.parts[m][l] = part
	}
	return part
}

// answered is what of a trace the server acknowledges: of QoS 0 it says nothing, and is asked whether it is there.
func (r *road) answered(l *lane, m mode) []dated {
	return slices.DeleteFunc(slices.Clone(r.trace(l, m)), func(d dated) bool { return r.qos(d.message.QoS) == 0 })
}

// silences is how many pings a day there are between the moments at which something is sent and acknowledged.
func (r *road) silences(heard []time.Duration, m mode) (n float64) {
	alive, long := r.keepAlive(m), r.traces[m].long
	last := time.Duration(0)
	for _, at := range append(heard, long) {
		n += pings(at-last, alive)
		last = max(last, at)
	}
	return n * float64(day) / float64(long)
}

// pings is how many a silence has. One that is due just when the silence ends is sent half of the time.
func pings(gap, alive time.Duration) float64 {
	const just = time.Second
	n := float64(gap / alive)
	switch over := gap % alive; {
	case n > 0 && over < just:
		n -= 0.5
	case over > 0 && alive-over < just:
		n += 0.5
	}
	return n
}

// keepAlive is the silence after which the server is asked: where it is learned, the longest typically.
func (r *road) keepAlive(m mode) time.Duration {
	d := r.link.KeepAlive.Max
	if m == worst {
		d = r.link.KeepAlive.Min
	}
	return max(r.profile.Clamp(d), time.Second)
}

// upstream is the length of a topic at the server.
func (r *road) upstream(f *flow) float64 {
	return float64(len(r.profile.Names(r.uplink.ClientID).Outward(r.uplink.Prefix+f.topic, nil)))
}

// publish is the size of a PUBLISH of a flow.
func (r *road) publish(f *flow, m mode) float64 {
	return r.conn.wire.publish(r.upstream(f), f.payload(m), float64(f.props), r.qos(f.qos), m == typical && r.aliased[f.topic])
}

func (r *road) qos(q byte) byte { return min(q, byte(r.profile.MaximumQoS)) }

// single is a lane whose messages leave one by one: those of one tick in one write.
func (r *road) single(l *lane, m mode) (out laneFigures) {
	for _, origin := range l.origins() {
		t := l.ticks[origin]
		if t[m] == 0 {
			continue
		}
		ticks, n, bytes, qos, topic, payload := t[m], 0.0, 0.0, byte(0), 0.0, 0.0
		for _, f := range l.flows {
			if f.origin == origin && f.n[m] > 0 {
				n += f.n[m]
				bytes += f.n[m] * r.publish(f, m)
				topic, payload = topic+f.n[m]*r.upstream(f), payload+f.bytes[m]
				qos = max(qos, r.qos(f.qos))
				out.each(r, f, m)
			}
		}
		out.single(r, topic/max(n, 1e-9), payload/max(n, 1e-9), qos)
		if qos == 2 {
			ticks *= r.committed(l, m)
		}
		out.messages += n
		out.bytes += ticks * r.conn.wire.exchange(bytes/ticks, n/ticks, qos, r.beside(origin, m))
	}
	out.packets = out.messages
	return out
}

// single notes what a message or block costs that leaves by itself: the largest of the lane counts.
func (out *laneFigures) single(r *road, topic, payload float64, qos byte) {
	w := r.conn.wire
	cost := func(aliased bool) float64 {
		return w.exchange(w.publish(topic, payload, 0, qos, aliased), 1, qos, 1)
	}
	out.alone = max(out.alone, cost(false))
	out.again = max(out.again, cost(w.version == packet.V5))
}

// committed is how many times less often QoS 2 leaves than it is published: it does with the commit that makes it durable.
func (r *road) committed(l *lane, m mode) float64 {
	commits, last := 0.0, time.Duration(-day)
	for _, d := range r.trace(l, m) {
		if d.at-last > r.commit {
			commits, last = commits+1, d.at
		}
	}
	var ticks float64
	for _, origin := range l.origins() {
		ticks += l.ticks[origin][m]
	}
	if commits == 0 || ticks == 0 {
		return 1
	}
	return min(commits*float64(day)/float64(r.traces[m].long)/ticks, 1)
}

// beside is how many sensors are read at the moments at which one is: those with one schedule are, within milliseconds.
func (r *road) beside(origin string, m mode) float64 {
	if m == worst {
		return 1
	}
	for _, l := range r.lanes {
		if k := float64(l.together[origin]); k > 1 {
			return k
		}
	}
	return 1
}

// batched is a lane whose messages leave in blocks like those of its trace.
func (r *road) batched(l *lane, m mode, all blocks) (out laneFigures) {
	out.messages = l.messages(m)
	if out.messages == 0 {
		return out
	}
	if all.count == 0 { // they are too seldom to be in a trace
		all = r.alone(l)
	}
	qos := byte(0)
	for _, f := range l.flows {
		qos = max(qos, min(f.qos, 1))
	}
	n, bytes := all.each()
	out.block = bytes
	out.packets = out.messages / n
	topic := float64(len(r.batching(l).topic))
	publish := r.conn.wire.publish(topic, bytes, 0, qos, m == typical && r.conn.wire.version == packet.V5 && out.packets >= 24)
	beside := all.beside / all.count // in the same write, and so with one acknowledgement
	out.beside = beside
	w := r.conn.wire
	answer := 0.0
	if qos > 0 { // it waits for the one before it, and is acknowledged by itself
		answer = puback + float64(w.tls) + 2*w.header()
	}
	out.bytes = out.packets * ((1-beside)*w.exchange(publish, 1, qos, 1) + beside*(publish+answer))
	out.single(r, topic, bytes, qos)
	out.bill(r, out.packets, topic+bytes, false)
	r.primed(&out, m, all, topic)
	return out
}

// primed adds the primers of a lane whose blocks have a topic of so many bytes.
func (r *road) primed(out *laneFigures, m mode, all blocks, topic float64) {
	if all.primer == 0 {
		return
	}
	beside, size := out.packets*all.primers/all.count, all.primer
	if all.primers > 0 {
		size = all.priming / all.primers
	}
	name := topic + float64(len(primerLevel))
	out.primers = beside + *anew.in(m)
	out.priming = out.primers * r.conn.wire.exchange(r.conn.wire.publish(name, size, 0, 1, false), 1, 1, 1)
	out.packets, out.bytes = out.packets+out.primers, out.bytes+out.priming
	out.bill(r, out.primers, name+size, true)
}

// turns is how often the messages of a lane that primes are played, so that primers that pay late are seen.
const turns = 12

// alone are blocks of one message each.
func (r *road) alone(l *lane) (all blocks) {
	b := r.batching(l)
	p := b.prime()
	for turn := range turns {
		for _, f := range l.flows {
			for _, s := range f.samples {
				some := []dated{{time.Duration(turn) * time.Hour, s}}
				_, size := b.encoded(b.coder(), some, p)
				all.add(1, size, p.sent(b.stream, some, size))
			}
		}
		if p == nil {
			break
		}
	}
	if all.count == 0 {
		return blocks{count: 1, messages: 1}
	}
	all.primer = p.latest()
	return all
}

// cutting is what the blocks of a lane hang on, on one road.
type cutting struct {
	lane   *lane
	mode   mode
	linger time.Duration
	beside int // how many moments there are at which something else leaves
}

// cut makes the blocks of a lane, or knows them.
func (r *road) cut(l *lane, m mode, b batching, others []time.Duration) blocks {
	key := cutting{l, m, b.linger, len(others)}
	all, known := r.blocks[key]
	if !known {
		all = b.cut(r.trace(l, m), others)
		if r.blocks == nil {
			r.blocks = map[cutting]blocks{}
		}
		r.blocks[key] = all
	}
	return all
}
