package queuetest

import (
	"encoding/binary"
	"fmt"

	"skerry/queue"
)

// bind finds the sessions of the clients by a fact, as the broker does, and makes those that are missing. It returns false if
// the power went meanwhile.
func (w *world) bind() bool {
	return w.bindPublishers() && w.bindSubscribers() && (w.crowd == nil || w.crowd.bind())
}

func (w *world) bindPublishers() bool {
	b, missing := w.s.NewBatch(), false
	for _, p := range w.pubs {
		switch {
		case p.qos != 2:
		case w.lossy(): // a PUBREL that the disk forgot would swallow a message: there is no defence on this side
			p.x = w.s.NewVolatile(queue.SessionOptions{})
		default:
			p.x = w.find(b, fmt.Sprint("pub", p.name), p.created, queue.SessionOptions{}, &missing)
		}
	}
	if missing {
		if _, err := w.s.Apply(b); err != nil {
			w.breaks("create sessions: %w", err)
		}
		if w.s.Commit() != nil {
			return false
		}
	}
	for _, p := range w.pubs {
		p.created = true
	}
	return true
}

func (w *world) bindSubscribers() bool {
	b := w.s.NewBatch()
	var fresh []*subscriber
	for _, s := range w.subs {
		if s.checkGone() {
			continue
		}
		missing := false
		s.x = w.find(b, s.fact(), s.created && s.cleaning == 0, s.options(), &missing)
		if missing {
			fresh = append(fresh, s)
		}
		if missing && s.created {
			s.beginAnew() // CONNACK said so
		}
		s.x.SetLimits(w.Limits)
		s.x.KeepReceived(s.keeps())
	}
	if len(fresh) > 0 {
		_, err := w.s.Apply(b)
		if w.busy(err) || w.refused(err) { // they come back when there is room
			for _, s := range fresh {
				s.x, s.gone, s.cleaning = nil, true, 0
			}
		} else if err != nil {
			w.breaks("create sessions: %w", err)
		}
		if w.s.Commit() != nil {
			return false
		}
	}
	for _, s := range w.subs {
		s.bound()
	}
	return true
}

func (w *world) find(b *queue.Batch, name string, created bool, o queue.SessionOptions, missing *bool) *queue.Session {
	if v, ok := w.s.Fact(factSpace, name); ok {
		n, _ := binary.Uvarint(v)
		if x := w.s.Session(n); x != nil {
			return x
		}
		if !w.lossy() {
			w.breaks("session %d of %s has no state", n, name)
		}
	} else if created && !w.lossy() {
		w.breaks("session of %s lost", name)
	}
	x := b.Create(o)
	b.Put(factSpace, name, binary.AppendUvarint(nil, x.Number()))
	*missing = true
	return x
}
