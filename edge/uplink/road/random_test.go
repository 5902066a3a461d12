package road_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"skerry/edge/uplink/road"
)

// TestRandom plays whatever may happen, and demands that there is one session at a time, that a step fits what was done before, that
// the machine comes to rest after each event, and that it does not sleep while a link could be dialled.
func TestRandom(t *testing.T) {
	for seed := range uint64(200) {
		w := &world{t: t, rand: rand.New(rand.NewPCG(seed, 1)), now: time.Unix(1_800_000_000, 0)}
		w.play()
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

type world struct {
	t    *testing.T
	rand *rand.Rand
	road *road.Road
	now  time.Time
	at   [3]place
}

// place is what was done with a link.
type place uint8

const (
	nowhere place = iota
	dialling
	dialled
	session
	ending
)

func (w *world) play() {
	links := make([]road.Link, 3)
	for i := range links {
		links[i] = road.Link{Name: string(rune('a' + i)), Servers: 1 + w.rand.IntN(3), RetryMin: time.Second, RetryMax: time.Minute,
			HeadStart: 5 * time.Second, AttemptBytes: 1000, BudgetBytes: []int64{0, 50_000}[w.rand.IntN(2)]}
	}
	w.road = road.New(links, w.now)
	for range 500 {
		w.event(w.rand.IntN(3))
		w.steps()
		w.now = w.now.Add(time.Duration(w.rand.ExpFloat64() * float64(20*time.Second)))
	}
	w.rest()
}

func (w *world) event(i int) {
	bad := road.Fault(1 + w.rand.IntN(3))
	switch w.rand.IntN(9) {
	case 0:
		w.road.Physical(w.now, i, road.State(w.rand.IntN(4)))
	case 1, 2:
		w.road.Physical(w.now, i, road.Addressed)
	case 3:
		w.road.Want(w.now, i, w.rand.IntN(4) > 0)
	case 4:
		w.road.Hurry(w.now, i)
		w.road.Moved(w.now, i, w.rand.IntN(2) == 0)
	case 5:
		w.road.Degraded(w.now, i, w.rand.IntN(2) == 0)
	}
	switch {
	case w.at[i] == dialling && w.rand.IntN(2) == 0:
		w.at[i] = dialled
		w.road.Dialled(w.now, i)
	case w.at[i] == dialling:
		w.at[i] = nowhere
		w.road.Failed(w.now, i, bad, "failed", 400)
	case w.at[i] == session && w.rand.IntN(2) == 0:
		w.road.Connected(w.now, i)
	case w.at[i] == session:
		w.at[i] = nowhere
		w.road.Ended(w.now, i, bad, "ended", 1000)
	case w.at[i] == ending:
		w.at[i] = nowhere
		w.road.Ended(w.now, i, road.None, "", 0)
	}
}

// allowed are the places from which each step may come, and where it leads.
var allowed = map[road.Do]struct {
	from [2]place
	to   place
}{
	road.Dial: {[2]place{nowhere, nowhere}, dialling}, road.Take: {[2]place{dialled, dialled}, session}, road.Drop: {[2]place{dialling, dialled}, nowhere},
	road.HandOver: {[2]place{session, session}, ending}, road.Leave: {[2]place{session, session}, ending}, road.Cut: {[2]place{session, session}, ending},
}

func (w *world) steps() {
	for range 20 {
		s := w.road.Next(w.now)
		if s.Do == road.Wait {
			if !s.At.IsZero() && !s.At.After(w.now) {
				w.t.Errorf("waits until %v, and it is %v", s.At, w.now)
			}
			return
		}
		rule := allowed[s.Do]
		if at := w.at[s.Link]; at != rule.from[0] && at != rule.from[1] {
			w.t.Errorf("step %d on a link that is at %d", s.Do, at)
		}
		w.at[s.Link] = rule.to
		sessions := 0
		for _, at := range w.at {
			if at == session || at == ending {
				sessions++
			}
		}
		if sessions > 1 {
			w.t.Error("two sessions")
		}
	}
	w.t.Error("no end of steps")
}

// rest: when all links are there and nothing fails any more, the best one has the session after a while.
func (w *world) rest() {
	for i := range w.at {
		w.road.Physical(w.now, i, road.Addressed)
		w.road.Want(w.now, i, true)
		w.road.Degraded(w.now, i, false)
	}
	for end := w.now.Add(3 * time.Hour); w.now.Before(end); w.now = w.now.Add(5 * time.Second) {
		w.steps()
		for i := range w.at {
			switch w.at[i] {
			case dialling:
				w.at[i] = dialled
				w.road.Dialled(w.now, i)
			case session:
				if s := w.road.Status()[i].State; s != road.Online {
					w.road.Connected(w.now, i)
				}
			case ending:
				w.at[i] = nowhere
				w.road.Ended(w.now, i, road.None, "", 0)
			}
		}
	}
	if s := w.road.Status()[0]; s.State != road.Online || !s.InUse {
		w.t.Errorf("%+v", s)
	}
}
