package queue

import "slices"

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

// cutBelow removes all ordinals below o.
func (s *spans) cutBelow(o uint64) {
	for len(*s) > 0 && (*s)[0].to <= o {
		*s = (*s)[1:]
	}
	if len(*s) > 0 && (*s)[0].from < o {
		(*s)[0].from = o
	}
}
