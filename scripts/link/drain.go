package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// backlogSize is how many readings wait when the link comes up.
	backlogSize = 1000
	// outOfDate is how old they are at least: as after any real outage. The daemon says of each then when it was published, if it knows the
	// date. On a simulated board it asks the machine, which may not know; so there is a variant in which the publisher says it.
	outOfDate = 10 * time.Second
)

// drained is one drain.
type drained struct {
	span     time.Duration // from the first reading to the last
	whole    time.Duration // from the link coming up
	up, down float64       // bytes for each reading, the connect included
	missing  int
	twice    int
}

// variant is a subject with its surroundings.
type variant struct {
	name    string
	setting setting
	judged  bool
}

// variants are those of a backlog. A server of MQTT 5 says how many messages it takes at a time; one of 3.1.1 cannot.
func (s *settings) variants() []variant {
	return []variant{
		{fmt.Sprintf("skerry, MQTT 5, server takes %d at a time", s.window), setting{subject: daemon("5"), window: s.window}, true},
		{"skerry, MQTT 5, server as it comes (20)", setting{subject: daemon("5")}, false},
		{"skerry, MQTT 3.1.1, server as it comes", setting{subject: daemon("3.1.1")}, false},
		{"mosquitto bridge", setting{subject: peer()}, false},
	}
}

// drain measures 1,000 queued readings over the GEO link: issue 7, figure 1.
func (s *settings) drain(ctx context.Context, t *table) error {
	variants := append([]variant{{fmt.Sprintf("skerry, MQTT 5, %d at a time, each says when", s.window),
		setting{subject: daemon("5"), window: s.window, stamped: true}, false}}, s.variants()...)
	var all []setting
	for _, v := range variants {
		for i := range s.repeat {
			o := v.setting
			o.terrain, o.keepAlive, o.seed = geo(), time.Minute, s.seed+uint64(i)
			all = append(all, o)
		}
	}
	results := make([]drained, len(all))
	err := s.each(all, func(i int, c *scene) (err error) {
		results[i], err = c.drain(ctx)
		return err
	})
	if err != nil {
		return err
	}
	t.title("drain: %d queued readings over 128/512 kbit/s, 600 ms RTT, 0.5 %% loss; median of %d", backlogSize, s.repeat)
	for i, v := range variants {
		t.drained(v, results[i*s.repeat:(i+1)*s.repeat])
	}
	return nil
}

func (t *table) drained(v variant, all []drained) {
	var span, whole, up, down []float64
	missing, twice := 0, 0
	for _, d := range all {
		span, whole = append(span, d.span.Seconds()), append(whole, d.whole.Seconds())
		up, down = append(up, d.up), append(down, d.down)
		missing, twice = missing+d.missing, twice+d.twice
	}
	text := fmt.Sprintf("%5.1f s first to last, %5.1f s from link up, %5.1f + %4.1f B each", median(span), median(whole), median(up), median(down))
	if missing+twice > 0 {
		text += fmt.Sprintf(" (missing %d, twice %d)", missing, twice)
	}
	if v.judged {
		t.atMost(9, median(span), " s", v.name, "%s", text)
	} else {
		t.note(v.name, "%s", text)
	}
}

func (c *scene) drain(ctx context.Context) (d drained, err error) {
	size := c.backlog
	if size == 0 {
		size = backlogSize
	}
	from, err := c.gather(ctx, size)
	if err != nil {
		return d, err
	}
	if err := pause(ctx, outOfDate); err != nil {
		return d, err
	}
	up, down := c.link.Counts()
	began := time.Now()
	if err := c.link.SetUp(true); err != nil {
		return d, err
	}
	// What does not come in this time is missing.
	late := c.observer.untilCount(ctx, from+size, 4*time.Minute)
	if err := errors.Join(context.Cause(ctx), pause(ctx, 2*c.terrain.roundTrip())); err != nil {
		return d, err
	}
	first, last, have := c.observer.span(from, from+size)
	d.span, d.whole = last.Sub(first), last.Sub(began)
	d.missing, d.twice = size-have, c.observer.repeated()
	if have == 0 {
		return d, late
	}
	u, v := c.bytes(up, down)
	d.up, d.down = float64(u.Bytes)/float64(have), float64(v.Bytes)/float64(have)
	return d, nil
}

// gather has n readings wait in a subject that has met the server before; the link is down. It returns the number of the first.
func (c *scene) gather(ctx context.Context, n int) (from int, err error) {
	if err := c.meet(ctx); err != nil {
		return 0, err
	}
	if err := c.stop(); err != nil {
		return 0, err
	}
	if err := c.link.SetUp(false); err != nil {
		return 0, err
	}
	if err := c.start(); err != nil {
		return 0, err
	}
	from = c.readings.made
	return from, c.publish(n)
}
