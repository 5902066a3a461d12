package sampler

import (
	"fmt"
	"log/slog"
	"sync"
	"time"

	"skerry/drivers"
	"skerry/edge/config"
)

// supplies are the lines that feed sensors. Sensors of several buses may share one: it is on while any of them needs it.
type supplies struct {
	buses drivers.Buses
	log   *slog.Logger
	mu    sync.Mutex
	lines map[string]*supply
}

// supply is one line.
type supply struct {
	mu    sync.Mutex
	line  drivers.Output // nil: not taken yet
	high  bool           // the level that feeds
	needs int
	since time.Time // when it was switched on
}

func newSupplies(buses drivers.Buses, log *slog.Logger) *supplies {
	return &supplies{buses: buses, log: log, lines: map[string]*supply{}}
}

func (s *supplies) of(p *config.Power) *supply {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lines[p.Pin]
	if l == nil {
		l = &supply{high: p.High()}
		s.lines[p.Pin] = l
	}
	return l
}

// on feeds a sensor, and tells since when the line has been on. With an error it does not, and off is not called.
func (s *supplies) on(p *config.Power) (since time.Time, err error) {
	l := s.of(p)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.needs > 0 {
		l.needs++
		return l.since, nil
	}
	if err := l.set(s.buses, p.Pin, true); err != nil {
		return time.Time{}, fmt.Errorf("switch the supply on: %w", err)
	}
	l.needs, l.since = 1, time.Now()
	return l.since, nil
}

// off tells that a sensor needs no supply any more.
func (s *supplies) off(p *config.Power) {
	l := s.of(p)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.needs--; l.needs > 0 {
		return
	}
	if err := l.set(s.buses, p.Pin, false); err != nil {
		s.log.Warn("the supply of a sensor was left on", "pin", p.Pin, "err", err)
	}
}

// set drives the line. One that fails is given back, and taken anew the next time.
func (l *supply) set(buses drivers.Buses, pin string, on bool) (err error) {
	level := on == l.high
	if l.line == nil {
		l.line, err = buses.Output(pin, level)
		if err != nil {
			l.line = nil
		}
		return err
	}
	if err := l.line.Set(level); err != nil {
		_ = l.line.Close() // that it fails is told already
		l.line = nil
		return err
	}
	return nil
}

// close switches everything off and gives the lines back.
func (s *supplies) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for pin, l := range s.lines {
		l.mu.Lock()
		if l.line != nil {
			err := l.line.Set(!l.high)
			if e := l.line.Close(); err == nil {
				err = e
			}
			if err != nil {
				s.log.Warn("the supply of a sensor was left as it was", "pin", pin, "err", err)
			}
			l.line = nil
		}
		l.mu.Unlock()
	}
}
