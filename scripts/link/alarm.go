package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

const (
	deepBacklog = 100_000
	alarms      = 5
	alarmWait   = 60 * time.Second
)

// alarmed is what happened to alarms behind a backlog.
type alarmed struct {
	waits []time.Duration // of those that came
	lost  int             // those that did not come in time
	rate  float64         // readings each second meanwhile
	left  int             // readings that still wait
}

// alarm measures one alarm behind a backlog of 100,000 readings: issue 7, figure 6.
func (s *settings) alarm(ctx context.Context, t *table) error {
	variants := s.variants()
	var all []setting
	for _, v := range variants {
		v.setting.terrain, v.setting.keepAlive, v.setting.seed = geo(), time.Minute, s.seed
		all = append(all, v.setting)
	}
	results := make([]alarmed, len(all))
	err := s.each(all, func(i int, c *scene) (err error) {
		results[i], err = c.alarmed(ctx)
		return err
	})
	if err != nil {
		return err
	}
	rtt := geo().roundTrip()
	t.title("alarm: published while %d readings drain over 128/512 kbit/s, %v RTT; to its arrival at the server, %d alarms", deepBacklog, rtt, alarms)
	for i, v := range variants {
		t.alarmed(v, results[i], rtt)
	}
	return nil
}

func (t *table) alarmed(v variant, a alarmed, rtt time.Duration) {
	if len(a.waits) == 0 {
		t.note(v.name, "none within %v; the backlog before it takes %.0f min more at %.0f/s", alarmWait, float64(a.left)/a.rate/60, a.rate)
		if v.judged {
			t.missed++
		}
		return
	}
	var seconds []float64
	for _, d := range a.waits {
		seconds = append(seconds, d.Seconds())
	}
	text := fmt.Sprintf("median %.2f s, worst %.2f s; readings at %.0f/s", median(seconds), slices.Max(seconds), a.rate)
	if a.lost > 0 {
		text += fmt.Sprintf(" (%d not within %v)", a.lost, alarmWait)
	}
	if v.judged {
		const message = 230 * 8 / 128_000.0 // s, one that leaves alone
		t.atMost(1.5*rtt.Seconds()+message, median(seconds), " s", v.name, "%s", text)
	} else {
		t.note(v.name, "%s", text)
	}
}

func (c *scene) alarmed(ctx context.Context) (a alarmed, err error) {
	from, err := c.gather(ctx, deepBacklog)
	if err != nil {
		return a, err
	}
	if err := c.link.SetUp(true); err != nil {
		return a, err
	}
	if err := c.observer.untilCount(ctx, from+1, time.Minute); err != nil {
		return a, err
	}
	if err := pause(ctx, 15*time.Second); err != nil { // until it is as it goes on
		return a, err
	}
	began, before := time.Now(), c.observer.count()
	for range alarms {
		published := time.Now()
		number, err := c.alarm()
		if err != nil {
			return a, err
		}
		at, err := c.observer.until(ctx, number, alarmWait)
		if ctx.Err() != nil {
			return a, err
		}
		if err != nil { // the others stand behind it
			a.lost = alarms - len(a.waits)
			break
		}
		a.waits = append(a.waits, at.Sub(published))
		if err := pause(ctx, 3*time.Second); err != nil {
			return a, err
		}
	}
	a.rate, a.left = float64(c.observer.count()-before)/time.Since(began).Seconds(), c.readings.made-c.observer.count()
	return a, nil
}
