package edge_test

import (
	"context"
	"net"
	"strings"
	"testing"

	"skerry/board/sim"
	"skerry/broker/client"
	"skerry/broker/packet"
	"skerry/edge"
)

const switches = `
gateway: {id: wx-1, site: lake, board: sim}
storage: {path: $DATA}
broker: {listeners: {local: {tcp: "127.0.0.1:0", anonymous: true}}}
outputs:
  heater: {driver: gpio, pin: GPIO27, active: low}
  siren: {driver: gpio, pin: GPIO22, initial: on, on_stop: on}
  fan: {driver: pwm, range: 20..100}
`

// tell publishes a command.
func (s *station) tell(topic, payload string) {
	s.t.Helper()
	nc, err := net.Dial("tcp", s.Address("local").String())
	if err != nil {
		s.t.Fatal(err)
	}
	defer nc.Close()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	c, err := client.Connect(ctx, nc, &packet.Connect{Version: packet.V5, CleanStart: true}, client.Options{})
	if err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.Run(ctx)
	}()
	if err := c.Publish(ctx, &packet.Publish{TopicName: []byte(topic), Payload: []byte(payload), QoS: 1}); err != nil {
		s.t.Error(err)
	}
	c.Disconnect(packet.NormalDisconnection)
	<-ended
}

// TestOutputs: a station sets its lines at the start, by commands and at its end, and says so.
func TestOutputs(t *testing.T) {
	leavesNothing(t)
	b := sim.New(sim.Options{})
	defer b.Close()
	line := func(when, name string, high, taken bool) {
		t.Helper()
		if level, has := b.Line(name).Level(); level != high || has != taken {
			t.Errorf("%s, %s: high %t, taken %t", when, name, level, has)
		}
	}
	cfg := configure(t, switches)
	s := start(t, cfg, edge.Options{Buses: b})
	heater, siren, fan := s.hear("local", "lake/wx-1/heater"), s.hear("local", "lake/wx-1/siren"), s.hear("local", "lake/wx-1/fan")
	heater.wait(on("lake/wx-1/heater", `"value":"off"`))
	siren.wait(on("lake/wx-1/siren", `"value":"on"`))
	line("at the start", "GPIO27", true, true)
	line("at the start", "GPIO22", true, true)
	s.tell("lake/wx-1/heater/set", "on")
	heater.wait(on("lake/wx-1/heater", `"value":"on"`))
	line("on", "GPIO27", false, true)
	s.tell("lake/wx-1/siren/set", "off")
	siren.wait(on("lake/wx-1/siren", `"value":"off"`))
	line("off", "GPIO22", false, true)
	s.tell("lake/wx-1/fan/set", "60")
	fan.wait(on("lake/wx-1/fan", `"value":60`))
	if duty, _ := b.PWM().Duty(0); duty != 60 {
		t.Errorf("the fan has %v %%", duty)
	}
	for _, e := range []*ear{heater, siren, fan} {
		e.close()
	}
	s.stop()
	line("after the end", "GPIO27", true, false)
	line("after the end", "GPIO22", true, false)
	if duty, runs := b.PWM().Duty(0); duty != 20 || !runs {
		t.Errorf("after the end the fan has %v %%, runs %t", duty, runs)
	}

	// What was published at the end is there after the next start, until the outputs say otherwise.
	cfg.Outputs = nil
	s = start(t, cfg, edge.Options{Buses: b})
	late := s.hear("local", "lake/wx-1/+")
	late.wait(on("lake/wx-1/heater", `"reason":"stop"`))
	late.close()
}

// TestLineInUse: a line that somebody else has is reported, holds up nothing, and is taken when it is free.
func TestLineInUse(t *testing.T) {
	leavesNothing(t)
	b := sim.New(sim.Options{})
	defer b.Close()
	other, err := b.Output("GPIO27", false)
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, configure(t, switches), edge.Options{Buses: b})
	live, siren := s.hear("local", "lake/wx-1/heater"), s.hear("local", "lake/wx-1/siren")
	m := live.wait(on("lake/wx-1/heater", `"error":"`))
	if !strings.Contains(string(m.Payload), "in use; name another pin") || !strings.Contains(string(m.Payload), `"value":null`) {
		t.Errorf("%s", m.Payload)
	}
	s.tell("lake/wx-1/siren/set", "off")
	siren.wait(on("lake/wx-1/siren", `"value":"off"`))
	other.Close()
	live.wait(on("lake/wx-1/heater", `"value":"off"`))
	live.close()
	siren.close()
	s.stop()
	if log := s.log.String(); strings.Count(log, "output fails") != 1 || !strings.Contains(log, "output answers again") {
		t.Errorf("the log:\n%s", log)
	}
}
