package edge

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"skerry/board"
	"skerry/drivers"
	"skerry/edge/config"
	"skerry/edge/uplink"
	"skerry/edge/uplink/modem"
)

// againAfter is how soon a step that one uplink has taken on a modem is of use to another one.
const againAfter = time.Minute

// modems are those that links of the uplinks name. Links that name the same one share it.
type modems struct {
	all []*shared
}

// shared is a modem, and the links that use it.
type shared struct {
	of      config.Modem
	watcher *modem.Watcher
	steps   steps
	turn    sync.Mutex // steps are taken one at a time

	mu    sync.Mutex
	users []user
}

// user is a link over a modem.
type user struct {
	uplink interface { // *uplink.Uplink
		Sensed(link string)
		Status() uplink.Status
	}
	name string // of the uplink
	link string
}

// steps are what brings a modem back.
type steps struct{ bearer, radio, power *step }

// step is one of them.
type step struct {
	do   func(context.Context) error
	done time.Time // when it was taken last
}

// openModems makes a watcher for each modem. It opens no port. A simulated station has none: its modems would be those of the machine that
// simulates it.
func (g *Gateway) openModems(buses drivers.Buses) error {
	g.modems = &modems{}
	if g.simulated != nil {
		return nil
	}
	for _, u := range g.config.Uplinks {
		for _, l := range u.Links {
			if l.Modem.None() || g.modems.find(l.Modem) != nil {
				continue
			}
			s, err := g.newModem(l, buses)
			if err != nil {
				return fmt.Errorf("uplink %s, link %s: %w", u.Name, l.Name, err)
			}
			g.modems.all = append(g.modems.all, s)
		}
	}
	return nil
}

// newModem is the modem of a link.
func (g *Gateway) newModem(l config.Link, buses drivers.Buses) (*shared, error) {
	s := &shared{of: l.Modem}
	o := modem.Options{Modem: modem.Auto, Every: g.modemPoll, Changed: func(modem.Signal) { s.changed() }, Log: g.log}
	if l.Kind == "certus" {
		o.Scale = modem.Iridium
	}
	if !l.Modem.Auto {
		o.Modem, o.Context = l.Modem.Port, l.Modem.Context
		o.Open = func(device string) (drivers.Port, error) {
			return board.OpenPort(device, board.Merge(drivers.SerialConfig{Baud: l.Modem.Baud}, o.Scale.Line()), board.RS485{})
		}
	}
	var err error
	if s.watcher, err = modem.New(o); err != nil {
		return nil, err
	}
	s.steps = steps{bearer: &step{do: s.watcher.Bounce}, radio: &step{do: s.watcher.Radio}}
	switch p := l.Modem.Power; {
	case p.Pin != "":
		s.steps.power = &step{do: modem.PowerByOutput(buses.Output, p.Pin, !p.High())}
	case p.USB != "":
		cut, err := modem.PowerByUSB(buses.Files(), p.USB)
		if err != nil {
			return nil, err
		}
		s.steps.power = &step{do: cut}
	}
	return s, nil
}

// find is the modem that a link names; nil: there is none.
func (m *modems) find(named config.Modem) *shared {
	for _, s := range m.all {
		if s.of.Auto == named.Auto && s.of.Port == named.Port && !named.None() {
			return s
		}
	}
	return nil
}

// of gives the modems of the links of an uplink.
func (m *modems) of(c config.Uplink) func(link string) *uplink.Modem {
	return func(link string) *uplink.Modem {
		for _, l := range c.Links {
			if s := m.find(l.Modem); l.Name == link && s != nil {
				return &uplink.Modem{Watcher: s.watcher, Bearer: s.take(c.Name, link, s.steps.bearer), Radio: s.take(c.Name, link, s.steps.radio),
					Power: s.take(c.Name, link, s.steps.power)}
			}
		}
		return nil
	}
}

// serve has an uplink told of the signal of its links.
func (m *modems) serve(c config.Uplink, u *uplink.Uplink) {
	for _, l := range c.Links {
		if s := m.find(l.Modem); s != nil {
			s.mu.Lock()
			s.users = append(s.users, user{u, c.Name, l.Name})
			s.mu.Unlock()
		}
	}
}

// run watches the modems until ctx ends.
func (m *modems) run(ctx context.Context) error {
	var running sync.WaitGroup
	defer running.Wait()
	for _, s := range m.all {
		running.Go(func() { s.watcher.Run(ctx) })
	}
	return nil
}

func (s *shared) changed() {
	for _, u := range s.usedBy() {
		u.uplink.Sensed(u.link)
	}
}

func (s *shared) usedBy() []user {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.users
}

// errUsed is why a step is not taken.
var errUsed = errors.New("not taken, as the modem works for another link")

// take takes a step for a link of an uplink, unless the modem works for another one, or has had that step just now; nil: there is no such step.
func (s *shared) take(name, link string, what *step) func(context.Context) error {
	if what == nil {
		return nil
	}
	return func(ctx context.Context) error {
		s.turn.Lock()
		defer s.turn.Unlock()
		for _, u := range s.usedBy() {
			if status := u.uplink.Status(); (u.name != name || u.link != link) && status.Online && status.Link == u.link {
				return fmt.Errorf("%w: %s, %s", errUsed, u.name, u.link)
			}
		}
		if !what.done.IsZero() && time.Since(what.done) < againAfter {
			return nil
		}
		err := what.do(ctx)
		what.done = time.Now()
		return err
	}
}
