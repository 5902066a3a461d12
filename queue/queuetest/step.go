package queuetest

import "time"

// step does one random thing. It returns false when the power went.
func (w *world) step() bool {
	w.pass(time.Millisecond)
	if w.crowd != nil && w.r.IntN(2) == 0 {
		w.crowd.step()
		return true
	}
	p, s := w.pubs[w.r.IntN(len(w.pubs))], w.subs[w.r.IntN(len(w.subs))]
	if w.Late && s.late() && s.x != nil && s.cleaning == 0 && w.r.IntN(30) == 0 {
		s.lose()
		return true
	}
	switch n := w.r.IntN(200); {
	case n < 50:
		p.send()
	case n < 90:
		p.hear()
	case n < 130:
		s.pull(1 + w.r.IntN(5))
	case n < 170:
		s.answer()
	case n < 190:
		return w.commit() && w.keepUp()
	case n < 194:
		w.facts.change()
	case n < 195:
		w.pass(time.Duration(w.r.IntN(2000)) * time.Millisecond)
	case n < 196:
		p.disconnect()
	case n < 198:
		s.disconnect()
	default:
		w.rare(s)
	}
	return true
}

// rare is what happens to a session once in some boots.
func (w *world) rare(s *subscriber) {
	switch n := w.r.IntN(10); {
	case w.lossy() || s.gone && n > 2:
		s.connect()
	case s.gone:
		s.comeBack()
	case n < 2:
		s.cleanStart()
	case n < 4:
		s.goAway()
	default:
		s.connect()
	}
}

func (w *world) commit() bool {
	if err := w.s.Commit(); err != nil {
		w.trace("commit: %v", err)
		return false
	}
	w.trace("durable: %d", w.s.Durable())
	w.facts.committed()
	for _, s := range w.subs {
		s.committed()
	}
	st := w.s.Stats()
	w.result.Segments = max(w.result.Segments, st.Segments)
	return true
}

// keepUp lets the subscribers of a lying disk hold what it is about to forget.
func (w *world) keepUp() bool {
	for _, s := range w.subs {
		if w.Lie > 0 && !s.slow() {
			s.pull(20)
		}
	}
	return true
}

// settle opens the store for the last time, with the power on, takes some more steps, and lets everything come to
// rest.
func (w *world) settle() {
	if w.err != nil {
		return
	}
	if !w.open() {
		w.breaks("power went at the end")
		return
	}
	for range w.Steps {
		w.step()
	}
	w.comeToRest()
	for _, s := range w.subs {
		if s.gone {
			s.comeBack()
		}
		if s.gone {
			w.breaks("nothing is owed, and sub%d is refused: %+v", s.name, w.s.Stats())
			return
		}
	}
	w.comeToRest()
	for _, s := range w.subs {
		s.checkAll()
	}
	if w.crowd != nil {
		w.crowd.checkAll()
	}
	if w.err == nil {
		w.checkSpace()
	}
	w.note()
	if w.err == nil {
		_ = w.s.Close()
	}
}

// comeToRest goes on until nobody has anything left to do.
func (w *world) comeToRest() {
	idle := 0
	for rounds := 0; idle < 4 && w.err == nil; rounds++ {
		busy := false
		for _, p := range w.pubs {
			busy = p.finish() || busy
		}
		for _, s := range w.subs {
			busy = s.finish() || busy
		}
		if w.crowd != nil {
			busy = w.crowd.finish() || busy
		}
		if !w.commit() {
			w.breaks("commit: %w", w.s.Err())
		}
		idle++
		if busy {
			idle = 0
		}
		if rounds > 20000 {
			w.breaks("does not come to rest: %+v", w.s.Stats())
		}
	}
}
