package queue

import "slices"

// tally is how many bytes some ordinals weigh together, that are only in the log and not in a mark yet, and when the last of
// them expires.
type tally struct {
	from, to, bytes uint64
	last            Stamp
	longest         longest
}

const (
	tallyBytes  = 16 << 10
	mostTallies = 128
)

// below is the weight below an ordinal, if all weigh the same; the parts add up to the whole.
func (t *tally) below(ordinal uint64) uint64 {
	return uint64(float64(t.bytes) * (float64(ordinal-t.from) / float64(t.to-t.from)))
}

// and takes in the messages that follow.
func (t *tally) and(o tally) {
	t.to, t.bytes = o.to, t.bytes+o.bytes
	t.last, t.longest = youngest(t.last, o.last), t.longest.and(o.longest)
}

// tally counts a message that went to the log alone, of a session that is limited.
func (x *Session) tally(ordinal uint64, m *Message) {
	one := tally{ordinal, ordinal + 1, m.weight(), m.Stamp, longestOf(m.Expiry, m.HasExpiry)}
	if n := len(x.tallies); n > 0 && x.tallies[n-1].to == ordinal && x.tallies[n-1].bytes < tallyBytes && (x.tallies[n-1].longest == 0) == (one.longest == 0) {
		x.tallies[n-1].and(one)
		return
	}
	x.tallies = slices.DeleteFunc(x.tallies, func(t tally) bool { return t.to <= x.want })
	if len(x.tallies) >= mostTallies { // checkpoints are far behind: know less of more
		for i := range mostTallies / 2 {
			x.tallies[2*i].and(x.tallies[2*i+1])
			x.tallies[i] = x.tallies[2*i]
		}
		x.tallies = x.tallies[:mostTallies/2]
	}
	x.tallies = append(x.tallies, one)
}

// bytesOf is the weight of messages that are only in the log.
func (x *Session) bytesOf(g span) (bytes uint64) {
	for i := range x.marks {
		k := &x.marks[i]
		from, to := max(g.from, k.lowest), min(g.to, k.highest+1)
		if from >= to {
			continue
		}
		bytes += k.bytesBelow(to) - k.bytesBelow(from)
		g.from = to
	}
	for _, t := range x.tallies {
		from, to := max(g.from, t.from), min(g.to, t.to)
		if from < to {
			bytes += t.below(to) - t.below(from)
			g.from = to
		}
	}
	return bytes + x.bytesOfRest(g)
}

// bytesBelow is what a mark weighs below an ordinal.
func (k *mark) bytesBelow(ordinal uint64) uint64 {
	t := tally{from: k.lowest, to: k.highest + 1, bytes: k.bytes}
	return t.below(ordinal)
}

// bytesOfRest is the weight of messages beyond all that: their share of what is not accounted for.
func (x *Session) bytesOfRest(g span) uint64 {
	if g.to <= g.from {
		return 0
	}
	rest := x.load
	messages, bytes := x.inMemory()
	rest.sub(load{messages, bytes})
	for i := range x.marks {
		if k := &x.marks[i]; k.highest >= x.want {
			below := max(x.want, k.lowest)
			rest.sub(load{k.highest + 1 - below, k.bytes - k.bytesBelow(below)})
		}
	}
	if n := g.to - g.from; n < rest.messages {
		return uint64(float64(rest.bytes) * (float64(n) / float64(rest.messages)))
	}
	return rest.bytes
}
