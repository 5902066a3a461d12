package main

import (
	"context"
	"time"
)

const (
	deadPatience = 200 * time.Second
	certusStall  = 70 * time.Second
)

// noticed is what a subject made of a link without a word.
type noticed struct {
	after time.Duration // until it connected anew; 0: it has not
	bytes int64         // sent into the hole meanwhile
	count int           // readings that came through in the end
	of    int
}

// dead measures how long a dead link goes unnoticed while one reading each second is published, and whether a stall is taken for a dead
// link: issue 7, figure 2. Noticed is when the first SYN of a new connection leaves.
func (s *settings) dead(ctx context.Context, t *table) error {
	links := []struct {
		terrain terrain
		most    float64
	}{{lte(), 15}, {geo(), 20}, {certus(), 0}}
	var all []setting
	for _, who := range []subject{daemon("5"), peer()} {
		for _, l := range links {
			all = append(all, setting{subject: who, terrain: l.terrain, keepAlive: time.Minute, seed: s.seed})
		}
	}
	results := make([]noticed, len(all))
	err := s.each(all, func(i int, c *scene) (err error) {
		if c.terrain.name == certus().name {
			results[i], err = c.stalled(ctx)
		} else {
			results[i], err = c.holed(ctx)
		}
		return err
	})
	if err != nil {
		return err
	}
	t.title("dead: a link that dies without a word, one reading each second, keep-alive 1 min; until a new connection is tried")
	for i, r := range results {
		who, l := all[i].subject.name, links[i%len(links)]
		name := who + ", " + l.terrain.name
		switch {
		case l.most == 0:
			t.stalled(who, r)
		case who == daemonName:
			t.atMost(l.most, r.after.Seconds(), " s", name, "%5.1f s, %d B sent meanwhile", r.after.Seconds(), r.bytes)
		default:
			t.note(name, "%5.1f s, %d B sent meanwhile", r.after.Seconds(), r.bytes)
		}
	}
	return nil
}

func (t *table) stalled(who string, r noticed) {
	name := who + ", Certus, 70 s of 0 bit/s"
	alarms := 0.0
	if r.after > 0 {
		alarms = 1
	}
	text := "no false alarm"
	if alarms > 0 {
		text = "taken for dead"
	}
	if who == daemonName {
		t.atMost(0, alarms, "", name, "%s; %d of %d readings arrived", text, r.count, r.of)
	} else {
		t.note(name, "%s; %d of %d readings arrived", text, r.count, r.of)
	}
}

// chatter publishes one reading each second for a while, or until enough.
func (c *scene) chatter(ctx context.Context, d time.Duration, enough func() bool) error {
	for end := time.Now().Add(d); time.Now().Before(end) && !enough(); {
		if err := c.publish(1); err != nil {
			return err
		}
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
	}
	return nil
}

func never() bool { return false }

// holed lets the link fall into a black hole.
func (c *scene) holed(ctx context.Context) (r noticed, err error) {
	if err := c.meet(ctx); err != nil {
		return r, err
	}
	if err := c.chatter(ctx, 5*time.Second, never); err != nil {
		return r, err
	}
	c.link.BlackHole(true)
	began := time.Now()
	up, down := c.link.Counts()
	again := func() bool { return !c.newConnection(began).IsZero() }
	if err := c.chatter(ctx, deadPatience, again); err != nil {
		return r, err
	}
	r.after = deadPatience
	if at := c.newConnection(began); !at.IsZero() {
		r.after = at.Sub(began)
	}
	u, _ := c.bytes(up, down)
	r.bytes = u.Bytes
	return r, nil
}

// stalled stops the link for as long as Iridium Certus was seen to.
func (c *scene) stalled(ctx context.Context) (r noticed, err error) {
	if err := c.meet(ctx); err != nil {
		return r, err
	}
	if err := c.chatter(ctx, 5*time.Second, never); err != nil {
		return r, err
	}
	began := time.Now()
	c.link.Stall(true)
	if err := c.chatter(ctx, certusStall, never); err != nil {
		return r, err
	}
	c.link.Stall(false)
	if err := c.chatter(ctx, 10*time.Second, never); err != nil {
		return r, err
	}
	if err := pause(ctx, 30*time.Second); err != nil {
		return r, err
	}
	if at := c.newConnection(began); !at.IsZero() {
		r.after = at.Sub(began)
	}
	r.count, r.of = c.observer.count(), c.readings.made
	return r, nil
}
