package output

import "time"

// Status is how an output stands. It is not changed any more.
type Status struct {
	Name, Driver string
	Device       string // as the driver names it; empty: not found

	Value  string // as it is published; empty: there was none
	Unit   string
	Known  bool      // the device has it
	Since  time.Time // since when
	Reason Reason

	Wanted string // what is asked for and not set yet; empty: nothing
	Waits  string // what that waits for; empty: it is being set

	Failures int // in a row
	Failing  time.Time
	Err      error // of the last attempt; nil: none

	Topic, Command string // Topic Names
	Counts         Counts
}

// Statuses are those of all outputs, in the order of the configuration.
func (p *Panel) Statuses() []Status { return *p.all.Load() }

// note makes how the outputs stand what Statuses gives.
func (p *Panel) note() {
	all := make([]Status, 0, len(p.outputs))
	for _, o := range p.outputs {
		all = append(all, o.status())
	}
	p.all.Store(&all)
	for _, a := range p.told {
		a.to <- a.err
	}
	p.told = nil
}

func (o *output) status() Status {
	s := Status{Name: o.config.Name, Driver: o.config.Driver, Unit: o.config.Unit, Known: o.known, Since: o.since, Reason: o.reason,
		Failures: o.failures, Failing: o.failing, Err: o.err, Topic: o.config.Topic, Command: o.config.Command.Topic, Counts: o.counts}
	if o.device != nil && o.calling.IsZero() {
		s.Device = o.device.String()
	}
	if o.ever {
		s.Value = o.config.Format(o.value)
	}
	if w := o.wanted(); w != nil {
		s.Wanted, s.Waits = o.config.Format(w.value), o.waits
	}
	return s
}
