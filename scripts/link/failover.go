package main

import (
	"context"
	"time"

	"skerry/edge/uplink/kind"
)

const (
	moveAllowed    = 5 * time.Second                // beyond the time after which the first link is called dead
	returnAllowed  = 4*time.Minute + 10*time.Second // a link that had not stood for 10 min when it went must have been back for 4; and then be dialled
	returnPatience = 5 * time.Minute
	peerPatience   = 2 * time.Minute
)

// moved is what became of a link that was lost while there was another one.
type moved struct {
	tried   time.Duration // until the first SYN over the other link; 0: none came
	acked   time.Duration // until the first reading that was published meanwhile was acknowledged over it; 0: none was
	back    time.Duration // from the first link's return until the session had left the other one; 0: it has not
	worst   time.Duration // from publication to arrival, of what was published since the return
	missing int
	twice   int
}

// misfortune is how a link is lost.
type misfortune struct {
	name   string
	strike func(*scene) error
	dead   time.Duration // after which the daemon calls it that
	told   bool          // by the kernel; and it comes back
}

// misfortunes are those of figure failover.
func misfortunes() []misfortune {
	dead := kind.Of(lte().kind).DeadFloor
	return []misfortune{
		{"black hole", func(c *scene) error { c.link.BlackHole(true); return nil }, dead, false},
		{"0 bit/s", func(c *scene) error { c.link.Stall(true); return nil }, dead, false},
		{"interface goes", func(c *scene) error { return c.link.SetUp(false) }, 0, true},
	}
}

// failOver measures how soon readings leave over the second of two links: issue 7, figure 5. They are seen at the server, and half a round
// trip is added for the acknowledgement.
func (s *settings) failOver(ctx context.Context, t *table) error {
	second := geo()
	var all []setting
	for _, who := range []subject{daemon("5"), peer()} {
		for range misfortunes() {
			all = append(all, setting{subject: who, terrain: lte(), spare: &second, keepAlive: time.Minute, seed: s.seed})
		}
	}
	results := make([]moved, len(all))
	err := s.each(all, func(i int, c *scene) (err error) {
		results[i], err = c.failsOver(ctx, misfortunes()[i%len(misfortunes())])
		return err
	})
	if err != nil {
		return err
	}
	t.title("failover: LTE is lost, GEO is there too, one reading each second; until the first one is acknowledged over GEO")
	for i, r := range results {
		t.failedOver(all[i].subject.name, misfortunes()[i%len(misfortunes())], r)
	}
	return nil
}

func (t *table) failedOver(who string, m misfortune, r moved) {
	name := who + ", " + m.name
	if who != daemonName {
		if r.acked == 0 {
			t.note(name, "none within %v", peerPatience)
		} else {
			t.note(name, "%.1f s", r.acked.Seconds())
		}
		return
	}
	if r.acked == 0 {
		r.acked = deadPatience // it was waited for so long
	}
	t.atMost((m.dead + moveAllowed).Seconds(), r.acked.Seconds(), " s", name, "tried after %4.1f s, acknowledged after %4.1f s", r.tried.Seconds(), r.acked.Seconds())
	t.atMost(0, float64(r.missing), "", name, "%d readings missing, %d came twice", r.missing, r.twice)
	if m.told {
		if r.back == 0 {
			r.back = returnPatience
		}
		t.atMost(returnAllowed.Seconds(), r.back.Seconds(), " s", name+", another address", "back after %.1f s; no reading took longer than %.1f s meanwhile",
			r.back.Seconds(), r.worst.Seconds())
	}
}

// failsOver has the first link be lost, and come back with another address if it went with its interface.
func (c *scene) failsOver(ctx context.Context, m misfortune) (r moved, err error) {
	if err := c.meet(ctx); err != nil {
		return r, err
	}
	if err := c.chatter(ctx, 5*time.Second, never); err != nil {
		return r, err
	}
	from, began := c.readings.made, time.Now()
	if err := m.strike(c); err != nil {
		return r, err
	}
	over := func() bool { return !c.observer.firstFrom(from).IsZero() }
	patience := deadPatience
	if c.subject.name != daemonName {
		patience = peerPatience
	}
	if err := c.chatter(ctx, patience, over); err != nil {
		return r, err
	}
	if at := c.first(began, func(v sign) bool { return v.Up && v.SYN && v.link == 1 }); !at.IsZero() {
		r.tried = at.Sub(began)
	}
	if at := c.observer.firstFrom(from); !at.IsZero() {
		r.acked = at.Sub(began) + c.setting.spare.roundTrip()/2
	}
	if c.subject.name != daemonName {
		return r, nil
	}
	if m.told {
		if err := c.returns(ctx, &r); err != nil {
			return r, err
		}
	}
	late := c.observer.untilCount(ctx, c.readings.made, 30*time.Second)
	if ctx.Err() != nil {
		return r, late
	}
	r.missing, r.twice = c.readings.made-c.observer.count(), c.observer.repeated()
	return r, nil
}

// returns has the first link come back with another address, and waits until the session is on it again.
func (c *scene) returns(ctx context.Context, r *moved) error {
	if err := c.chatter(ctx, 5*time.Second, never); err != nil {
		return err
	}
	from, began := c.readings.made, time.Now()
	if err := c.link.SetUp(true); err != nil {
		return err
	}
	if err := c.link.Renumber(); err != nil {
		return err
	}
	published := map[int]time.Time{}
	left := func() time.Time { return c.first(began, func(v sign) bool { return v.Up && v.FIN && v.link == 1 }) }
	for end := began.Add(returnPatience); time.Now().Before(end) && (left().IsZero() || time.Since(left()) < 5*time.Second); {
		published[c.readings.made] = time.Now()
		if err := c.publish(1); err != nil {
			return err
		}
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
	}
	if at := left(); !at.IsZero() {
		r.back = at.Sub(began)
	}
	if err := c.observer.untilCount(ctx, c.readings.made, 30*time.Second); err != nil && ctx.Err() != nil {
		return err
	}
	for n := from; n < c.readings.made; n++ {
		if at := c.observer.when(n); !at.IsZero() {
			r.worst = max(r.worst, at.Sub(published[n]))
		}
	}
	return nil
}
