package config_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"skerry/edge/config"
	"skerry/edge/uplink/budget"
	"skerry/edge/uplink/kind"
)

// TestLinks: what the file says, and what each link has that the file says nothing about.
func TestLinks(t *testing.T) {
	c := mustLoad(t, `
gateway: {id: wx}
uplinks:
  cloud:
    mqtt: "tls://h"
    links:
      - {name: lte, interface: wwan0, kind: cellular, keep_alive: 1min..25min, modem: /dev/ttyUSB2, price: 0.10 EUR/MB,
         schedule: {every: 15min, at_once: [alarm]}, budget: {bytes: [2MB/day, 50MB/month], reset_day: 5}}
      - {name: sat, interface: ppp0, kind: certus, modem: {port: /dev/ttyS1, baud: 9600}, price: 0.16 USD/50B, session: on-demand, classes: [alarm],
         budget: {bytes: 200kB/day, reserve: 0%}}
      - {name: lan}
`)
	want := []config.Link{{
		Name: "lte", Interface: "wwan0", Kind: "cellular", KeepAlive: config.KeepAlive{Min: time.Minute, Max: 25 * time.Minute},
		Modem: config.Modem{Port: "/dev/ttyUSB2", Baud: 115200}, Price: config.Price{Price: budget.Price{Amount: 0.1, Currency: "EUR", Per: 1_000_000}},
		Schedule: &config.Schedule{Every: 15 * time.Minute, Stay: 45 * time.Second, AtOnce: []string{"alarm"}}, Session: config.Auto,
		Budget: &config.Budget{Bytes: config.Allowances{{Bytes: 2_000_000, Period: budget.Day}, {Bytes: 50_000_000, Period: budget.Month}}, ResetDay: 5, Reserve: 10, Count: config.BySocket},
		Retry:  config.DurationRange{Min: 2 * time.Second, Max: 5 * time.Minute},
	}, {
		Name: "sat", Interface: "ppp0", Kind: "certus", KeepAlive: config.KeepAlive{Min: time.Minute, Max: 28 * time.Minute},
		Modem: config.Modem{Port: "/dev/ttyS1", Baud: 9600}, Price: config.Price{Price: budget.Price{Amount: 0.16, Currency: "USD", Per: 50}},
		Session: config.OnDemand, Classes: []string{"alarm"},
		Budget: &config.Budget{Bytes: config.Allowances{{Bytes: 200_000, Period: budget.Day}}, ResetDay: 1, Count: config.BySocket},
		Retry:  config.DurationRange{Min: 10 * time.Second, Max: 30 * time.Minute},
	}, {
		Name: "lan", Kind: "ethernet", KeepAlive: config.KeepAlive{Min: time.Minute, Max: time.Minute}, Session: config.Auto,
		Retry: config.DurationRange{Min: 5 * time.Second, Max: 5 * time.Minute},
	}}
	for i, l := range c.Uplinks[0].Links {
		if !reflect.DeepEqual(l, want[i]) {
			t.Errorf("link %d:\n%+v, want\n%+v", i, l, want[i])
		}
	}
	if l := c.Uplinks[0].Links[1]; l.Carries("live") || !l.Carries("alarm") || l.Price.Cost(100) != 0.32 {
		t.Errorf("%+v carries what it should not, or costs %v", l, l.Price.Cost(100))
	}
}

// TestAlarmsBreakASchedule: unless the file says otherwise, or the link does not carry them.
func TestAlarmsBreakASchedule(t *testing.T) {
	for text, want := range map[string][]string{
		"{name: a, schedule: {every: 1h}}":                          {"alarm"},
		"{name: a, classes: [live, alarm], schedule: {every: 1h}}":  {"alarm"},
		"{name: a, classes: [live], schedule: {every: 1h}}":         nil,
		"{name: a, schedule: {every: 1h, at_once: []}}":             nil,
		"{name: a, schedule: {every: 1h, at_once: [state]}}":        {"state"},
		"{name: a, schedule: {every: 1h, at_once: [alarm, state]}}": {"alarm", "state"},
	} {
		c := mustLoad(t, "gateway: {id: wx}\nuplinks: {cloud: {mqtt: \"tls://h\", links: ["+text+"]}}\n")
		if got := c.Uplinks[0].Links[0].Schedule.AtOnce; !slices.Equal(got, want) {
			t.Errorf("%s: %v at once, want %v", text, got, want)
		}
	}
}

// TestModems: where the speed is not said it is that of the kind, and what cuts the supply may stand beside ModemManager.
func TestModems(t *testing.T) {
	c := mustLoad(t, `
gateway: {id: wx}
uplinks:
  a:
    mqtt: "tls://h"
    links:
      - {name: lte, interface: wwan0, kind: cellular, modem: {port: auto, power: {usb: 1-1-port2}}}
      - {name: m2m, interface: wwan1, kind: lte-m, modem: {port: /dev/ttyUSB2, power: {pin: GPIO22, active: low}}}
      - {name: sat, interface: ppp0, kind: certus, modem: /dev/ttyS1}
      - {name: old, interface: ppp1, kind: cellular, modem: none}
  b: {mqtt: "tls://i", links: [{name: m2m, interface: wwan1, kind: lte-m, modem: {port: /dev/ttyUSB2, power: {pin: GPIO22, active: low}}}]}
`)
	want := []config.Modem{
		{Auto: true, Power: config.ModemPower{USB: "1-1-port2"}},
		{Port: "/dev/ttyUSB2", Baud: 115200, Power: config.ModemPower{Pin: "GPIO22", Active: "low"}},
		{Port: "/dev/ttyS1", Baud: 19200},
		{},
	}
	for i, l := range c.Uplinks[0].Links {
		if l.Modem != want[i] {
			t.Errorf("%s: %+v, want %+v", l.Name, l.Modem, want[i])
		}
	}
	if p := want[1].Power; p.High() || !want[2].Power.High() {
		t.Error("the level that feeds is the other one")
	}
}

