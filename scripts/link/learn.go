package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"time"

	"skerry/edge/control"
	"skerry/scripts/link/emulate"
)

const (
	lossesAllowed = 6
	learnPatience = 60 // times what the NAT remembers
	holdTimes     = 6  // the same
	outageTimes   = 4  // the same
)

// learned is what was found out about a NAT.
type learned struct {
	took     time.Duration // until it was; 0: it was not
	interval time.Duration
	lost     int // connections, until then
	later    int // connections that were lost in the time after it
	after    time.Duration
}

// school is what a keep-alive is learned in.
type school struct {
	name    string
	resets  bool
	outages bool // one while it is being learned, one after it
}

var schools = []school{
	{name: "silent"},
	{name: "answers by RST", resets: true},
	{name: "silent, with outages", outages: true},
}

// learn has the daemon find out how long a NAT remembers a connection on which nothing is said, with the kernel's TCP and in real time:
// issue 7, figure 3. The NAT forgets sooner than that of the issue; -nat 5m is that one, and takes an hour and a half.
func (s *settings) learn(ctx context.Context, t *table) error {
	var all []setting
	for _, c := range schools {
		all = append(all, setting{subject: daemon("5"), terrain: quiet(), nat: emulate.NAT{Idle: s.forgets, Reset: c.resets},
			keepAlive: s.forgets / 6, upTo: 2 * s.forgets, seed: s.seed})
	}
	all = append(all, setting{subject: peer(), terrain: quiet(), nat: emulate.NAT{Idle: s.forgets}, keepAlive: 2 * s.forgets, seed: s.seed})
	results := make([]learned, len(all))
	err := s.each(all, func(i int, c *scene) (err error) {
		if i < len(schools) {
			results[i], err = c.learns(ctx, schools[i])
		} else {
			results[i], err = c.neverLearns(ctx)
		}
		return err
	})
	if err != nil {
		return err
	}
	t.title("learn: a NAT that forgets after %v, keep-alive %v..%v, nothing to send", s.forgets, s.forgets/6, 2*s.forgets)
	for i, c := range schools {
		t.learned(daemonName+", "+c.name, results[i], s.forgets)
	}
	t.note(fmt.Sprintf("%s, silent, fixed at %v", peerName, 2*s.forgets), "%d connections lost in %v", results[len(schools)].later, results[len(schools)].after)
	return nil
}

func (t *table) learned(name string, r learned, forgets time.Duration) {
	if r.took == 0 {
		r.lost = lossesAllowed + 1
		t.note(name, "not learned within %v", learnPatience*forgets)
	}
	t.atMost(lossesAllowed, float64(r.lost), " lost", name, "learned %v in %v, %d connections lost", r.interval, r.took.Round(time.Second), r.lost)
	t.atMost(0, float64(r.later), "", name, "%d connections lost in the %v after it", r.later, r.after)
}

// learns waits until the interval is known, and then looks whether it is right.
func (c *scene) learns(ctx context.Context, how school) (r learned, err error) {
	if err := c.meet(ctx); err != nil {
		return r, err
	}
	began := time.Now()
	if how.outages {
		if err := pause(ctx, settled+c.nat.Idle); err != nil { // in the middle of the search
			return r, err
		}
		if err := c.outage(ctx, true); err != nil {
			return r, err
		}
	}
	var link control.UplinkLink
	err = until(ctx, learnPatience*c.nat.Idle, "the keep-alive is learned", func() bool {
		_ = pause(ctx, time.Second)
		link, err = c.status(ctx)
		return err != nil || link.Phase == "hold"
	})
	if err != nil {
		return r, ctx.Err() // the row says that it was not
	}
	r.took, r.interval, r.lost = time.Since(began), seconds(link.KeepAlive), c.accepted(began)
	if how.outages {
		r.lost-- // that one was the outage
		if err := c.outage(ctx, false); err != nil {
			return r, err
		}
	}
	since := time.Now()
	if err := pause(ctx, holdTimes*c.nat.Idle); err != nil {
		return r, err
	}
	r.after, r.later = holdTimes*c.nat.Idle, c.accepted(since)
	after, err := c.status(ctx)
	if err == nil && (after.Phase != link.Phase || after.KeepAlive != link.KeepAlive || after.Lost != link.Lost) {
		err = fmt.Errorf("what was learned has changed from %+v to %+v", link, after)
	}
	return r, err
}

// settled is how long the daemon learns nothing after the interface has come up.
const settled = 3 * time.Minute

// outage has the link be silent for a while, and waits until the subject is connected again. With a cut it begins with RST, else
// without a word.
func (c *scene) outage(ctx context.Context, cut bool) error {
	c.link.BlackHole(true)
	if cut {
		c.link.Cut()
	}
	if err := pause(ctx, outageTimes*c.nat.Idle); err != nil {
		return err
	}
	c.link.BlackHole(false)
	over := time.Now()
	if err := until(ctx, 6*time.Minute, "connected after the outage", func() bool { return c.accepted(over) > 0 }); err != nil {
		return err
	}
	n := c.readings.made // once one has come nothing of the connecting is left
	if err := c.publish(1); err != nil {
		return err
	}
	_, err := c.observer.until(ctx, n, time.Minute)
	return err
}

// neverLearns counts the connections that a fixed interval loses.
func (c *scene) neverLearns(ctx context.Context) (r learned, err error) {
	if err := c.meet(ctx); err != nil {
		return r, err
	}
	since := time.Now()
	err = pause(ctx, holdTimes*c.nat.Idle)
	r.after, r.later = holdTimes*c.nat.Idle, c.accepted(since)
	return r, err
}

// status asks the daemon about its first link.
func (c *scene) status(ctx context.Context) (link control.UplinkLink, err error) {
	out, err := exec.CommandContext(ctx, c.settings.skerry, "uplink", "status", "--json", "--store", c.store()).Output()
	if len(out) == 0 { // not online is exit status 1, and no fault
		return link, err
	}
	var uplink control.Uplink
	if err := json.Unmarshal(out, &uplink); err != nil || len(uplink.Links) == 0 {
		return link, fmt.Errorf("%w: %s", err, out)
	}
	return uplink.Links[0], nil
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
