package cost

import (
	"math"
	"slices"
	"time"

	"skerry/edge/config"
	"skerry/edge/uplink/kind"
)

// visits are the sessions of a link that does not always stand.
type visits struct {
	session config.Session
	perDay  float64
	lasts   time.Duration // each
}

const (
	silence = 5 * time.Second // after so long a session ends
	setUp   = 2 * time.Second // and as long it takes to begin
)

// scheduled are those of a schedule, and those that alarms break it for.
func (r *road) scheduled(m mode) visits {
	t := r.link.Schedule
	v := visits{perDay: float64(day) / float64(t.Every), lasts: max(t.Stay, silence) + setUp}
	for _, l := range r.lanes {
		if slices.Contains(t.AtOnce, l.stream.Class) {
			for _, origin := range l.origins() {
				v.perDay += l.ticks[origin][m]
			}
		}
	}
	return v
}

// demanded are those that open when something waits, by the rules of package schedule.
func (r *road) demanded(m mode) visits {
	linger := r.pool()
	var wake []time.Duration
	urgent := map[time.Duration]bool{}
	for _, l := range r.lanes {
		for _, at := range moments(r.trace(l, m), r.traces[m].long) {
			wake = append(wake, at)
			urgent[at] = urgent[at] || l.stream.Class == config.AlarmClass
		}
	}
	slices.Sort(wake)
	n, stood := 0.0, time.Duration(0)
	for i := 0; i < len(wake); n++ {
		opens := wake[i] + linger
		if urgent[wake[i]] {
			opens = wake[i]
		}
		closes := opens + setUp + silence
		for i < len(wake) && wake[i] <= closes {
			closes = max(closes, wake[i]+silence)
			i++
		}
		stood += closes - opens
	}
	v := visits{session: config.OnDemand, lasts: silence + setUp}
	if n > 0 {
		v.lasts = time.Duration(float64(stood) / n)
	}
	v.perDay = n * float64(day) / float64(r.traces[m].long)
	for _, l := range r.lanes {
		for _, origin := range l.origins() { // what is no part of a trace
			if !l.traced(origin) {
				v.perDay += l.ticks[origin][m]
			}
		}
	}
	return v
}

// pool is how long what waits has for others before a session on demand: see uplink's way.pools.
func (r *road) pool() time.Duration {
	usual, least := kind.Of(r.link.Kind).Linger, time.Duration(math.MaxInt64)
	for _, l := range r.lanes {
		switch s := l.stream; {
		case s.Class == config.AlarmClass:
		case s.Encode == config.EncodePass || s.Linger == nil:
			return usual
		default:
			least = min(least, *s.Linger)
		}
	}
	if least == math.MaxInt64 {
		return usual
	}
	return max(usual, least)
}

// visiting is what sessions cost: what has gathered leaves together at the beginning of each.
func (r *road) visiting(m mode, v visits) (f figures) {
	f.session = v.session
	for _, l := range r.lanes {
		f.lanes = append(f.lanes, r.gathered(l, m, v.perDay))
	}
	f.connects = v.perDay
	f.linking = r.conn.cost(f.connects, m)
	f.minutes = min(v.perDay*math.Ceil(v.lasts.Minutes()), day.Minutes())
	f.bill(r.link.Billed(), v.lasts)
	return f
}

// gathered is a lane whose messages leave at the beginning of sessions.
func (r *road) gathered(l *lane, m mode, perDay float64) (out laneFigures) {
	out.messages = l.messages(m)
	if out.messages == 0 {
		return out
	}
	at := max(min(perDay, out.messages), 1e-9) // times a day
	if l.stream.Encode != config.EncodePass {
		b := r.batching(l)
		b.linger = time.Duration(float64(day) / at)
		return r.batched(l, m, r.cut(l, m, b, nil))
	}
	bytes, qos := 0.0, byte(0)
	for _, f := range l.flows {
		bytes += f.n[m] * r.publish(f, m)
		qos = max(qos, r.qos(f.qos))
		out.each(r, f, m)
	}
	out.bytes = at * r.conn.wire.exchange(bytes/at, out.messages/at, qos, 1)
	out.packets = out.messages
	return out
}