// TestNoLinks: an uplink without links is what it was before there were any.
func TestNoLinks(t *testing.T) {
	c := mustLoad(t, `
gateway: {id: wx}
uplinks: {a: {mqtt: "tls://h"}, b: {mqtt: "tls://i", keep_alive: 1min..5min, retry: 1s..1h}}
`)
	minute := config.KeepAlive{Min: time.Minute, Max: time.Minute}
	want := []config.Link{{Name: "default", Kind: kind.Ethernet, KeepAlive: minute, Session: config.Always, Retry: config.DurationRange{Min: 5 * time.Second, Max: 5 * time.Minute}}}
	if got := c.Uplinks[0].Links; !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	l := c.Uplinks[1].Links[0]
	if l.KeepAlive != (config.KeepAlive{Min: time.Minute, Max: 5 * time.Minute}) || l.KeepAlive.String() != "1min..5min" || l.Retry != (config.DurationRange{Min: time.Second, Max: time.Hour}) {
		t.Errorf("%+v", l)
	}
}

// TestInherited: the uplink's keep_alive and retry are those of its links that have none.
func TestInherited(t *testing.T) {
	c := mustLoad(t, `
gateway: {id: wx}
uplinks:
  cloud:
    mqtt: "tls://h"
    keep_alive: 5min
    retry: 1s..1h
    links: [{name: lte, interface: wwan0, kind: cellular}, {name: sat, interface: ppp0, kind: geo, keep_alive: 10min}]
`)
	for i, want := range []time.Duration{5 * time.Minute, 10 * time.Minute} {
		if l := c.Uplinks[0].Links[i]; l.KeepAlive.Min != want || l.KeepAlive.Learned() || l.Retry != (config.DurationRange{Min: time.Second, Max: time.Hour}) {
			t.Errorf("%+v", l)
		}
	}
}

// TestKinds: the language and the table of kinds name the same.
func TestKinds(t *testing.T) {
	field, _ := reflect.TypeFor[config.Link]().FieldByName("Kind")
	var words string
	for i, name := range kind.Names() {
		if i > 0 {
			words += " "
		}
		words += name
	}
	if got := field.Tag.Get("oneof"); got != words {
		t.Errorf("the language has %q, the table %q", got, words)
	}
}

// TestBilling: what counts bytes, what is billed, and where days begin.
func TestBilling(t *testing.T) {
	c := mustLoad(t, `
gateway: {id: wx}
uplinks:
  cloud:
    mqtt: "tls://h"
    links:
      - {name: a, interface: a, kind: cellular, budget: {bytes: 2MB/day, count: interface, unit: {session: 5kB, step: 1kB, after: 5min, per_second: 300B}}}
      - {name: b, interface: b, kind: cellular, budget: {bytes: 2MB/day, unit: {step: 1kB}, zone: UTC}}
      - {name: c, interface: c, kind: cellular, budget: {bytes: 2MB/day, unit: certus}}
      - {name: d, interface: d, kind: certus, budget: {bytes: 2MB/day, unit: bytes}}
      - {name: e, interface: e, kind: certus}
      - {name: f, interface: f, kind: lte-m, modem: {port: /dev/ttyS1, context: 3}}
      - {name: g, interface: g}
`)
	want := []struct {
		unit             string
		demand, chooses  bool
		bytes1, bytes600 int64 // what 1,001 bytes are billed as, in a session of 1 and of 600 s
	}{
		{"sessions", true, false, 5000, 180_000}, {"sessions", false, true, 2000, 2000}, {"certus", true, false, 5000, 180_000},
		{"bytes", false, true, 1001, 1001}, {"certus", true, false, 5000, 180_000}, {"", false, true, 1001, 1001}, {"", false, false, 1001, 1001},
	}
	for i, l := range c.Uplinks[0].Links {
		u, w := l.Billed(), want[i]
		if u.Name != w.unit || l.OnDemand() != w.demand || l.Chooses() != w.chooses || u.Billed(1001, time.Second) != w.bytes1 || u.Billed(1001, 600*time.Second) != w.bytes600 {
			t.Errorf("link %s: %+v, on demand %v, chooses %v; want %+v", l.Name, u, l.OnDemand(), l.Chooses(), w)
		}
	}
	links := c.Uplinks[0].Links
	if links[0].Budget.Count != config.ByInterface || links[1].Budget.Count != config.BySocket || links[1].Budget.Zone.String() != "UTC" || links[5].Modem.Context != 3 {
		t.Errorf("%+v, %+v, %+v", links[0].Budget, links[1].Budget, links[5].Modem)
	}
}
