package output

import (
	"context"
	"fmt"
	"time"

	"skerry/edge/config"
)

// begin wants of each output what it is to have at the start.
func (p *Panel) begin(now time.Time) {
	for _, o := range p.outputs {
		o.since, o.look = now, now
		value, keeps := p.initial(o)
		if keeps {
			continue // the first look tells
		}
		o.target, o.aimed = value, true
		o.pending = &want{value: value, why: AtStart}
		if value != 0 && o.config.Doc.Switch && (o.config.MinOff > 0 || len(o.partners) > 0) {
			o.later, o.pending = o.pending, &want{why: AtStart}
		}
	}
}

// initial is the first value of an output; keeps: that which the device has.
func (p *Panel) initial(o *output) (value float64, keeps bool) {
	switch o.config.Initial.Rule {
	case config.SetKeep:
		return 0, true
	case config.SetLast:
		if state := p.sink.OutputState(o.config.Name); state != nil {
			if value, err := o.config.Parse(string(state)); err == nil {
				return value, false
			}
			p.log.Warn("what an output was set to last is none of its values any more", "output", o.config.Name, "value", string(state))
		}
		if o.config.Doc.Keeps && len(o.partners) == 0 {
			return 0, true
		}
		return o.config.Least(), false
	}
	return o.config.Initial.Value, false
}

// step does for an output what is to be done now.
func (p *Panel) step(ctx context.Context, o *output, now time.Time) {
	p.hangs(o, now)
	p.loses(o, now)
	p.expires(o, now)
	if !o.calling.IsZero() {
		return
	}
	if o.pending == nil && !o.known && o.aimed && !(o.config.Doc.Keeps && o.device != nil) { // else a look tells what it has
		o.pending = &want{value: o.target, why: Restored}
	}
	if w := o.pending; w != nil {
		why, until := o.blocked(w, now)
		if why == "" {
			o.pending, o.doing, o.waits = nil, w, ""
			p.call(ctx, o, w, now)
			return
		}
		p.tellsWait(o, why, until, now)
	}
	if o.looks() && !now.Before(o.look) && !now.Before(o.retry) {
		p.call(ctx, o, nil, now)
	}
}

// tellsWait publishes what the pending value waits for.
func (p *Panel) tellsWait(o *output, why string, until, now time.Time) {
	if why == o.waits {
		return
	}
	o.waits = why
	if why != theDevice || o.pending.why != Restored { // that it fails was said, and perhaps why a command was refused
		p.publish(o, nil)
	}
	if why == theDevice {
		p.tell(o.pending, o.err)
	}
	p.tell(o.pending, &Waiting{For: why, Left: max(0, until.Sub(now))})
}

// Waiting says that a value is not set yet.
type Waiting struct {
	For  string
	Left time.Duration // 0: nobody knows
}

func (w *Waiting) Error() string {
	if w.Left == 0 {
		return "it waits for " + w.For
	}
	return fmt.Sprintf("it waits for %s, %v more", w.For, round(w.Left))
}

// call starts a call of the driver. A device that may have the value already, or is asked for what it has, is looked at first.
func (p *Panel) call(ctx context.Context, o *output, w *want, now time.Time) {
	c := &call{output: o, want: w, device: o.device}
	c.firm = w != nil && o.known && o.same(o.value, w.value)
	c.check = c.firm || w != nil && (w.why == AtStart || w.why == Restored)
	o.calling = now
	go func() {
		ctx, cancel := context.WithTimeout(ctx, maxTime)
		defer cancel()
		defer func() { p.results <- c }()
		defer c.recover()
		c.run(ctx, p.buses)
	}()
}

// hangs notes a call that does not come back.
func (p *Panel) hangs(o *output, now time.Time) {
	if o.calling.IsZero() || o.hung || now.Before(o.calling.Add(maxTime+grace)) {
		return
	}
	o.hung, o.known = true, false
	p.fails(o, fmt.Errorf("no answer within %v, and the driver does not give up", maxTime+grace), now)
	if o.doing != nil {
		p.tell(o.doing, o.err)
	}
}

