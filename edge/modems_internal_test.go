package edge

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"skerry/board/sim"
	"skerry/edge/config"
	"skerry/edge/uplink"
)

// nearUplink is an uplink as modems see it.
type nearUplink struct {
	status uplink.Status
	sensed []string
}

func (u *nearUplink) Sensed(link string)    { u.sensed = append(u.sensed, link) }
func (u *nearUplink) Status() uplink.Status { return u.status }

func two(links ...config.Link) *config.Config {
	return &config.Config{Uplinks: []config.Uplink{{Name: "a", Links: links}, {Name: "b", Links: links[:1]}}}
}

// TestModemOfTwoUplinks: one watcher tells both, and no step takes the modem from the one that is online over it.
func TestModemOfTwoUplinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lte := config.Link{Name: "lte", Kind: "cellular", Modem: config.Modem{Port: "/dev/ttyUSB2", Baud: 115200}}
		g := &Gateway{config: two(lte, config.Link{Name: "lan", Kind: "ethernet"}), log: slog.New(slog.DiscardHandler)}
		if err := g.openModems(nil); err != nil {
			t.Fatal(err)
		}
		if n := len(g.modems.all); n != 1 {
			t.Fatalf("%d watchers for one modem", n)
		}
		s, taken := g.modems.all[0], 0
		s.steps.radio.do = func(context.Context) error { taken++; return nil }
		a, b := &nearUplink{}, &nearUplink{status: uplink.Status{Online: true, Link: "lte"}}
		s.users = []user{{a, "a", "lte"}, {b, "b", "lte"}}
		s.changed()
		if len(a.sensed) != 1 || len(b.sensed) != 1 {
			t.Error("not both were told")
		}
		m := g.modems.of(g.config.Uplinks[0])
		if m("lan") != nil || m("lte") == nil || m("lte").Power != nil {
			t.Errorf("%+v, %+v", m("lan"), m("lte"))
		}
		radio := m("lte").Radio
		if err := radio(t.Context()); !errors.Is(err, errUsed) || taken != 0 {
			t.Errorf("taken from the other uplink: %v", err)
		}
		b.status.Link = "spare"
		if err := radio(t.Context()); err != nil || taken != 1 {
			t.Errorf("not taken: %v", err)
		}
		if err := g.modems.of(g.config.Uplinks[1])("lte").Radio(t.Context()); err != nil || taken != 1 {
			t.Errorf("taken again by the other one: %v", err)
		}
		time.Sleep(againAfter)
		if err := radio(t.Context()); err != nil || taken != 2 {
			t.Errorf("not taken again: %v", err)
		}
	})
}

// TestModemOfTwoLinks: a link that is lost does not take the modem from the one of the same uplink that works over it, as where both say auto.
func TestModemOfTwoLinks(t *testing.T) {
	one := config.Link{Name: "one", Kind: "cellular", Modem: config.Modem{Auto: true}}
	other := config.Link{Name: "other", Kind: "cellular", Modem: config.Modem{Auto: true}}
	g := &Gateway{config: two(one, other), log: slog.New(slog.DiscardHandler)}
	if err := g.openModems(nil); err != nil {
		t.Fatal(err)
	}
	s, taken := g.modems.all[0], 0
	s.steps.bearer.do = func(context.Context) error { taken++; return nil }
	u := &nearUplink{status: uplink.Status{Online: true, Link: "other"}}
	s.users = []user{{u, "a", "one"}, {u, "a", "other"}}
	bearer := g.modems.of(g.config.Uplinks[0])("one").Bearer
	if err := bearer(t.Context()); !errors.Is(err, errUsed) || taken != 0 {
		t.Errorf("taken from the other link: %v", err)
	}
	u.status.Online = false
	if err := bearer(t.Context()); err != nil || taken != 1 {
		t.Errorf("not taken: %v", err)
	}
}

// TestPowerOfAModem: the supply is cut for some seconds, at the level that the file says.
func TestPowerOfAModem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		board := sim.New(sim.Options{})
		defer board.Close()
		lte := config.Link{Name: "lte", Kind: "cellular", Modem: config.Modem{Auto: true, Power: config.ModemPower{Pin: "GPIO22", Active: "low"}}}
		g := &Gateway{config: two(lte), log: slog.New(slog.DiscardHandler)}
		if err := g.openModems(board); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- g.modems.of(g.config.Uplinks[0])("lte").Power(t.Context()) }()
		synctest.Wait()
		if high, taken := board.Line("GPIO22").Level(); !high || !taken {
			t.Error("the modem runs while its supply is cut")
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if high, taken := board.Line("GPIO22").Level(); high || taken {
			t.Error("the modem is left without its supply")
		}
	})
}
