package queue

import (
	"math"
	"slices"
)

// spans is a set of ordinals: sorted runs that do not touch.
type spans []span

func (s spans) has(o uint64) bool {
	for _, r := range s {
		if o < r.to {
			return o >= r.from
		}
	}
	return false
}

func (s *spans) add(r span) {
	if r.to <= r.from {
		return
	}
	i := 0
	if n := len(*s); n > 0 && (*s)[n-1].from <= r.from {
		i = n - 1 // the usual case
	}
	for i < len(*s) && (*s)[i].to < r.from {
		i++
	}
	j := i
	for j < len(*s) && (*s)[j].from <= r.to {
		r = span{min(r.from, (*s)[j].from), max(r.to, (*s)[j].to)}
		j++
	}
	*s = slices.Replace(*s, i, j, r)
}

// gaps yields what the set leaves free between two ordinals.
func (s spans) gaps(from, to uint64) (free spans) {
	for _, r := range s {
		if r.from >= to {
			break
		}
		free.add(span{from, r.from})
		from = max(from, r.to)
	}
	free.add(span{from, to})
	return free
}

// gap finds the first ordinal from o on that is not in the set, and where the set goes on after it.
func (s spans) gap(o uint64) (from, to uint64) {
	for _, r := range s {
		if o < r.from {
			return o, r.from
		}
		o = max(o, r.to)
	}
	return o, math.MaxUint64
}

// cutBelow removes all ordinals below o.
func (s *spans) cutBelow(o uint64) {
	for len(*s) > 0 && (*s)[0].to <= o {
		*s = (*s)[1:]
	}
	if len(*s) > 0 && (*s)[0].from < o {
		(*s)[0].from = o
	}
}

// cut takes a run out.
func (s *spans) cut(r span) {
	var rest spans
	for _, o := range *s {
		rest.add(span{o.from, min(o.to, r.from)})
		rest.add(span{max(o.from, r.to), o.to})
	}
	*s = rest
}

// within is what the set has of a run.
func (s spans) within(r span) (part spans) {
	for _, o := range s {
		part.add(span{max(o.from, r.from), min(o.to, r.to)})
	}
	return part
}

// ordinals is how many there are in the set.
func (s spans) ordinals() (n uint64) {
	for _, r := range s {
		n += r.to - r.from
	}
	return n
}

// remove takes one ordinal out.
func (s *spans) remove(o uint64) {
	if n := len(*s); n == 0 || (*s)[n-1].to <= o { // the usual case
		return
	}
	i := slices.IndexFunc(*s, func(r span) bool { return o < r.to })
	r := (*s)[i]
	if o < r.from {
		return
	}
	*s = slices.Replace(*s, i, i+1, slices.DeleteFunc([]span{{r.from, o}, {o + 1, r.to}}, func(r span) bool { return r.from == r.to })...)
}
