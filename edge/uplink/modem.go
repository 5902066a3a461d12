package uplink

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"skerry/broker"
	"skerry/edge/config"
	"skerry/edge/uplink/modem"
	"skerry/edge/uplink/road"
)

// Modem is that of a link. Who gives it runs its Watcher, and calls Sensed when that tells of a change.
type Modem struct {
	Watcher *modem.Watcher

	// What brings the modem back, from the mildest; nil: it cannot be done.
	Bearer, Radio, Power func(context.Context) error
}

// factWait bounds the wait until it is on the disk that a step is taken.
const factWait = 5 * time.Second

// radio is the modem of a way, as the uplink uses it.
type radio struct {
	watcher  *modem.Watcher
	recovery *modem.Recovery

	// Of the goroutine of travel:
	lost     bool // the last attempt or session was lost on the way
	answered bool // something has answered it

	mu    sync.Mutex
	known Signal // operator, APN and class: while the modem is not seen they are what they were
}

// newRadio is that of a way; nil: it has none.
func (u *Uplink) newRadio(i int, link string, m *Modem) *radio {
	if m == nil {
		return nil
	}
	key := u.stepsKey(link)
	saved, _ := u.broker.Fact(key)
	hurry := func() { u.travel.news.post(func() { u.travel.road.Hurry(time.Now(), i) }) }
	after := func(step func(context.Context) error) func(context.Context) error {
		if step == nil {
			return nil
		}
		return func(ctx context.Context) error {
			err := step(ctx)
			hurry() // the wait between two attempts may be longer than that to the next step
			return err
		}
	}
	return &radio{watcher: m.Watcher, recovery: modem.NewRecovery(modem.RecoveryOptions{
		Reconnect: func(context.Context) error { hurry(); return nil },
		Bearer:    after(m.Bearer), Radio: after(m.Radio), Power: after(m.Power),
		Saved: saved, Save: func(document []byte) error { return keepSteps(u.broker, key, document) },
		Log: u.log.With("link", link),
	})}
}

// stepsKey is the fact that tells which steps were taken on the modem of a link.
func (u *Uplink) stepsKey(link string) string { return u.group() + "/modem/" + link }

// keepSteps stores a document, and comes back when it is on the disk; nil: nothing is to be stored, which nobody waits for.
func keepSteps(b *broker.Broker, key string, document []byte) error {
	if old, ok := b.Fact(key); string(old) == string(document) && ok == (document != nil) {
		return nil
	}
	receipt, err := b.PutFact(key, document)
	if err != nil || document == nil {
		return err
	}
	b.Hurry()
	ctx, cancel := context.WithTimeout(context.Background(), factWait)
	defer cancel()
	return b.Wait(ctx, receipt)
}

// forgetModems removes what is kept of links that have no modem any more, and notes those that have one.
func (u *Uplink) forgetModems() error {
	var have []string
	for _, w := range u.ways {
		if w.radio != nil {
			have = append(have, w.Name)
		}
	}
	for _, link := range u.memory.Modems {
		if w := u.wayOf(link); w != nil && w.radio != nil {
			continue
		}
		if err := keepSteps(u.broker, u.stepsKey(link), nil); err != nil {
			return fmt.Errorf("forget the steps of the modem of link %s: %w", link, err)
		}
	}
	u.memory.Modems = have
	return nil
}

func (u *Uplink) wayOf(link string) *way {
	for _, w := range u.ways {
		if w.Name == link {
			return w
		}
	}
	return nil
}

// signal is what the modem says, for the uplink.
func (r *radio) signal() Signal {
	s, e := r.watcher.Signal(), r.watcher.Effects()
	r.mu.Lock()
	defer r.mu.Unlock()
	k := &r.known
	k.Operator, k.APN, k.Class = cmp.Or(s.Operator, k.Operator), cmp.Or(s.APN, k.APN), cmp.Or(s.Technology, k.Class)
	now := Signal{Operator: k.Operator, APN: k.APN, Class: k.Class, Answer: e.Ack, Held: e.Held, Bad: s.Band == modem.Poor || s.Band == modem.None}
	now.Poor, now.Roaming, now.Factor = e.Freeze, s.Registration == modem.Roaming, e.Ping
	return now
}

// Sensed tells that the signal of a link has changed. It may be called from any goroutine.
func (u *Uplink) Sensed(link string) {
	for i, w := range u.ways {
		if w.Name == link {
			u.travel.news.post(func() { u.travel.sensed(i, w) })
		}
	}
}

// sensed has all follow that the signal decides.
func (t *travel) sensed(i int, w *way) {
	w.keep.sensed()
	t.road.Degraded(time.Now(), i, w.sense().Bad)
	if l := t.u.link.Load(); l != nil && l.way == w {
		l.Wake()
	}
}

// sense asks for the signal; the zero Signal if there is nobody to ask.
func (w *way) sense() Signal {
	if w.signal == nil {
		return Signal{}
	}
	return w.signal(w.Name)
}

// holds tells whether a class waits for a better signal. Alarms do not, whatever the signal says.
func (w *way) holds(class string) bool {
	return w.signal != nil && class != config.AlarmClass && w.sense().Held.Has(modem.ClassOf(class))
}

// slower is how much longer than usual an answer may take.
func (w *way) slower() float64 { return max(w.sense().Answer, 1) }

// fault notes what became of an attempt or a session; opened: TCP has stood in an attempt, which is an answer, whatever came after it. Where
// the interface has gone nobody knows.
func (w *way) fault(f road.Fault, opened bool) {
	if w.radio != nil {
		w.radio.lost, w.radio.answered = f == road.Way && !opened, f == road.Server || f == road.Mute || f == road.None || opened
	}
}

// unknown tells that the interface of the way has not been there since the start, and that the modem is not to blame: it is in a network.
func (w *way) unknown() bool { return w.missing && w.radio.watcher.Signal().Registration.Registered() }

// climb tells the modems whether their links work. One that stands by, beside a better one, is neither.
func (t *travel) climb(all []road.Status) {
	for i, w := range t.u.ways {
		if w.radio == nil {
			continue
		}
		switch s := all[i]; {
		case s.State >= road.Online, w.unknown():
			w.radio.recovery.Online()
		case w.radio.lost, s.State < road.Addressed && s.Wanted:
			w.radio.recovery.Offline()
		case w.radio.answered:
			w.radio.recovery.Online()
		}
	}
}

// show fills in what the modem of a link says.
func (w *way) show(s *LinkStatus) {
	if w.radio != nil {
		status, steps := w.radio.watcher.Status(), w.radio.recovery.Status()
		s.Modem, s.Recovery = &status, &steps
	}
}
