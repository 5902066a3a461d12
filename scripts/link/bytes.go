package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"skerry/scripts/link/emulate"
)

const (
	pingEvery    = 5 * time.Second // the shortest keep-alive that the daemon's configuration allows
	pings        = 10
	longKeep     = 20 * time.Minute
	silence      = 40 * time.Second
	connectQuiet = 2 * time.Second
)

// total of both directions, in bytes.
func total(up, down emulate.Count) int64 { return up.Bytes + down.Bytes }

// pair is the daemon and its peer, on a link without losses.
func (s *settings) pair(keepAlive time.Duration) []setting {
	var all []setting
	for _, who := range []subject{daemon("5"), peer()} {
		all = append(all, setting{subject: who, terrain: quiet(), keepAlive: keepAlive, seed: s.seed})
	}
	return all
}

// lone are the bytes of each message that leaves alone.
type lone struct{ up, down float64 }

// alone has messages leave one by one, each when the one before has been acknowledged. publish gives one to the subject and returns its number.
func (c *scene) alone(ctx context.Context, publish func() (int, error)) (l lone, err error) {
	if err := c.meet(ctx); err != nil {
		return l, err
	}
	up, down := c.link.Counts()
	for i := range c.warm + c.settings.singles {
		if i == c.warm {
			up, down = c.link.Counts()
		}
		number, err := publish()
		if err != nil {
			return l, err
		}
		if _, err := c.observer.until(ctx, number, time.Minute); err != nil {
			return l, err
		}
		if err := pause(ctx, c.terrain.roundTrip()+100*time.Millisecond); err != nil {
			return l, err
		}
	}
	u, d := c.bytes(up, down)
	return lone{float64(u.Bytes) / float64(c.settings.singles), float64(d.Bytes) / float64(c.settings.singles)}, nil
}

// oneByOne prints what messages cost that leave one by one.
func (s *settings) oneByOne(ctx context.Context, t *table, target float64, title string, publish func(*scene) (int, error)) error {
	all := s.pair(10 * time.Minute)
	results := make([]lone, len(all))
	err := s.each(all, func(i int, c *scene) (err error) {
		results[i], err = c.alone(ctx, func() (int, error) { return publish(c) })
		return err
	})
	if err != nil {
		return err
	}
	t.title("%s", title)
	for i, f := range results {
		if name := all[i].subject.name; name == daemonName && !s.hard {
			t.planned(target, f.up+f.down, " B", name, "%.1f up + %.1f down = %.1f B", f.up, f.down, f.up+f.down)
		} else {
			t.note(name, "%.1f up + %.1f down = %.1f B", f.up, f.down, f.up+f.down)
		}
	}
	return nil
}

// single counts the bytes of readings that leave one by one: issue 8, figure 2.
func (s *settings) single(ctx context.Context, t *table) error {
	r := newReadings(s.seed, s.hard)
	topic, payload := 0, 0
	for range s.singles {
		a, b := r.next()
		topic, payload = topic+len(a), payload+len(b)
	}
	title := fmt.Sprintf("single: bytes for each of %d readings one by one; topic %.1f B, payload %.1f B", s.singles,
		float64(topic)/float64(s.singles), float64(payload)/float64(s.singles))
	return s.oneByOne(ctx, t, 277, title, func(c *scene) (int, error) {
		n := c.readings.made
		return n, c.publish(1)
	})
}

// warmUp is how many alarms leave before they are counted: after fewer a primer pays.
const warmUp = 30

// loneAlarm counts the bytes of an alarm: issue 8, figure 6. What TCP's time stamps cost is shown apart: 36 of them, for anybody.
func (s *settings) loneAlarm(ctx context.Context, t *table) error {
	var all []setting
	for _, noStamps := range []bool{false, true} {
		for _, o := range []setting{packing(), {subject: daemon("5")}, {subject: peer()}} {
			o.terrain, o.keepAlive, o.seed, o.noStamps, o.warm = quiet(), 10*time.Minute, s.seed, noStamps, warmUp
			all = append(all, o)
		}
	}
	results := make([]lone, len(all))
	err := s.each(all, func(i int, c *scene) (err error) {
		results[i], err = c.alone(ctx, c.alarm)
		return err
	})
	if err != nil {
		return err
	}
	t.title("lone-alarm: bytes for each of %d alarms one by one, after %d others; topic %d B", s.singles, warmUp, len(alarmTopic))
	for i, f := range results {
		name := all[i].subject.name
		if all[i].encode != "" {
			name += ", pack"
		}
		if all[i].noStamps {
			name += ", no TCP time stamps"
		}
		if all[i].encode != "" && all[i].noStamps && !s.hard {
			t.atMost(215, f.up+f.down, " B", name, "%.1f up + %.1f down = %.1f B", f.up, f.down, f.up+f.down)
		} else {
			t.note(name, "%.1f up + %.1f down = %.1f B", f.up, f.down, f.up+f.down)
		}
	}
	return nil
}

