package uplink_test

import (
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker/packet"
	"skerry/edge/config"
)

// TestGreetingWithConnect: the state topic leaves with CONNECT, from the second connection on: only then the session is known to be ours.
func TestGreetingWithConnect(t *testing.T) {
	for _, tt := range []struct {
		name     string
		change   func(at *station)
		together bool
	}{
		{"MQTT 5", func(*station) {}, true},
		{"MQTT 3.1.1", func(at *station) { at.config.Version = config.V311 }, false},
		{"AWS IoT", func(at *station) { at.config.Profile = "aws-iot" }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			play(t, func(t *testing.T, at *station) {
				tt.change(at)
				at.start()
				at.online()
				if at.server.early != 0 {
					t.Error("something came before CONNACK on the first connection")
				}
				at.publishMany(0, 10, 2)
				at.taken(10)
				at.server.cut()
				at.online()
				synctest.Wait()
				if got := at.server.early > 0; got != tt.together {
					t.Errorf("with CONNECT: %v, want %v", got, tt.together)
				}
				if p := at.server.last(stateTopic); string(p.Payload) != "online" || !p.Retain {
					t.Errorf("state %+v", p)
				}
				at.publishMany(10, 10, 2)
				at.taken(20)
				at.arrived(20, true)
				at.stopUplink()
				synctest.Wait()
				if p := at.server.last(stateTopic); string(p.Payload) != "offline" {
					t.Errorf("state %+v", p)
				}
			})
		})
	}
}

// TestGreetingRefused: a server that hangs up on what comes before its CONNACK, in whatever way, is served as before, at the price of one
// connection now and then.
func TestGreetingRefused(t *testing.T) {
	for name, refuses := range map[string]func(*upstream){
		"before CONNACK":    func(s *upstream) { s.early, s.impatient = 0, 1 },
		"after CONNACK":     func(s *upstream) { s.early, s.impatient = 0, 2 },
		"with DISCONNECT":   func(s *upstream) { s.early, s.impatient = 0, 3 },
		"answers too early": func(s *upstream) { s.early, s.impatient = 0, 4 },
	} {
		t.Run(name, func(t *testing.T) {
			play(t, func(t *testing.T, at *station) {
				at.server.with(func() { refuses(at.server) })
				at.start()
				at.online()
				at.server.cut()
				time.Sleep(time.Minute)
				at.online()
				at.server.with(func() {
					if at.server.early != 1 {
						t.Errorf("tried %d times", at.server.early)
					}
					at.server.early = 0
				})
				tried := map[int]int{}
				for i := range 30 {
					at.server.cut()
					time.Sleep(time.Minute)
					at.online()
					at.server.with(func() { tried[i] = at.server.early })
				}
				if tried[5] != 0 || tried[10] != 1 || tried[22] != 1 || tried[29] != 2 {
					t.Errorf("tried again: %v", tried)
				}
				if p := at.server.last(stateTopic); string(p.Payload) != "online" {
					t.Errorf("state %+v", p)
				}
			})
		})
	}
}

// TestGreetingAndOneMessage: a server that takes one message at a time is not given two.
func TestGreetingAndOneMessage(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.server.limits = packet.Properties(nil).AppendNumber(packet.ReceiveMaximum, 1)
		at.start()
		at.online()
		at.publishMany(0, 20, 2)
		for range 3 {
			at.server.cut()
			at.online()
		}
		at.taken(20)
		if at.server.exceeded > 0 {
			t.Errorf("given too many %d times", at.server.exceeded)
		}
		at.arrived(20, true)
	})
}

// TestEagerToNarrowServer: a server that takes one message at a time, and may hold one, is not greeted with CONNECT after a restart either.
func TestEagerToNarrowServer(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.server.limits = packet.Properties(nil).AppendNumber(packet.ReceiveMaximum, 1)
		at.start()
		at.online()
		at.server.with(func() { at.server.late = time.Second })
		at.publishMany(0, 20, 2)
		for range 8 {
			time.Sleep(1700 * time.Millisecond)
			at.restartUplink()
			at.online()
		}
		at.until("all taken", func() bool { return at.uplink.Status().Backlog["all"] == 0 })
		at.arrived(20, true)
		if at.server.exceeded > 0 {
			t.Errorf("Receive Maximum was exceeded %d times", at.server.exceeded)
		}
	})
}
