package output

import (
	"context"
	"sync"
	"time"

	"skerry/edge/config"
)

const (
	// stopWithin is how long all outputs together may take to be set at the end.
	stopWithin = 2 * time.Second
	// cutOff is how long a call under way may take to return when its context has ended.
	cutOff = 300 * time.Millisecond
)

// stop sets what is configured for the end, and gives the devices back. Of an interlock the outputs that go off are first.
func (p *Panel) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	for _, o := range p.outputs {
		o.later = nil
		p.drop(o, &Refusal{Ending, "the station stops"})
	}
	underWay, end := context.WithTimeout(ctx, cutOff)
	p.await(underWay, p.cut)
	end()
	for _, on := range []bool{false, true} {
		for _, o := range p.outputs {
			s := o.config.OnStop
			if s.Rule == config.SetValue && (o.config.Doc.Switch && s.Value != 0) == on && o.calling.IsZero() {
				p.leave(ctx, o, s.Value)
			}
		}
		p.await(ctx, p.left)
	}
	p.halt(ctx)
}

// cut notes a call that the end has cut off, or that was done just before.
func (p *Panel) cut(c *call) {
	if c.err == nil {
		p.ends(c, time.Now())
		return
	}
	o := c.output
	o.device, o.calling, o.doing, o.known = c.device, time.Time{}, nil, false
	if c.want != nil {
		p.tell(c.want, &Refusal{Ending, "the station stops"})
	}
}

// left notes what came of setting an output for the last time.
func (p *Panel) left(c *call) {
	p.ends(c, time.Now())
	if c.err != nil {
		p.log.Error("an output was not set at the end", "output", c.output.config.Name, "err", c.err)
	}
}

// leave sets an output for the last time.
func (p *Panel) leave(ctx context.Context, o *output, value float64) {
	now := time.Now()
	if o.known && o.same(o.value, value) {
		return
	}
	for _, x := range o.partners {
		if value != 0 && (!x.off() || now.Before(x.since.Add(x.gap))) {
			p.log.Warn("an output is not set on at the end: its interlock does not let it", "output", o.config.Name, "with", x.config.Name)
			return
		}
	}
	o.retry = time.Time{}
	o.doing = &want{value: value, why: AtStop}
	p.call(ctx, o, o.doing, now)
}

// await waits until no call is under way any more.
func (p *Panel) await(ctx context.Context, note func(*call)) {
	for {
		busy := false
		for _, o := range p.outputs {
			busy = busy || !o.calling.IsZero()
		}
		if !busy {
			return
		}
		select {
		case c := <-p.results:
			note(c)
			c.output.pending = nil // nothing is tried again
		case <-ctx.Done():
			return
		}
	}
}

// halt gives the devices back. One that hangs is left behind.
func (p *Panel) halt(ctx context.Context) {
	var wg sync.WaitGroup
	for _, o := range p.outputs {
		if o.device == nil || !o.calling.IsZero() {
			continue
		}
		wg.Go(func() {
			if err := o.device.Halt(); err != nil {
				p.log.Warn("give an output back", "output", o.config.Name, "err", err)
			}
		})
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		wg.Wait()
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
	for _, o := range p.outputs {
		if !o.calling.IsZero() {
			p.log.Error("an output hangs and is left behind", "output", o.config.Name)
		}
	}
}
