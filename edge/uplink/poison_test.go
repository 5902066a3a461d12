package uplink_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/edge/config"
)

// poisoned hangs up on messages with this payload.
func (s *upstream) poisoned(payload string) {
	s.with(func() { s.poison = func(p *packet.Publish) bool { return string(p.Payload) == payload } })
}

// TestPoison: the server hangs up on one message, whatever the reason. What is behind it and what is in other streams arrives, and it is
// given up after minutes, once and not in silence.
func TestPoison(t *testing.T) {
	for _, c := range []struct {
		name    string
		qos     byte
		class   string
		version config.Version
	}{{"qos 1", 1, "live", config.V5}, {"qos 2", 2, "live", config.V5}, {"an alarm", 1, "alarm", config.V5}, {"3.1.1", 2, "live", config.V311}, {"state", 1, "state", config.V5}} {
		t.Run(c.name, func(t *testing.T) {
			play(t, func(t *testing.T, at *station) {
				at.config.Version = c.version
				at.streams = []config.Stream{{Name: "sick", Class: c.class, Match: []string{"t/#", "poison"}}, {Name: "other", Match: []string{"other"}}}
				at.server.poisoned("poison")
				at.start()
				at.online()
				began := time.Now()
				at.publishMany(0, 10, c.qos)
				at.publish(&broker.Message{TopicName: "poison", Payload: []byte("poison"), QoS: c.qos})
				at.publishMany(10, 10, c.qos)
				at.publish(&broker.Message{TopicName: "other", Payload: []byte("x"), QoS: 1})
				at.until("the other stream", func() bool { return len(at.server.payloads("farm/other")) > 0 })
				if took := time.Since(began); took > 20*time.Minute { // three waits between attempts, of 5 min at most each
					t.Errorf("another stream waited %v", took)
				}
				at.until("what is behind it", func() bool {
					n := 0
					for _, p := range at.server.payloads("farm/t/9") {
						if p == "19" {
							n++
						}
					}
					return n > 0
				})
				if took := time.Since(began); took < 3*time.Minute || took > 40*time.Minute {
					t.Errorf("given up after %v", took)
				}
				at.until("all acknowledged", func() bool { return at.uplink.Status().Backlog["sick"] == 0 })
				if c.class == "state" { // what something newer has made needless may be left out
					for topic := range 10 {
						if got := at.server.payloads(fmt.Sprintf("farm/t/%d", topic)); !slices.Contains(got, fmt.Sprint(10+topic)) {
							t.Errorf("topic %d: %v", topic, got)
						}
					}
				} else {
					at.arrived(20, c.qos == 2)
				}
				if n := at.uplink.Status().Refused; n != 1 {
					t.Errorf("refused %d", n)
				}
				lines := at.log.matching("hangs up on")
				if len(lines) != 1 || !strings.Contains(lines[0], "topic=poison") {
					t.Errorf("log: %q", lines)
				}
			})
		})
	}
}

// TestPoisonIsNoOutage: a server that hangs up on every message, and one that cannot be reached in between, get everything in the end.
func TestPoisonIsNoOutage(t *testing.T) {
	for name, sick := range map[string]func(at *station){
		"hangs up on all": func(at *station) {
			at.server.with(func() { at.server.poison = func(*packet.Publish) bool { return true } })
			time.Sleep(6 * time.Hour)
		},
		"hangs up on all but the state": func(at *station) {
			at.server.with(func() { at.server.poison = func(p *packet.Publish) bool { return string(p.TopicName) != stateTopic } })
			time.Sleep(6 * time.Hour)
		},
		"restarts": func(at *station) {
			at.server.poisoned("3")
			for range 40 {
				time.Sleep(50 * time.Second)
				at.server.with(func() { at.server.down = true })
				at.server.cut()
				time.Sleep(10 * time.Minute)
				at.server.with(func() { at.server.down = false })
			}
		},
		"shuts down": func(at *station) {
			at.server.with(func() {
				at.server.poison, at.server.farewell = func(p *packet.Publish) bool { return string(p.Payload) == "3" }, packet.ServerShuttingDown
			})
			time.Sleep(6 * time.Hour)
		},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, func(t *testing.T, at *station) {
				at.start()
				at.online()
				at.server.with(func() { at.server.poison = func(*packet.Publish) bool { return true } })
				at.publishMany(0, 10, 1)
				sick(at)
				at.server.with(func() { at.server.poison = nil })
				lost := 0
				if name == "hangs up on all but the state" { // nobody can know that it is not that message
					lost = 1
				}
				at.taken(10 - lost)
				synctest.Wait()
				if lost == 0 {
					at.arrived(10, false)
				}
				if n := at.uplink.Status().Refused; n != uint64(lost) {
					t.Errorf("refused %d; %q", n, at.log.matching("hangs up on"))
				}
			})
		})
	}
}

// TestPoisonAgain: the next message of a topic of which one was given up does not take as long.
func TestPoisonAgain(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.server.poisoned("poison")
		at.start()
		at.online()
		for range 3 {
			at.publish(&broker.Message{TopicName: "poison", Payload: []byte("poison"), QoS: 1})
		}
		at.publishMany(0, 10, 1)
		at.taken(10)
		if n := at.uplink.Status().Refused; n != 3 {
			t.Errorf("refused %d", n)
		}
		sent := 0
		at.server.with(func() {
			for _, p := range at.server.sent {
				if slices.Equal(p.Payload, []byte("poison")) {
					sent++
				}
			}
		})
		if sent > 20 {
			t.Errorf("sent %d times", sent)
		}
	})
}
