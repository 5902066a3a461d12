package main

import (
	"math/rand/v2"
	"slices"
	"time"
)

// kind is a kind of event.
type kind int

const (
	cut     kind = iota // the connection is reset
	hole                // what is sent is swallowed for a while, then the connection is reset
	kill                // SIGKILL of the gateway
	restart             // the server stops and starts
	loss                // the server stops, and starts without its sessions
	ground              // SIGKILL of the ground end
	kinds
)

func (k kind) String() string {
	return [...]string{"cut", "hole", "kill", "restart", "lost sessions", "kill of the ground end"}[k]
}

// event is one trouble, due when so many readings have arrived.
type event struct {
	kind kind
	at   int
	long time.Duration // of a hole
}

// plan spreads the events over the run; the same seed gives the same plan.
func plan(s *settings) []event {
	chance := rand.New(rand.NewPCG(s.seed, 7))
	var all []event
	add := func(k kind, n int) {
		for range n {
			at := s.readings/50 + chance.IntN(max(1, s.readings*93/100))
			all = append(all, event{kind: k, at: at, long: time.Duration(200+chance.IntN(2800)) * time.Millisecond})
		}
	}
	holes := s.cuts / 5
	add(cut, s.cuts-holes)
	add(hole, holes)
	add(kill, s.kills)
	add(restart, s.restarts)
	add(loss, s.lost)
	if s.pack {
		add(ground, s.grounds)
	}
	slices.SortStableFunc(all, func(a, b event) int { return a.at - b.at })
	return all
}
