package uplink_test

import (
	"strings"
	"testing"
	"time"

	"skerry/broker/packet"
	"skerry/edge/config"
)

// denies has the server refuse what is published under topics with a prefix.
func (s *upstream) denies(code packet.ReasonCode, prefix string) {
	s.with(func() {
		s.answer = func(p *packet.Publish) (packet.ReasonCode, bool) {
			if prefix != "" && strings.HasPrefix(string(p.TopicName), prefix) {
				return code, true
			}
			return packet.Success, true
		}
	})
}

// TestDenied: a server on which the station has no rights yet costs nothing of the backlog, and it is asked seldom.
func TestDenied(t *testing.T) {
	for _, code := range []packet.ReasonCode{packet.NotAuthorized, packet.UnspecifiedError, packet.ImplementationSpecificError} {
		for _, qos := range []byte{1, 2} {
			play(t, func(t *testing.T, at *station) {
				at.server.denies(code, "farm/t/")
				at.start()
				at.online()
				at.publishMany(0, 100, qos)
				time.Sleep(6 * time.Hour)
				s := at.uplink.Status()
				if s.Refused != 0 || s.Acknowledged != 0 || s.Backlog["all"] != 100 || s.Sent > 400 {
					t.Fatalf("refused %d, acknowledged %d, backlog %v, sent %d", s.Refused, s.Acknowledged, s.Backlog, s.Sent)
				}
				if why := s.Streams[0].Halt; !strings.Contains(why, code.String()) || len(at.log.matching("refuses what a stream publishes")) != 1 {
					t.Errorf("status %q, log %q", why, at.log.lines)
				}
				at.server.denies(0, "")
				at.until("all taken", func() bool { return at.uplink.Status().Backlog["all"] == 0 })
				at.arrived(100, qos == 2)
				if s := at.uplink.Status(); s.Streams[0].Halt != "" || s.Refused != 0 {
					t.Errorf("status %+v", s)
				}
			})
		}
	}
}

// TestDeniedLater: rights that are taken away while the station runs cost nothing either, be it that one topic was refused before.
func TestDeniedLater(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.server.denies(packet.NotAuthorized, "farm/t/3")
		at.start()
		at.online()
		at.publishMany(0, 100, 1)
		at.until("settled", func() bool { s := at.uplink.Status(); return s.Refused == 10 && s.Acknowledged == 90 })
		at.server.denies(packet.NotAuthorized, "farm/t/")
		at.publishMany(100, 100, 1)
		time.Sleep(6 * time.Hour)
		if s := at.uplink.Status(); s.Refused > 20 || s.Backlog["all"] < 90 {
			t.Fatalf("refused %d, backlog %v", s.Refused, s.Backlog)
		}
		at.server.cut()
		at.online()
		time.Sleep(6 * time.Hour)
		if s := at.uplink.Status(); s.Refused > 20 || s.Backlog["all"] < 90 {
			t.Fatalf("refused %d, backlog %v after a cut", s.Refused, s.Backlog)
		}
	})
}

// TestDeniedTopic: a stream is not held up for long by topics of its own that nobody may publish, nor by one that has nothing else.
func TestDeniedTopic(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = []config.Stream{stream("all", "t/#"), stream("forbidden", "x/#")}
		at.server.denies(packet.NotAuthorized, "farm/x/")
		at.start()
		at.online()
		at.fill("x/a", 20, 1)
		at.fill("x/b", 20, 1)
		for i := range 30 {
			at.publishMany(10*i, 10, 1)
			time.Sleep(time.Minute)
		}
		s := at.uplink.Status()
		if s.Backlog["all"] != 0 || s.Acknowledged != 300 || s.Refused != 40 || s.Backlog["forbidden"] != 0 {
			t.Errorf("acknowledged %d, refused %d, backlog %v", s.Acknowledged, s.Refused, s.Backlog)
		}
	})
}

// TestDeniedOnDemand: what the server refuses does not hold a session open, nor have one begin before it is asked again.
func TestDeniedOnDemand(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.config.Links = []config.Link{{Name: "sat", Kind: "certus", Session: config.OnDemand, KeepAlive: config.KeepAlive{Min: time.Minute, Max: time.Minute}}}
		at.server.denies(packet.NotAuthorized, "farm/t/")
		at.start()
		at.publishMany(0, 100, 1)
		online := 0
		for range 24 * 3600 {
			time.Sleep(time.Second)
			if at.uplink.Status().Online {
				online++
			}
		}
		s := at.uplink.Status()
		if s.Backlog["all"] != 100 || s.Connections < 10 || s.Connections > 60 || online > 20*int(s.Connections) {
			t.Errorf("backlog %v, %d connections that stood for %d s, %d sent", s.Backlog, s.Connections, online, s.Sent)
		}
		t.Logf("%d connections, %d s, %d sent", s.Connections, online, s.Sent)
	})
}

// TestDeniedSinglesLeaveInBlocks: what a server refused message by message leaves in blocks when the stream is changed to them: it may allow nothing else.
func TestDeniedSinglesLeaveInBlocks(t *testing.T) {
	for _, qos := range []byte{1, 2} {
		play(t, func(t *testing.T, at *station) {
			at.server.denies(packet.NotAuthorized, "farm/t/")
			at.start()
			at.online()
			at.publishMany(0, 100, qos)
			time.Sleep(time.Second) // a part is on its way, or refused
			at.streams[0].Encode = config.EncodePack
			at.restartUplink()
			at.online()
			at.allIn()
			if s := at.uplink.Status(); s.Refused != 0 {
				t.Errorf("QoS %d: %d were given up", qos, s.Refused)
			}
			at.arrived(100, true)
		})
	}
}

// TestGrantedMeanwhile: what was refused is not given up since rights were granted a moment later.
func TestGrantedMeanwhile(t *testing.T) {
	for _, qos := range []byte{1, 2} {
		play(t, func(t *testing.T, at *station) {
			n := 0
			at.server.with(func() {
				at.server.answer = func(p *packet.Publish) (packet.ReasonCode, bool) {
					if !strings.HasPrefix(string(p.TopicName), "farm/t/") {
						return packet.Success, true
					}
					if n++; n <= 3 {
						return packet.NotAuthorized, true
					}
					return packet.Success, true
				}
			})
			at.start()
			at.online()
			at.publishMany(0, 100, qos)
			at.until("all taken", func() bool { return at.uplink.Status().Backlog["all"] == 0 })
			if s := at.uplink.Status(); s.Refused != 0 {
				t.Errorf("QoS %d: %d were given up", qos, s.Refused)
			}
		})
	}
}
