package output

import (
	"fmt"
	"time"
)

// theDevice is what a value waits for that is tried again.
const theDevice = "the device"

// blocked tells why what an output wants cannot be set now, and until when; "": it can. Zero until: nobody knows.
func (o *output) blocked(w *want, now time.Time) (why string, until time.Time) {
	if now.Before(o.retry) {
		return theDevice, o.retry
	}
	if !o.config.Doc.Switch || o.known && o.same(o.value, w.value) {
		return "", time.Time{}
	}
	if w.value == 0 {
		return o.mayGoOff(now)
	}
	for _, p := range o.partners {
		if !p.off() {
			return "interlock: " + p.config.Name + " is not off", time.Time{}
		}
		if end := p.since.Add(p.gap); now.Before(end) {
			return "interlock: the gap after " + p.config.Name, end
		}
	}
	since := o.since
	if !o.known && o.value != 0 { // it was on, and may have gone off when it failed
		since = o.failing
	}
	if end := since.Add(o.config.MinOff); now.Before(end) {
		return "min_off", end
	}
	return "", time.Time{}
}

// mayGoOff lets an output go off early that may be on beside its partner.
func (o *output) mayGoOff(now time.Time) (why string, until time.Time) {
	for _, p := range o.partners {
		if !p.off() {
			return "", time.Time{}
		}
	}
	if end := o.since.Add(o.config.MinOn); o.known && o.value != 0 && now.Before(end) {
		return "min_on", end
	}
	return "", time.Time{}
}

// excluded tells why a command to set an output on is refused at once; nil: it is not.
func (o *output) excluded(value float64) *Refusal {
	if value == 0 {
		return nil
	}
	for _, p := range o.partners {
		if !p.settled() {
			return &Refusal{Code: Interlocked, Text: fmt.Sprintf("%s is %s; set it off before", p.config.Name, p.word())}
		}
	}
	return nil
}

// word says what keeps a partner from being off.
func (o *output) word() string {
	switch {
	case !o.known:
		return "in a state that nobody knows"
	case o.value != 0:
		return "on"
	}
	return "about to be on"
}

// due is when something is to be done about an output next, whatever happens elsewhere.
func (o *output) due(now time.Time) time.Time {
	next := now.Add(time.Hour)
	sooner := func(t time.Time) {
		if !t.IsZero() && t.Before(next) {
			next = t
		}
	}
	if !o.calling.IsZero() {
		if !o.hung {
			sooner(o.calling.Add(maxTime + grace))
		}
	} else {
		if o.looks() {
			sooner(o.look)
		}
		if o.pending != nil {
			_, until := o.blocked(o.pending, now)
			sooner(until)
		}
	}
	if o.pending != nil {
		sooner(o.pending.deadline)
	}
	if l := o.config.OnUplinkLoss; l != nil && !o.lossDone && !o.lostSince.IsZero() {
		sooner(o.lostSince.Add(l.After))
	}
	return next
}
