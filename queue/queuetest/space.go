package queuetest

import (
	"errors"

	"skerry/queue"
)

// fillTopic is that of messages that only fill slots.
const fillTopic = "fill"

// Slots that may be left when nothing is owed to anybody: the one being written, one that the older checkpoint does not
// cover yet, and two that are ready; after damage and errors a few more.
const (
	mostSlots   = 4
	mostDamaged = 6
)

// settling is how many commits it may take until both checkpoints have followed the log: neither is touched before the
// other one has stood for a while.
const settling = 50

// checkSpace fills two more segments, takes everything from them, lets the checkpoints follow, and looks at what is left.
func (w *world) checkSpace() {
	if w.lossy() {
		w.endOrphans()
	}
	start := w.s.Stats().Bytes
	for int64(w.s.Stats().Bytes-start) < 2*w.Options.SlotSize && w.err == nil {
		w.fill(w.large() / 2)
	}
	for range settling {
		w.fill(10)
	}
	w.comeToRest()
	most := mostSlots
	switch {
	case w.lossy() || w.Faults > 0:
		most = mostDamaged
	case w.Fate.Garbled > 0: // a slot that was turned to rubbish while it was made may be somebody else's file
		most++
	}
	w.result.Left = w.s.Stats().Slots
	if n := w.result.Left; n > most {
		w.breaks("%d slots are left when nothing is owed: %+v", n, w.s.Stats())
	}
}

// endOrphans ends the sessions of which the disk has lost whose they are: what they are owed keeps segments.
func (w *world) endOrphans() {
	known := map[*queue.Session]bool{}
	for _, p := range w.pubs {
		known[p.x] = true
	}
	for _, s := range w.subs {
		known[s.x] = true
	}
	b := w.s.NewBatch()
	for x := range w.s.Sessions() {
		if !known[x] {
			b.End(x)
		}
	}
	if _, err := w.s.Apply(b); err != nil {
		w.breaks("end the sessions of nobody: %w", err)
	}
}

// fill publishes a message that is taken at once. A store that has been drained a moment ago may have waited with the
// checkpoint that gives its space back; the first who is refused makes it hurry.
func (w *world) fill(size int) {
	s := w.subs[0]
	m := &queue.Message{TopicName: fillTopic, QoS: 1, Payload: make([]byte, size)}
	to := []queue.Target{{Session: s.x, QoS: 1}}
	_, err := w.s.Publish(m, to)
	if errors.Is(err, queue.ErrFull) {
		w.commit()
		_, err = w.s.Publish(m, to)
	}
	if err != nil {
		w.breaks("nothing is owed, and a message is refused: %w", err)
		return
	}
	s.drops.order++
	w.commit()
	s.finish()
}
