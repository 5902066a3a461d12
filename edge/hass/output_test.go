package hass_test

import (
	"fmt"
	"strings"
	"testing"

	"skerry/edge/hass/hasstest"
)

const twoBrokers = `
gateway: {id: wx, site: lake}
buses: {rs485: {serial: /dev/ttyUSB0, baud: 9600}}
outputs:
  heater: {driver: gpio, pin: GPIO27}
  fan: {driver: pwm, range: 20..100, round: 5, command: {time: required}}
  valve: {driver: modbus, bus: rs485, unit_id: 2, table: holding, address: 1, type: int16, multiply: 0.01, range: -1..1}
  lamp: {driver: gpio, pin: GPIO22, command: {topic: ""}}
uplinks: {cloud: {mqtt: "tcp://up.example", prefix: farm/, receive: {"farm/{site}/{gateway}/heater/set": "{site}/{gateway}/heater/set"}}}
home_assistant: {to: local}
`

var outputs = []string{"heater", "fan", "valve", "lamp"}

// TestOutputs: what can be set is a switch or a number, at the topic that leads to it; what cannot is shown as what it is.
func TestOutputs(t *testing.T) {
	for _, c := range []struct {
		to, want string
		notes    int
	}{
		{"local", "heater switch lake/wx/heater lake/wx/heater/set, fan number lake/wx/fan lake/wx/fan/set, " +
			"valve number lake/wx/valve lake/wx/valve/set, lamp binary_sensor lake/wx/lamp ", 0},
		{"cloud", "heater switch farm/lake/wx/heater farm/lake/wx/heater/set, fan sensor farm/lake/wx/fan , " +
			"valve sensor farm/lake/wx/valve , lamp binary_sensor farm/lake/wx/lamp ", 2},
	} {
		p := plan(t, strings.Replace(twoBrokers, "to: local", "to: "+c.to, 1))
		ids := map[string]bool{}
		for _, a := range p.Documents {
			checkDocument(t, a, ids)
		}
		var got []string
		for _, name := range outputs {
			e := find(t, p, "skerry__wx:output:"+name)
			got = append(got, fmt.Sprint(name, " ", e.Platform, " ", e.StateTopic, " ", e.CommandTopic))
		}
		if got := strings.Join(got, ", "); got != c.want || len(p.Notes) != c.notes {
			t.Errorf("to %s: got\n%s\nwant\n%s\nnotes %v", c.to, got, c.want, p.Notes)
		}
	}
}

// TestOutputTime: a command that an uplink may hold up says when it was given, so that it cannot come hours later and look new.
func TestOutputTime(t *testing.T) {
	for to, want := range map[string]bool{"local": false, "cloud": true} {
		heater := find(t, plan(t, strings.Replace(twoBrokers, "to: local", "to: "+to, 1)), "skerry__wx:output:heater")
		if got := strings.Contains(heater.CommandTemplate, `"time":"{{ utcnow().isoformat() }}"`); got != want {
			t.Errorf("to %s: %q", to, heater.CommandTemplate)
		}
	}
}

// TestOutputNote says what is missing for an output to be set.
func TestOutputNote(t *testing.T) {
	p := plan(t, strings.Replace(twoBrokers, "to: local", "to: cloud", 1))
	const want = `uplinks.cloud: nothing under receive leads to lake/wx/fan/set: Home Assistant will show output fan, and not set it (receive: {"farm/lake/wx/fan/set": "lake/wx/fan/set"})`
	if !strings.Contains(fmt.Sprint(p.Notes), want) {
		t.Errorf("notes %v", p.Notes)
	}
}

// TestOutputStates reads states as an output publishes them.
func TestOutputStates(t *testing.T) {
	p := plan(t, twoBrokers)
	if fan := find(t, p, "skerry__wx:output:fan"); !strings.Contains(fan.CommandTemplate, `"time":"{{ utcnow().isoformat() }}"`) || *fan.Step != 5 || *fan.Min != 20 {
		t.Errorf("%+v", fan)
	}
	heater, valve := find(t, p, "skerry__wx:output:heater"), find(t, p, "skerry__wx:output:valve")
	if heater.PayloadOn != "on" || heater.PayloadOff != "off" || *valve.Min != -1 || *valve.Max != 1 || *valve.Step != 0.02 {
		t.Errorf("%+v %+v", heater, valve)
	}
	for payload, want := range map[string]string{
		`{"value":"on","time":"2026-11-22T04:16:00.000Z"}`: "online on", `{"value":0.5,"wanted":1,"waits":"interlock"}`: "online 0.5",
		`{"value":null,"quality":"bad"}`: "offline None", `{"value":"on","quality":"stale"}`: "offline on",
	} {
		available, err := hasstest.Render(heater.Availability[1].ValueTemplate, payload)
		if err != nil {
			t.Fatal(err)
		}
		value, err := hasstest.Render(heater.ValueTemplate, payload)
		if err != nil {
			t.Fatal(err)
		}
		if got := available + " " + value; got != want {
			t.Errorf("%s is %q, want %q", payload, got, want)
		}
	}
}
