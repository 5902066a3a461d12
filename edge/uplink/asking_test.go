package uplink_test

import (
	"testing"
	"time"

	"skerry/broker/packet"
	"skerry/edge/config"
)

// has tells whether the session upstream has a filter.
func (s *upstream) has(filter string) (ok bool) {
	s.with(func() { _, ok = s.filters[filter] })
	return ok
}

// TestRefusedFilterIsAskedForAgain: a cluster without a leader refuses a filter for a moment, and who may have which is changed while
// everything runs.
func TestRefusedFilterIsAskedForAgain(t *testing.T) {
	for _, v := range []config.Version{config.V5, config.V311} {
		t.Run(packet.Version(v).String(), func(t *testing.T) {
			play(t, func(t *testing.T, at *station) {
				at.config.Version = v
				at.config.Receive = config.ReceiveMap{{Filter: "cmd/#", Local: "cmd/#"}, {Filter: "news", Local: "news"}}
				at.server.with(func() { at.server.forbidden = "cmd/#" })
				at.start()
				at.online()
				at.until("the other filter", func() bool { return at.server.has("news") })
				time.Sleep(12 * time.Hour)
				at.server.with(func() {
					if n := at.server.asked; n < 5 || n > 100 {
						t.Errorf("%d SUBSCRIBE in 12 hours", n)
					}
					at.server.forbidden = ""
				})
				time.Sleep(2 * time.Hour)
				if !at.server.has("cmd/#") {
					t.Error("the filter was not asked for again")
				}
				if n := at.uplink.Status().Connections; n != 1 {
					t.Errorf("%d connections", n)
				}
				asked := 0
				at.server.with(func() { asked = at.server.asked })
				time.Sleep(12 * time.Hour)
				at.server.with(func() {
					if at.server.asked != asked {
						t.Errorf("%d more SUBSCRIBE although everything is granted", at.server.asked-asked)
					}
				})
			})
		})
	}
}

// TestServerThatHangsUpOnSubscribe: AWS IoT does when its policy does not allow a filter, RabbitMQ while the node is down on which the queue
// of the session lives. What leaves the site must not wait for that.
func TestServerThatHangsUpOnSubscribe(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.config.Receive = config.ReceiveMap{{Filter: "cmd/#", Local: "cmd/#"}}
		at.server.with(func() { at.server.rude = true })
		at.start()
		at.publishMany(0, 200, 1)
		at.taken(200)
		at.arrived(200, false)
		for hour := range 24 {
			time.Sleep(time.Hour)
			at.publishMany(200+hour*10, 10, 1)
		}
		at.taken(440)
		if n := at.uplink.Status().Connections; n > 150 {
			t.Errorf("%d connections in a day", n)
		}
		at.server.with(func() { at.server.rude = false })
		at.until("subscribed", func() bool { return at.server.has("cmd/#") })
		if lines := at.log.matching("hangs up on SUBSCRIBE"); len(lines) != 1 {
			t.Errorf("log %q", lines)
		}
	})
}

// TestLacks: what the server does not have is said, in the log once and in the status as long as it is so.
func TestLacks(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.config.Receive = config.ReceiveMap{{Filter: "cmd/#", Local: "cmd/#"}, {Filter: "news", Local: "news"}, {Filter: "x", Local: "x"}}
		at.server.with(func() {
			at.server.forbidden = "x"
			at.server.limits = at.server.limits.AppendNumber(packet.WildcardSubscriptionAvailable, 0).AppendNumber(packet.SessionExpiryInterval, 5).
				AppendNumber(packet.MaximumQoS, 1)
		})
		at.start()
		at.online()
		at.publishMany(0, 10, 2)
		at.until("upstream", func() bool { return at.uplink.Status().Acknowledged == 10 })
		s := at.uplink.Status()
		if at.server.has("cmd/#") || !at.server.has("news") || len(s.NoFilters) != 2 || s.NoFilters["cmd/#"] != "Wildcard Subscriptions not supported (0xA2)" ||
			s.NoFilters["x"] != "Unspecified error (0x80)" {
			t.Errorf("refused %q", s.NoFilters)
		}
		for _, text := range []string{"write the topics under receive one by one", "Unspecified error (0x80)", "for a short time only", "takes less than a message wants"} {
			if n := len(at.log.matching(text)); n != 1 {
				t.Errorf("%d lines say %q: %q", n, text, at.log.lines)
			}
		}
		at.server.with(func() { at.server.forbidden = "" })
		time.Sleep(2 * time.Hour)
		if s := at.uplink.Status(); len(s.NoFilters) != 1 {
			t.Errorf("refused %q", s.NoFilters)
		}
	})
}