// loses sets what is configured for the loss of the uplink.
func (p *Panel) loses(o *output, now time.Time) {
	l := o.config.OnUplinkLoss
	switch {
	case l == nil:
		return
	case p.options.Online == nil || p.options.Online(l.Uplink):
		o.lostSince, o.lossDone = time.Time{}, false
		return
	case o.lostSince.IsZero():
		o.lostSince = now
	}
	if o.lossDone || now.Before(o.lostSince.Add(l.After)) {
		return
	}
	o.lossDone = true
	p.log.Info("the uplink is lost: an output is set", "output", o.config.Name, "value", o.config.Format(l.Set.Value), "lost_for", l.After)
	p.drop(o, &Refusal{Overtaken, "the uplink is lost"})
	o.pending, o.later = &want{value: l.Set.Value, why: Loss}, nil
}

// expires gives up a command whose time is over.
func (p *Panel) expires(o *output, now time.Time) {
	w := o.pending
	if w == nil || w.deadline.IsZero() || now.Before(w.deadline) {
		return
	}
	r := &Refusal{Late, "its time was over before it could be carried out"}
	switch {
	case o.err != nil:
		r = &Refusal{Failed, "the device could not be set in time: " + o.err.Error()}
	case o.waits != "":
		r.Text = "its time was over while it waited for " + o.waits
	}
	p.drop(o, r)
}

// drop refuses what is pending, if it is a command.
func (p *Panel) drop(o *output, r *Refusal) {
	w := o.pending
	o.pending, o.waits = nil, ""
	if w == nil || w.deadline.IsZero() {
		return
	}
	p.refuse(o, o.config.Format(w.value), w.id, r)
	p.tell(w, r)
}

// refuse says that a command is not carried out.
func (p *Panel) refuse(o *output, value, id string, r *Refusal) {
	if r.Code == Failed {
		o.counts.Failed++
	} else {
		o.counts.Refused++
	}
	if o.said != r.Code { // one who commands wrongly may do so all the time
		o.said = r.Code
		reason := r.Text
		if r.Code == Malformed { // it quotes what was sent
			reason = "the state says what was sent"
		}
		p.log.Info("a command is refused; further ones for the same reason are not logged until one is carried out", "output", o.config.Name,
			"why", r.Code, "reason", reason)
	}
	p.publish(o, &refused{Value: shorten(value), ID: shorten(id), Why: r.Code, Text: r.Text})
}

// shorten bounds what stands in a state of what somebody sent.
func shorten(text string) string {
	const most = 64
	if len(text) > most {
		return text[:most]
	}
	return text
}

// take judges a command.
func (p *Panel) take(e event, now time.Time) {
	o := e.output
	w := &want{value: e.value, why: Local, deadline: now.Add(o.config.Command.Expires), done: e.done}
	r := (*Refusal)(nil)
	given := order{value: o.config.Format(e.value)}
	if e.message != nil {
		w, given, r = p.command(o, e.message, now)
	} else if date, known := p.date(now); known && date.After(o.issued) {
		given.time = date
	}
	if r == nil {
		r = o.excluded(w.value)
	}
	if r != nil {
		p.refuse(o, given.value, given.id, r)
		p.tell(w, r)
		return
	}
	if !given.time.IsZero() {
		o.issued = given.time
	}
	if old := o.pending; old != nil && !old.deadline.IsZero() {
		o.counts.Refused++
		p.tell(old, &Refusal{Overtaken, "another command came"})
	}
	o.pending, o.later, o.waits = w, nil, ""
	if early := o.tried.Add(soon); early.Before(o.retry) { // whoever commands may have mended it
		o.retry = early
	}
}

// command reads and judges a message.
func (p *Panel) command(o *output, m *Message, now time.Time) (*want, order, *Refusal) {
	given, r := read(m.Payload)
	if r != nil {
		return &want{}, given, r
	}
	value, err := o.config.Parse(given.value)
	if err != nil {
		return &want{}, given, &Refusal{Malformed, err.Error()}
	}
	date, known := p.date(now)
	deadline, r := judge(&o.config.Command, m, given.time, o.issued, now, date, known)
	return &want{value: value, why: Command, id: shorten(given.id), deadline: deadline}, given, r
}
