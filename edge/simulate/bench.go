package simulate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"skerry/board/sim"
	"skerry/drivers"
	"skerry/drivers/modbus"
	"skerry/edge/config"
)

// bench is a board while devices are put on it.
type bench struct {
	station *Station
	board   *sim.Board
	handles map[string]*handle // by sensor
	chips   map[string]map[uint16]bool
	lines   map[string]*modbusLine
	sdi12   map[string]*sdi12Bus
	ports   map[string]bool // buses with a sensor
	devices int             // of the kernel, so far
}

// handle is what can befall the device of a sensor. Nil: that cannot.
type handle struct {
	unplug, hang, wrong, silence, noFix func(on bool)
	late                                func(by time.Duration)
}

// player puts the device of a sensor on the board.
type player struct {
	play  func(b *bench, s *source) (*handle, error)
	fixed map[string]string // values that a scenario cannot name, and why
}

// cannot says why a scenario cannot name a value of a sensor; empty: it can.
func (p player) cannot(value string, opts any) string {
	if o, ok := opts.(*modbus.ValueOpts); ok && o.Count != 0 {
		return "it counts what happens on the line"
	}
	return p.fixed[value]
}

func newBench(x *Station) *bench {
	return &bench{station: x, board: sim.New(sim.Options{Bare: true, Log: x.log}), handles: map[string]*handle{},
		chips: map[string]map[uint16]bool{}, lines: map[string]*modbusLine{}, sdi12: map[string]*sdi12Bus{}, ports: map[string]bool{}}
}

// connect puts the devices of all sensors on the board: first those that name their address, as the others take what is left.
func (b *bench) connect() (wrong config.Errors) {
	for _, first := range []bool{true, false} {
		for _, s := range b.station.sensors {
			if (addressOf(s.Setup.Opts) != 0) != first {
				continue
			}
			p, ok := players[s.Driver]
			if !ok {
				wrong = append(wrong, s.wrong(fmt.Errorf("nobody plays driver %s", s.Driver))...)
				continue
			}
			h, err := p.play(b, s)
			if err != nil {
				wrong = append(wrong, s.wrong(err)...)
			}
			b.handles[s.Name] = h
			b.ports[s.Setup.Bus] = true
		}
	}
	for name, bus := range b.station.config.Buses { // at a port without a sensor are devices that something is written to
		if bus.Kind == drivers.SerialBus && !b.ports[name] {
			b.lineOf(name, &modbus.Layout{})
		}
	}
	return wrong
}

// possible tells whether a fault can befall its sensor; nil: yes.
func (b *bench) possible(f config.Fault) *config.Error {
	if f.Kind == config.NoDate || f.Kind == config.NoLink {
		return nil
	}
	h := b.handles[f.Of]
	if h == nil {
		return nil // that it is not played is told already
	}
	var can []string
	for kind, is := range h.can() {
		if is {
			can = append(can, string(kind))
		}
	}
	if slices.Contains(can, string(f.Kind)) {
		return nil
	}
	slices.Sort(can)
	hint := "nothing can befall it here"
	if len(can) > 0 {
		hint = "it can have " + strings.Join(can, ", ")
	}
	return b.station.scenario.Wrong("faults."+f.Name+"."+string(f.Kind), fmt.Sprintf("sensor %s, driver %s, cannot have this fault", f.Of, b.station.find(f.Of).Driver), hint)
}

func (h *handle) can() map[config.FaultKind]bool {
	return map[config.FaultKind]bool{config.Unplug: h.unplug != nil, config.Hang: h.hang != nil, config.WrongChip: h.wrong != nil,
		config.Silence: h.silence != nil, config.NoFix: h.noFix != nil, config.Late: h.late != nil}
}

// befall makes a fault begin or end.
func (h *handle) befall(f config.Fault, on bool) {
	switch f.Kind {
	case config.Unplug:
		h.unplug(on)
	case config.Hang:
		h.hang(on)
	case config.WrongChip:
		h.wrong(on)
	case config.Silence:
		h.silence(on)
	case config.NoFix:
		h.noFix(on)
	case config.Late:
		by := f.Delay
		if !on {
			by = 0
		}
		h.late(by)
	}
}
