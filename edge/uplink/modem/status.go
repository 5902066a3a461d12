package modem

import "time"

// Status is the truth about a modem in plain values. Counters are since the start of the gateway.
type Status struct {
	Modem   string  `json:"modem"` // of the configuration
	Signal  Signal  `json:"signal"`
	Effects Effects `json:"effects"`

	HeldUntil time.Time `json:"held_until,omitzero"` // when the next class is let go though the signal is no better; zero: none is held
	Polls     uint64    `json:"polls"`
	Failures  uint64    `json:"failures"`      // polls that were not answered
	Err       string    `json:"err,omitempty"` // of the last poll, or what is wrong with the SIM; with a hint
}

// Status gives a copy.
func (w *Watcher) Status() Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	s := Status{Modem: w.o.Modem, Signal: w.look(now), Effects: w.effects(now), Polls: w.polls, Failures: w.failures, Err: w.signal.Trouble}
	s.HeldUntil = w.holds.release(now)
	if w.err != nil {
		s.Err = w.err.Error()
	}
	return s
}

// String is a line for people.
func (s Status) String() string {
	if s.Modem == Absent {
		return "no modem is configured"
	}
	text := "modem " + s.Modem + ": " + s.Signal.String()
	if s.Effects.Held != 0 {
		text += "; held back: " + s.Effects.Held.String()
	}
	if s.Signal.Frozen != "" {
		text += "; keep-alive is not learned: " + s.Signal.Frozen
	}
	if s.Err != "" {
		text += "; " + s.Err
	}
	return text
}
