package output

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"skerry/broker"
	"skerry/drivers"
	"skerry/edge/config"
)

// Sink is where states go, and what outlasts a restart.
type Sink interface {
	// Publish hands messages over. It may wait while storage is too slow to take them.
	Publish(ctx context.Context, messages []*broker.Message) error
	// OutputState returns what KeepOutput kept last of an output, nil if nothing.
	OutputState(output string) []byte
	// KeepOutput keeps what was set last of an output, and returns when that outlasts a power cut. It may hold on to state.
	KeepOutput(ctx context.Context, output string, state []byte) error
}

// Clock is what knows the date.
type Clock interface {
	Date(at time.Time) (date time.Time, trusted bool) // of a local moment; the moment itself while no date is trusted
}

// Options of a Panel. The zero Options are usable.
type Options struct {
	ClockFloor time.Time                // a time that is certainly past; a date before it is not known
	Clock      Clock                    // nil: the system's, which is right
	Online     func(uplink string) bool // whether an uplink is online, "": any; nil: always. It must not block
	Log        *slog.Logger             // nil: discard
}

// Panel is all outputs of a station.
type Panel struct {
	options Options
	log     *slog.Logger
	outputs []*output
	inbox   chan event
	results chan *call
	poke    chan struct{} // capacity 1
	repeat  atomic.Bool   // the states are to be published once more
	ended   chan struct{} // closed when nothing is taken any more
	all     atomic.Pointer[[]Status]

	buses  drivers.Buses
	sink   Sink
	states *states
	told   []answer
}

// answer is how it went, for somebody who waits. It is given when Statuses has it as well.
type answer struct {
	to  chan<- error
	err error
}

// tell tells whoever waits for a value how it went, once.
func (p *Panel) tell(w *want, err error) {
	if w.done != nil {
		p.told = append(p.told, answer{w.done, err})
		w.done = nil
	}
}

// event is a command, or a value that is set locally.
type event struct {
	output  *output
	message *Message // nil: local
	value   float64
	done    chan<- error
}

// New prepares the outputs. It touches no device.
func New(list []config.Output, o Options) *Panel {
	p := &Panel{options: o, log: o.Log, inbox: make(chan event), results: make(chan *call, len(list)), poke: make(chan struct{}, 1),
		ended: make(chan struct{})}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	for _, c := range list {
		p.outputs = append(p.outputs, &output{config: c})
	}
	for _, o := range p.outputs {
		if l := o.config.Interlock; l != nil {
			if other := p.output(l.With); other != nil {
				o.partners = append(o.partners, partner{other, l.Gap})
				other.partners = append(other.partners, partner{o, l.Gap})
			}
		}
	}
	p.note()
	return p
}

func (p *Panel) output(name string) *output {
	i := slices.IndexFunc(p.outputs, func(o *output) bool { return o.config.Name == name })
	if i < 0 {
		return nil
	}
	return p.outputs[i]
}

// Run sets the outputs until ctx ends, and then what is configured for the end. It is called once. A device that hangs is left behind.
func (p *Panel) Run(ctx context.Context, buses drivers.Buses, sink Sink) {
	p.buses, p.sink, p.states = buses, sink, newStates(p.log)
	publishing, cancel := context.WithCancel(context.Background()) // it goes on after ctx
	defer cancel()
	go p.states.run(publishing, sink)
	p.begin(time.Now())
	for p.turn(ctx) {
	}
	close(p.ended)
	p.stop()
	p.note()
	p.states.end(cancel)
}

// turn does what is to be done, and waits for the next thing to happen. False: ctx has ended.
func (p *Panel) turn(ctx context.Context) bool {
	now := time.Now()
	next := now.Add(time.Hour)
	for _, o := range p.outputs {
		p.step(ctx, o, now)
	}
	for _, o := range p.outputs { // when all have moved: one may wait for another
		if due := o.due(now); due.Before(next) {
			next = due
		}
	}
	p.note()
	t := time.NewTimer(next.Sub(now))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case e := <-p.inbox:
		p.take(e, time.Now())
	case c := <-p.results:
		p.ends(c, time.Now())
	case <-p.poke:
		p.repeats()
	case <-t.C:
	}
	return ctx.Err() == nil
}

// Look has the uplinks looked at, as when one has changed. It does not block.
func (p *Panel) Look() {
	select {
	case p.poke <- struct{}{}:
	default:
	}
}

// Repeat has the state of each output published once more, as when somebody has lost what was retained. It does not block.
func (p *Panel) Repeat() {
	p.repeat.Store(true)
	p.Look()
}

// repeats publishes the states once more if that was asked for. An output that nothing was said of yet is about to say something.
func (p *Panel) repeats() {
	if !p.repeat.Swap(false) {
		return
	}
	for _, o := range p.outputs {
		if o.ever || o.err != nil {
			p.publish(o, nil)
		}
	}
}

// Take takes a command that came as a message. One on a topic of no output is dropped.
func (p *Panel) Take(ctx context.Context, m Message) {
	i := slices.IndexFunc(p.outputs, func(o *output) bool { return o.config.Command.Topic == m.Topic })
	if i >= 0 {
		p.put(ctx, event{output: p.outputs[i], message: &m})
	}
}

func (p *Panel) put(ctx context.Context, e event) bool {
	select {
	case p.inbox <- e:
		return true
	case <-p.ended:
	case <-ctx.Done():
	}
	return false
}

// Set sets an output as a command does that is given now, and tells how it stands when that is done or waits for something. The error is
// what is wrong with the command, or a *Refusal, or what the device has against it.
func (p *Panel) Set(ctx context.Context, name, text string) (Status, error) {
	o := p.output(name)
	if o == nil {
		return Status{}, fmt.Errorf("there is no output %s%s", name, p.hint())
	}
	value, err := o.config.Parse(text)
	if err != nil {
		return Status{}, err
	}
	done := make(chan error, 1)
	if !p.put(ctx, event{output: o, value: value, done: done}) {
		if ctx.Err() != nil {
			return Status{}, context.Cause(ctx)
		}
		return Status{}, &Refusal{Ending, "the station stops"}
	}
	select {
	case err = <-done:
	case <-ctx.Done():
		return Status{}, context.Cause(ctx)
	}
	for _, s := range p.Statuses() {
		if s.Name == name {
			return s, err
		}
	}
	return Status{}, err
}

func (p *Panel) hint() string {
	var names []string
	for _, o := range p.outputs {
		names = append(names, o.config.Name)
	}
	if len(names) == 0 {
		return " (hint: the configuration has none; docs/outputs.md)"
	}
	return " (hint: there is " + strings.Join(names, ", ") + ")"
}

// date is a local moment as a date, and whether that is right.
func (p *Panel) date(at time.Time) (time.Time, bool) {
	trusted := true
	if p.options.Clock != nil {
		at, trusted = p.options.Clock.Date(at)
	}
	return at, trusted && !at.Before(p.options.ClockFloor)
}

// publish publishes the state of an output.
func (p *Panel) publish(o *output, r *refused) {
	date, known := p.date(time.Now())
	x := state{message: o.message(r, date, known)}
	if o.config.Remembers() && o.known && !o.begins() {
		x.output, x.keep = o.config.Name, o.config.Format(o.value)
	}
	p.states.put(x)
}
