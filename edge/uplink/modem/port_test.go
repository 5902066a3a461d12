package modem_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"skerry/board"
	"skerry/drivers"
	"skerry/edge/uplink/modem"
	"skerry/edge/uplink/modem/modemtest"
)

// plugged is a modem on a pseudo-terminal, opened as the gateway opens ports, in the machine's own time.
func plugged(t *testing.T, m *modemtest.Modem, every time.Duration) (w *modem.Watcher, until func(what string, holds func(modem.Signal) bool) modem.Signal) {
	t.Helper()
	if err := m.Plug(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	changes := make(chan struct{}, 1)
	w, err := modem.New(modem.Options{
		Modem: m.Device(), Every: every, Patience: 2 * time.Second,
		Open: func(device string) (drivers.Port, error) {
			return board.OpenPort(device, board.Merge(drivers.SerialConfig{}, modem.Cellular.Line()), board.RS485{})
		},
		Changed: func(modem.Signal) {
			select {
			case changes <- struct{}{}:
			default:
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { w.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
		m.Unplug()
	})
	return w, func(what string, holds func(modem.Signal) bool) modem.Signal {
		t.Helper()
		end := time.After(time.Minute)
		for {
			s := w.Signal()
			if holds(s) {
				return s
			}
			select {
			case <-changes:
			case <-time.After(20 * time.Millisecond):
			case <-end:
				t.Fatalf("waited for %s: %+v", what, w.Status())
			}
		}
	}
}

func band(b modem.Band) func(modem.Signal) bool {
	return func(s modem.Signal) bool { return s.Band == b }
}

// TestModemOnAPty: the AT+CSQ of a modem on a pseudo-terminal falls from 25 to 5 and comes back.
func TestModemOnAPty(t *testing.T) {
	m := modemtest.New(modemtest.Fine())
	w, until := plugged(t, m, 50*time.Millisecond)
	s := until("a good signal", band(modem.Good))
	if s.CSQ != modem.At(25) || s.Operator != "222-10" || s.APN != "iot.example.net" || s.Technology != "LTE" || s.Registration != modem.Home {
		t.Errorf("%+v", s)
	}
	if e := w.Effects(); e != (modem.Effects{Ping: 1, Ack: 1}) {
		t.Errorf("good: %+v", e)
	}
	m.Set(func(s *modemtest.State) { s.CSQ = 5 })
	until("a poor one", band(modem.Poor))
	if e := w.Effects(); e != (modem.Effects{Ping: 0.8, Ack: 2, Held: modem.State | modem.Live | modem.Backfill, Freeze: true}) {
		t.Errorf("poor: %+v", e)
	}
	m.Set(func(s *modemtest.State) { s.CSQ = 25 })
	until("a good one again", band(modem.Good))
	if e := w.Effects(); e != (modem.Effects{Ping: 1, Ack: 1}) {
		t.Errorf("good again: %+v", e)
	}
}

// TestModemIsPulled: its port goes away and returns, with a modem that was switched off meanwhile.
func TestModemIsPulled(t *testing.T) {
	m := modemtest.New(modemtest.Fine())
	w, until := plugged(t, m, 100*time.Millisecond)
	until("a good signal", band(modem.Good))
	if err := m.Unplug(); err != nil {
		t.Fatal(err)
	}
	until("no signal", band(modem.Unknown))
	if st := w.Status(); st.Err == "" || st.Effects != modem.EffectsOf(modem.Fair) {
		t.Errorf("unplugged: %+v", st)
	}
	m.Set(func(s *modemtest.State) { s.CSQ, s.Operator = 12, "26201" })
	if err := m.Plug(""); err != nil {
		t.Fatal(err)
	}
	s := until("the signal of the modem that came back", band(modem.Fair))
	if s.Operator != "262-01" || s.Model != "T1000" {
		t.Errorf("%+v", s)
	}
	if st := w.Status(); st.Err != "" {
		t.Errorf("plugged in again: %+v", st)
	}
}
