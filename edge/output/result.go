package output

import (
	"fmt"
	"runtime/debug"
	"time"
)

// recover makes of a mistake in a driver one of its output.
func (c *call) recover() {
	if r := recover(); r != nil {
		c.err = &panicError{r, debug.Stack()}
	}
}

// panicError is a mistake in a driver.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("the driver panicked: %v", e.value) }

// ends notes what came of a call.
func (p *Panel) ends(c *call, now time.Time) {
	o := c.output
	o.device, o.calling, o.hung = c.device, time.Time{}, false
	if c.want != nil {
		o.doing = nil
	}
	switch {
	case c.err != nil:
		p.failed(o, c, now)
	case c.missed:
		if o.pending == nil {
			o.pending = c.want // in its time: min_off and interlocks count again
		} else {
			p.tell(c.want, &Refusal{Overtaken, "another command came"})
		}
		p.looked(o, c.value, now)
	case c.want != nil && !c.want.deadline.IsZero() && now.After(c.want.deadline.Add(maxTime+grace)):
		p.tooLate(o, c.want, now)
	case c.want != nil:
		p.set(o, c.want, now)
	default:
		p.looked(o, c.value, now)
	}
}

// set notes that the device has what was wanted.
func (p *Panel) set(o *output, w *want, now time.Time) {
	if o.answers(now) {
		p.log.Info("output answers again", "output", o.config.Name)
	}
	o.has(w.value, now)
	o.target, o.aimed, o.reason, o.id = w.value, true, w.why, w.id
	if !w.deadline.IsZero() {
		o.counts.Done++
		o.said = ""
	}
	p.log.Debug("output set", "output", o.config.Name, "value", o.config.Format(w.value), "reason", w.why)
	p.publish(o, nil)
	p.tell(w, nil)
	if o.later != nil && o.pending == nil {
		o.pending, o.later = o.later, nil
	}
}

// tooLate undoes a command that a driver carried out long after its time, when it came back at last.
func (p *Panel) tooLate(o *output, w *want, now time.Time) {
	r := &Refusal{Late, "its time was over when its driver came back"}
	p.looked(o, w.value, now)
	p.refuse(o, o.config.Format(w.value), w.id, r)
	p.tell(w, r)
}

// looked notes what the device has.
func (p *Panel) looked(o *output, value float64, now time.Time) {
	again := o.answers(now)
	if again {
		p.log.Info("output answers again", "output", o.config.Name)
	}
	news := !o.known || !o.same(o.value, value)
	o.has(value, now)
	switch {
	case !o.aimed:
		o.target, o.aimed, o.reason = value, true, AtStart
		p.publish(o, nil)
	case !o.same(value, o.target):
		if news {
			p.log.Warn("an output has changed by itself: it is set again", "output", o.config.Name, "value", o.config.Format(value), "target", o.config.Format(o.target))
			o.reason, o.id = Device, ""
			p.publish(o, nil)
		}
		if o.pending == nil {
			o.pending = &want{value: o.target, why: Restored}
		}
	case news || again:
		p.publish(o, nil)
	}
}

// failed notes that the device could not be set, or looked at. Nobody knows what it has.
func (p *Panel) failed(o *output, c *call, now time.Time) {
	o.known = false
	w := c.want
	if w != nil && o.pending == nil {
		o.pending, o.waits = w, theDevice // again
	} else if w != nil {
		if !w.deadline.IsZero() {
			o.counts.Failed++
		}
		p.tell(w, &Refusal{Overtaken, "another command came"})
	}
	p.fails(o, c.err, now)
	if w != nil {
		p.tell(w, c.err)
	}
	if e, ok := c.err.(*panicError); ok && o.failures == 1 {
		p.log.Error("this is a mistake in a driver; please report it", "output", o.config.Name, "stack", string(e.stack))
	}
}

// fails says once that an output fails.
func (p *Panel) fails(o *output, err error, now time.Time) {
	if o.fails(err, now) {
		p.log.Warn("output fails", "output", o.config.Name, "err", err)
		p.publish(o, nil)
	}
}
