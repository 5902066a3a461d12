package uplink

import (
	"cmp"
	"slices"

	"skerry/edge/config"
)

// share is how many bytes a turn is long, times the weight.
const share = 1 << 10

// weights are the parts of the link that the classes have when all of them have something to send, in the order in which they have
// their turns. Alarms come before all of it.
var weights = []struct {
	class  string
	weight int
}{{config.StateClass, 3}, {config.LiveClass, 3}, {config.BackfillClass, 1}}

// turns says which lane sends the next message: one of class alarm if it has any, else the others by deficit round robin in bytes, first
// among the classes and then among the lanes of a class, which are all alike. It belongs to the writer.
type turns struct {
	alarms rota
	others rota // of the classes
}

// seat is a lane in a rota, or a class with a rota of its own.
type seat struct {
	lane   *lane
	below  *rota // of a class; nil: of a lane
	above  *seat // the class of a lane
	weight int
	credit int  // bytes that it may send in this turn; below 0, what it has sent too much
	idle   bool // a lane that has nothing to send in this round
}

// rota are seats that take turns.
type rota struct {
	seats []*seat
	at    int // whose turn it is
}

func newTurns(lanes []*lane) *turns {
	t := &turns{}
	for _, a := range lanes {
		if a.class == config.AlarmClass {
			t.alarms.add(&seat{lane: a, weight: 1})
		}
	}
	for _, w := range weights {
		class := &seat{below: &rota{}, weight: w.weight}
		for _, a := range lanes {
			if cmp.Or(a.class, config.LiveClass) == w.class {
				class.below.add(&seat{lane: a, above: class, weight: 1})
			}
		}
		t.others.add(class)
	}
	return t
}

// add gives a seat the last place: the first has the first turn.
func (r *rota) add(s *seat) {
	r.at = len(r.seats)
	r.seats = append(r.seats, s)
}

// ready tells whether a seat may have something to send. An alarm may come in the middle of a round.
func (s *seat) ready() bool {
	if s.below != nil {
		return s.below.ready()
	}
	if s.idle && s.lane.class == config.AlarmClass && s.lane.news.Swap(false) {
		s.idle = false
	}
	return !s.idle
}

func (r *rota) ready() bool { return slices.ContainsFunc(r.seats, (*seat).ready) }

// next is the seat that may send, nil if none has anything. Who has nothing to send saves no credit up, and who has sent too much, because
// a message is not cut, waits until it is made good.
func (r *rota) next() *seat {
	if !r.ready() {
		return nil
	}
	for {
		s := r.seats[r.at]
		if s.ready() && s.credit > 0 {
			return s
		}
		s.credit = min(s.credit, 0)
		r.at = (r.at + 1) % len(r.seats)
		if s = r.seats[r.at]; s.ready() {
			s.credit += s.weight * share
		}
	}
}

// begin begins a round: every lane may have something to send again.
func (t *turns) begin() {
	for _, s := range t.alarms.seats {
		s.idle = false
	}
	for _, class := range t.others.seats {
		for _, s := range class.below.seats {
			s.idle = false
		}
	}
}

// next is the seat of the lane that sends next, nil if none has anything.
func (t *turns) next() *seat {
	if s := t.alarms.next(); s != nil {
		return s
	}
	if class := t.others.next(); class != nil {
		return class.below.next()
	}
	return nil
}

// spent notes what a lane has sent.
func (s *seat) spent(bytes int) {
	s.credit -= bytes
	if s.above != nil {
		s.above.credit -= bytes
	}
}