// idle counts the bytes of keep-alive: issue 7, figure 4. What a ping costs is measured at a short interval, that there is nothing else
// at the long one; an hour at the long interval is three pings, and that is what is said.
func (s *settings) idle(ctx context.Context, t *table) error {
	all := append(s.pair(pingEvery), s.pair(longKeep)...)
	results := make([]int64, len(all))
	err := s.each(all, func(i int, c *scene) error {
		if err := c.meet(ctx); err != nil {
			return err
		}
		if err := pause(ctx, pingEvery/2); err != nil {
			return err
		}
		up, down := c.link.Counts()
		wait := silence
		if c.keepAlive == pingEvery {
			wait = pings * pingEvery
		}
		err := pause(ctx, wait)
		results[i] = total(c.bytes(up, down))
		return err
	})
	if err != nil {
		return err
	}
	t.title("idle: %v at a keep-alive of %v, and %v at one of %v, from which an hour at %v follows", pings*pingEvery, pingEvery, silence, longKeep, longKeep)
	for i := range all[:2] {
		ping := float64(results[i]) / pings
		hour := ping*float64(time.Hour/longKeep) + float64(results[i+2])*float64(time.Hour/silence)
		if name := all[i].subject.name; name == daemonName {
			t.atMost(650, hour, " B", name, "%.0f B each ping, %d B else: %.0f B an hour", ping, results[i+2], hour)
		} else {
			t.note(name, "%.0f B each ping, %d B else: %.0f B an hour", ping, results[i+2], hour)
		}
	}
	return nil
}

// connected are the bytes of connects.
type connected struct{ first, again, anew int64 }

// connect counts the bytes of a connect, with what is said at once after it, until nothing came for 2 s: issue 8, figure 5.
func (s *settings) connect(ctx context.Context, t *table) error {
	all := s.pair(10 * time.Minute)
	older := all[0]
	older.tls12 = true
	full, olderFull := all[0], older
	full.noTickets, olderFull.noTickets = true, true
	bare, bareFull := all[0], full
	bare.noStamps, bareFull.noStamps = true, true
	all = append(all, older, full, olderFull, bare, bareFull)
	results := make([]connected, len(all))
	err := s.each(all, func(i int, c *scene) (err error) {
		results[i], err = c.connects(ctx)
		return err
	})
	if err != nil {
		return err
	}
	t.title("connect: bytes until all is quiet, session tickets of the server as it comes; median of %d", s.repeat)
	for i, r := range results {
		name := fmt.Sprintf("%s, TLS 1.%d", all[i].subject.name, map[bool]int{false: 3, true: 2}[all[i].tls12])
		if all[i].noStamps {
			name += ", no TCP time stamps"
		}
		t.note(name+", the first time ever", "%d B", r.first)
		switch {
		case all[i].subject.name != daemonName:
			t.note(name+", after a cut", "%d B", r.again)
		case all[i].noStamps && all[i].noTickets:
			t.note(name+", full", "%d B", r.anew)
		case all[i].noStamps:
			t.note(name+", resumed", "%d B after a cut, %d B after a restart", r.again, r.anew)
		case all[i].noTickets && all[i].tls12:
			t.note(name+", full: no tickets", "%d B", r.anew)
		case all[i].noTickets:
			t.atMost(3650, float64(r.anew), " B", name+", full: no tickets", "%d B", r.anew)
		case all[i].tls12:
			t.atMost(1400, float64(max(r.again, r.anew)), " B", name+", resumed", "%d B after a cut, %d B after a restart", r.again, r.anew)
		default:
			t.atMost(1950, float64(max(r.again, r.anew)), " B", name+", resumed", "%d B after a cut, %d B after a restart", r.again, r.anew)
		}
	}
	return nil
}

func (c *scene) connects(ctx context.Context) (r connected, err error) {
	r.first, err = c.costs(ctx, c.start)
	if err != nil {
		return r, err
	}
	var again, anew []float64
	for range c.settings.repeat {
		n, err := c.costs(ctx, func() error { c.link.Cut(); return nil })
		if err != nil {
			return r, err
		}
		again = append(again, float64(n))
	}
	for i := 0; i < c.settings.repeat && c.subject.name == daemonName; i++ {
		n, err := c.restart(ctx)
		if err != nil {
			return r, err
		}
		anew = append(anew, float64(n))
	}
	r.again, r.anew = int64(median(again)), int64(median(anew))
	return r, nil
}

// restart counts the bytes of a connect by a new process.
func (c *scene) restart(ctx context.Context) (int64, error) {
	if err := c.stop(); err != nil {
		return 0, err
	}
	if err := pause(ctx, connectQuiet); err != nil { // what the end of the old one costs
		return 0, err
	}
	return c.costs(ctx, c.start)
}

// costs counts the bytes that follow something, until the link has been quiet for a while.
func (c *scene) costs(ctx context.Context, begin func() error) (int64, error) {
	up, down := c.link.Counts()
	if err := begin(); err != nil {
		return 0, err
	}
	last, since := int64(0), time.Now()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return 0, err
		}
		n := total(c.bytes(up, down))
		if n != last {
			last, since = n, time.Now()
		}
		if n > 0 && time.Since(since) >= connectQuiet {
			return n, nil
		}
	}
	return 0, errors.New("the link does not become quiet within a minute")
}
