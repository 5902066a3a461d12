package uplink_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/edge/config"
	"skerry/edge/uplink"
	"skerry/queue"
)

// TestFirstConnect: a Server that has nothing of a ClientID needs not be asked to clear it; one that cannot say is.
func TestFirstConnect(t *testing.T) {
	for _, version := range []config.Version{config.V5, config.V311} {
		for _, unsaid := range []bool{false, true} {
			play(t, func(t *testing.T, at *station) {
				at.config.Version = version
				want := []bool{false}
				if unsaid {
					at.config.Profile, at.config.Version = "activemq", config.V311
					at.server.unsaid = true
					want = []bool{true, false}
				}
				at.start()
				at.online()
				var got []bool
				for _, c := range at.server.connects {
					got = append(got, c.CleanStart)
				}
				if !slices.Equal(got, want) {
					t.Errorf("version %d, unsaid %v: CleanStart %v, want %v", version, unsaid, got, want)
				}
			})
		}
	}
}

// TestCleanStart: a store and a ClientID that have not connected before first clear what the Server holds, on a connection
// that carries nothing; afterwards the session goes on.
func TestCleanStart(t *testing.T) {
	for _, version := range []config.Version{config.V5, config.V311} {
		play(t, func(t *testing.T, at *station) {
			at.config.Version = version
			at.server.session = true // of somebody before us
			at.start()
			at.online()
			at.server.cut()
			at.online()
			at.reboot()
			at.online()
			at.config.ClientID = "wx-043"
			at.restartUplink()
			at.online()
			want := []bool{false, true, false, false, false, false, true, false}
			if len(at.server.connects) != len(want) {
				t.Fatalf("%d connections", len(at.server.connects))
			}
			for i, c := range at.server.connects {
				if c.CleanStart != want[i] {
					t.Errorf("connection %d: CleanStart %v", i, c.CleanStart)
				}
				seconds, _ := c.Properties.SessionExpiryInterval()
				if version == config.V5 && (seconds == broker.Never) == c.CleanStart {
					t.Errorf("connection %d: session expiry %d s", i, seconds)
				}
			}
			if s := at.uplink.Status(); s.LostSession != 0 {
				t.Errorf("status %+v", s)
			}
		})
	}
}

// TestConnectSaysWhatWeTake: what a 5.0 Server must know to hold back [MQTT-3.1.2-24].
func TestConnectSaysWhatWeTake(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.start()
		at.online()
		p := at.server.connects[len(at.server.connects)-1].Properties
		if rm, size := p.ReceiveMaximum(), p.MaximumPacketSize(); rm != 64 || size < 256<<10 || size > 1<<20 {
			t.Errorf("Receive Maximum %d, Maximum Packet Size %d", rm, size)
		}
		if expiry, _ := p.SessionExpiryInterval(); expiry != 1<<32-1 {
			t.Errorf("Session Expiry Interval %d", expiry)
		}
	})
}

// TestOldServer: a 3.1.1 Server cannot say how much it takes.
func TestOldServer(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.config.Version = config.V311
		at.start()
		at.online()
		at.publishMany(0, 100, 2)
		at.taken(100)
		at.server.cut()
		at.online()
		at.publishMany(100, 100, 2)
		at.taken(200)
		at.arrived(200, true)
		if at.server.most > 18 {
			t.Errorf("%d messages of QoS 2 were on their way to a 3.1.1 server", at.server.most)
		}
	})
}

// TestOlderServers: the newest version that a Server understands is found, at once where it says so.
func TestOlderServers(t *testing.T) {
	unsupported := &packet.Connack{ReasonCode: packet.UnsupportedProtocolVersion}
	tests := []struct {
		name   string
		refuse func(c *packet.Connect, bridge bool) *packet.Connack
		want   packet.Version
		bridge bool
	}{
		{"3.1.1 with the bridge bit", func(c *packet.Connect, _ bool) *packet.Connack {
			if c.Version == packet.V5 {
				return unsupported
			}
			return nil
		}, packet.V311, true},
		{"3.1.1 without", func(c *packet.Connect, bridge bool) *packet.Connack {
			if c.Version == packet.V5 || bridge {
				return unsupported
			}
			return nil
		}, packet.V311, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			play(t, func(t *testing.T, at *station) {
				at.server.refuse = test.refuse
				at.config.Retry.Min = time.Minute
				began := time.Now()
				at.start()
				at.online()
				if time.Since(began) > 5*time.Second {
					t.Errorf("online after %v", time.Since(began))
				}
				at.publishMany(0, 10, 2)
				at.taken(10)
				n := len(at.server.connects)
				at.server.cut()
				at.online()
				if len(at.server.connects) != n+1 {
					t.Errorf("what was learned is not used: %d attempts", len(at.server.connects)-n)
				}
				if c := at.server.connects[n]; c.Version != test.want || at.server.bridges[n] != test.bridge {
					t.Errorf("connected by %v, bridge %v", c.Version, at.server.bridges[n])
				}
			})
		})
	}
}

// TestSilentRefusal: a Server that hangs up on what it does not know is found too, but not after one lost connection.
func TestSilentRefusal(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.server.hangUp = true
		at.start()
		at.until("two attempts", func() bool { return at.server.attempts() == 2 })
		at.server.with(func() {
			for _, c := range at.server.connects {
				if c.Version != packet.V5 {
					t.Errorf("tried %v after %d attempts", c.Version, len(at.server.connects))
				}
			}
		})
		at.until("six attempts", func() bool { return at.server.attempts() == 6 })
		at.server.with(func() {
			if c := at.server.connects; c[2].Version != packet.V311 || !at.server.bridges[2] || c[4].Version != packet.V311 || at.server.bridges[4] {
				t.Errorf("attempts %+v", c)
			}
		})
	})
}

// TestNotTheVersion: connections that were closed while the Server was away say nothing about the versions it understands.
func TestNotTheVersion(t *testing.T) {
	for away := range 8 {
		t.Run(fmt.Sprint(away), func(t *testing.T) {
			play(t, func(t *testing.T, at *station) {
				at.server.hangUp = true
				at.start()
				at.until("attempts", func() bool { return at.server.attempts() >= away })
				at.server.with(func() { at.server.hangUp = false })
				at.online()
				at.publishMany(0, 10, 2)
				at.taken(10)
				at.server.with(func() {
					if v := at.server.version; v != packet.V5 {
						t.Errorf("connected by %v", v)
					}
				})
			})
		})
	}
}

// TestDeafServer: a Server that hangs up on what it does not know is found, for good.
func TestDeafServer(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.server.deaf = func(c *packet.Connect) bool { return c.Version == packet.V5 }
		at.start()
		at.online()
		at.publishMany(0, 10, 2)
		at.taken(10)
		n := at.server.attempts()
		at.server.cut()
		at.online()
		at.server.with(func() {
			if len(at.server.connects) != n+1 || at.server.version != packet.V311 || !at.server.bridges[n] {
				t.Errorf("%d attempts, the last by %v, bridge %v", len(at.server.connects)-n, at.server.version, at.server.bridges[n])
			}
		})
	})
}

func (s *upstream) attempts() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.connects)
}

// TestBackoff: a Server that is away is tried ever more seldom, one line says so, and it is found again.
func TestBackoff(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.server.down = true
		at.start()
		time.Sleep(24 * time.Hour)
		at.server.with(func() {
			if at.server.dials < 24*12 || at.server.dials > 24*60 {
				t.Errorf("%d attempts in a day, with waits up to 5 min", at.server.dials)
			}
			at.server.down = false
		})
		lines := at.log.matching("cannot connect")
		if len(lines) != 1 || !strings.Contains(lines[0], "nothing listens there") {
			t.Errorf("log %q", lines)
		}
		at.online()
	})
}

// TestBackoffSpreads: the attempts of a fleet that lost its Server in one moment do not stay together.
func TestBackoffSpreads(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		var dialled []time.Time
		at.options.Dial = func(context.Context, config.Server) (net.Conn, error) {
			dialled = append(dialled, time.Now())
			return nil, syscall.ECONNREFUSED
		}
		at.start()
		time.Sleep(24 * time.Hour)
		at.stopUplink()
		different := map[time.Duration]bool{}
		for i := range dialled[1:] {
			wait := dialled[i+1].Sub(dialled[i])
			different[wait] = true
			if shortest := at.config.Retry.Min; wait > at.config.Retry.Max || i > 0 && wait < shortest {
				t.Errorf("wait %d took %v", i, wait)
			}
		}
		if len(different) < len(dialled)/10 {
			t.Errorf("%d different waits between %d attempts", len(different), len(dialled))
		}
	})
}

// TestInterrupted: a link that stood and was lost has nothing to do with the port or its certificates.
func TestInterrupted(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.start()
		at.online()
		at.server.cut()
		synctest.Wait()
		if lines := at.log.matching("uplink is offline"); len(lines) != 1 || strings.Contains(lines[0], "hint") {
			t.Errorf("log %q", lines)
		}
	})
}

// TestBackoffBeginsAnew: after a connection that lasted, an interruption is short.
func TestBackoffBeginsAnew(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.server.down = true
		at.start()
		time.Sleep(time.Hour)
		at.server.with(func() { at.server.down = false })
		at.online()
		time.Sleep(2 * time.Minute)
		at.server.cut()
		time.Sleep(at.config.Retry.Min)
		if synctest.Wait(); !at.uplink.Status().Online {
			t.Errorf("still offline %v after an interruption: %+v", at.config.Retry.Min, at.uplink.Status())
		}
	})
}

// TestNoFastLoop: a Server that accepts and then closes is no reason to hurry.
func TestNoFastLoop(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.config.Servers = append(at.config.Servers, config.Server{Host: "b.example", Port: 1883})
		at.start()
		for range 3600 {
			time.Sleep(time.Second)
			at.server.cut()
		}
		if at.server.dials > 200 {
			t.Errorf("%d connections in an hour", at.server.dials)
		}
	})
}

// TestTakenOver: somebody else has our ClientID.
func TestTakenOver(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.start()
		at.online()
		at.server.send(&packet.Disconnect{ReasonCode: packet.SessionTakenOver})
		at.until("offline", func() bool { return !at.uplink.Status().Online })
		if s := at.uplink.Status(); !strings.Contains(s.Err, "needs its own") {
			t.Errorf("status %+v", s)
		}
		at.online()
	})
}

// TestAcknowledgementWatchdog: the Server answers PINGREQ but takes nothing.
func TestAcknowledgementWatchdog(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.start()
		at.online()
		time.Sleep(10 * time.Minute) // nothing is on its way: nothing is wrong
		if s := at.uplink.Status(); s.Connections != 1 {
			t.Fatalf("status %+v", s)
		}
		at.server.with(func() { at.server.answer = func(*packet.Publish) (packet.ReasonCode, bool) { return 0, false } })
		began := time.Now()
		at.publishMany(0, 5, 1)
		at.until("offline", func() bool { return !at.uplink.Status().Online })
		if d := time.Since(began); d < 90*time.Second || d > 110*time.Second {
			t.Errorf("noticed after %v", d)
		}
		if lines := at.log.matching("nothing was acknowledged"); len(lines) != 1 {
			t.Errorf("log %q", at.log.lines)
		}
		at.server.with(func() { at.server.answer = nil })
		at.taken(5)
		at.arrived(5, true)
	})
}

// TestSlowServer: as long as something is acknowledged now and then, the connection is left alone.
func TestSlowServer(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.start()
		at.online()
		at.server.with(func() { at.server.answer = func(*packet.Publish) (packet.ReasonCode, bool) { return 0, false } })
		at.publishMany(0, 20, 1)
		for i := range 20 {
			time.Sleep(80 * time.Second)
			at.server.send(&packet.Ack{Type: packet.PUBACK, PacketID: at.server.sentID(i)})
			synctest.Wait()
		}
		if s := at.uplink.Status(); s.Connections != 1 || s.Acknowledged != 20 {
			t.Errorf("status %+v", s)
		}
	})
}

func (s *upstream) sentID(i int) uint16 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sent[len(s.sent)-20+i].PacketID
}

// TestDeadLink: nothing comes back, PINGRESP neither.
func TestDeadLink(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.start()
		at.online()
		at.server.with(func() { at.server.mute = true })
		began := time.Now()
		at.until("offline", func() bool { return !at.uplink.Status().Online })
		if d := time.Since(began); d > 100*time.Second {
			t.Errorf("noticed after %v", d)
		}
		at.server.with(func() { at.server.mute = false })
		at.online()
	})
}

func TestRefusedConnections(t *testing.T) {
	tests := []struct {
		code packet.ReasonCode
		hint string
	}{
		{packet.BadUserNameOrPassword, "check user and password_file"},
		{packet.NotAuthorized, "what the server allows"},
		{packet.ClientIdentifierNotValid, "client_id"},
	}
	for _, test := range tests {
		play(t, func(t *testing.T, at *station) {
			at.server.refuse = func(*packet.Connect, bool) *packet.Connack { return &packet.Connack{ReasonCode: test.code} }
			at.start()
			time.Sleep(time.Hour)
			if s := at.uplink.Status(); s.Online || !strings.Contains(s.Err, test.code.String()) || !strings.Contains(s.Err, test.hint) {
				t.Errorf("status %+v", s)
			}
			if n := len(at.log.matching("cannot connect")); n != 1 {
				t.Errorf("%d lines in an hour", n)
			}
		})
	}
}

// TestStreamKeepsItsBacklog: whatever is changed in the configuration but its name.
func TestStreamKeepsItsBacklog(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.server.down = true
		at.streams = []config.Stream{stream("a", "t/#"), stream("b", "u/#")}
		at.start()
		at.publishMany(0, 50, 1)
		at.streams = []config.Stream{stream("c", "v/#"), stream("a", "t/5", "w")}
		at.config.Prefix = "other/"
		at.restartUplink()
		at.publishMany(50, 10, 1) // t/5 is the only one still matched
		at.publish(&broker.Message{TopicName: "w", QoS: 1, Payload: []byte("w")})
		at.server.with(func() { at.server.down = false })
		at.online()
		at.until("acknowledged", func() bool { return at.uplink.Status().Acknowledged == 52 })
		if n := len(at.server.payloads("other/t/5")); n != 6 {
			t.Errorf("%d messages on t/5", n)
		}
		if n := len(at.server.payloads("other/t/1")); n != 5 {
			t.Errorf("%d messages on t/1", n)
		}
		if n := len(at.server.payloads("other/w")); n != 1 {
			t.Errorf("%d messages on w", n)
		}
	})
}

// TestStreamSetAside: a stream that is carried no more gathers nothing new, keeps what it has, and goes on with that when it
// is carried again. An empty one leaves nothing.
func TestStreamSetAside(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.server.down = true
		at.streams = []config.Stream{stream("a", "t/#"), stream("empty", "nothing/#")}
		at.start()
		at.publishMany(0, 30, 2)
		at.streams = []config.Stream{stream("b", "u/#")}
		at.restartUplink()
		if s := at.uplink.Status(); len(s.Aside) != 1 || s.Aside["a"] != 30 || len(at.log.matching("carried no more")) != 1 {
			t.Errorf("status %+v, log %q", s, at.log.lines)
		}
		at.publishMany(30, 30, 2)
		at.reboot()
		at.server.with(func() { at.server.down = false })
		at.online()
		at.streams = []config.Stream{stream("b", "u/#"), stream("a", "t/#")}
		at.restartUplink()
		at.online()
		at.taken(30)
		time.Sleep(time.Minute)
		at.arrived(30, true)
		if s := at.uplink.Status(); len(s.Aside) != 0 || s.Acknowledged != 30 || s.Backlog["a"] != 0 {
			t.Errorf("status %+v", s)
		}
	})
}

// TestManyStreams: lanes of streams that are gone are used again, and more than there are lanes is an error with a hint.
func TestManyStreams(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		streams := func(from, n int) (all []config.Stream) {
			for i := from; i < from+n; i++ {
				all = append(all, stream(fmt.Sprint("s", i), fmt.Sprintf("t/%d", i%10)))
			}
			return all
		}
		at.streams = streams(0, 15)
		at.start()
		at.online()
		at.publishMany(0, 100, 2)
		at.until("acknowledged", func() bool { return at.uplink.Status().Acknowledged == 150 })
		synctest.Wait()
		at.streams = streams(15, 15)
		at.restartUplink()
		at.online()
		at.publishMany(100, 100, 2)
		at.until("acknowledged", func() bool { return at.uplink.Status().Acknowledged == 150 })
	})
}

// TestRetainedGoesUpOnce: what is retained when a stream begins goes upstream, and not again at each start.
func TestRetainedGoesUpOnce(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.startBroker()
		at.publish(&broker.Message{TopicName: "t/r", Payload: []byte("1"), QoS: 1, Retain: true})
		at.startUplink()
		at.online()
		at.restartUplink()
		at.online()
		time.Sleep(time.Minute) // the acknowledgement of QoS 1 is written when it suits
		at.reboot()
		at.online()
		time.Sleep(time.Minute)
		if got := at.server.payloads("farm/t/r"); len(got) != 1 {
			t.Errorf("got %q", got)
		}
		if p := at.server.last("farm/t/r"); !p.Retain {
			t.Errorf("got %+v", p)
		}
	})
}

// TestServersInOrder: the first of a list that answers is used, and the first of all again after a connection that lasted.
func TestServersInOrder(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.config.Servers = config.Servers{{Host: "a.example", Port: 1883}, {Host: "b.example", Port: 1883}}
		firstDown := true
		at.options.Dial = at.server.dialWhere(func(s config.Server) bool { return s.Host == "b.example" || !firstDown })
		at.start()
		at.online()
		if s := at.uplink.Status(); s.Server != "tcp://b.example:1883" {
			t.Errorf("online at %s", s.Server)
		}
		time.Sleep(2 * time.Minute)
		firstDown = false
		at.server.cut()
		synctest.Wait()
		at.online()
		if s := at.uplink.Status(); s.Server != "tcp://a.example:1883" {
			t.Errorf("online at %s", s.Server)
		}
	})
}

// TestServerThatServesNothing: the first Server accepts, answers PINGREQ, and acknowledges nothing, as one whose disk is full. The next one is asked.
func TestServerThatServesNothing(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.config.Servers = config.Servers{{Host: "a.example", Port: 1883}, {Host: "b.example", Port: 1883}}
		asked := ""
		at.options.Dial = at.server.dialWhere(func(s config.Server) bool { asked = s.Host; return true })
		at.server.with(func() {
			at.server.answer = func(*packet.Publish) (packet.ReasonCode, bool) { return packet.Success, asked == "b.example" }
		})
		at.start()
		at.online()
		at.publishMany(0, 20, 1)
		time.Sleep(5 * time.Minute)
		if s := at.uplink.Status(); s.Acknowledged != 20 || s.Server != "tcp://b.example:1883" {
			t.Errorf("%d of 20 after 5 min, %s, %d connections", s.Acknowledged, s.Server, s.Connections)
		}
	})
}

// TestUplinkRetired: an uplink that is configured no more gathers nothing, keeps what it holds until it is configured again,
// and is forgotten when it holds nothing.
func TestUplinkRetired(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.server.down = true
		at.start()
		at.publishMany(0, 10, 2)
		at.stopUplink()
		for range 2 { // the second time there is nothing more to do
			if err := uplink.Retire(at.broker, []string{"other"}, slog.New(at.log)); err != nil {
				t.Fatal(err)
			}
		}
		if lines := at.log.matching("carried no more"); len(lines) != 2 || !strings.Contains(lines[0], "uplink=cloud") {
			t.Errorf("log %q", lines)
		}
		at.publishMany(10, 10, 2)
		at.reboot()
		at.server.with(func() { at.server.down = false })
		at.online()
		at.taken(10)
		time.Sleep(time.Minute)
		at.arrived(10, true)
		at.stopUplink()
		at.log.lines = nil
		if err := uplink.Retire(at.broker, nil, slog.New(at.log)); err != nil {
			t.Fatal(err)
		}
		if len(at.log.lines) > 0 {
			t.Errorf("log %q", at.log.lines)
		}
		if n := len(slices.Collect(at.store.Sessions())); n != 0 {
			t.Errorf("%d sessions are left", n)
		}
	})
}

// TestEcho: a Server that cannot be asked not to send back what it got is told of, if that would come in again.
func TestEcho(t *testing.T) {
	for filter, want := range map[string]int{"farm/#": 1, "+/t/+": 1, "#": 1, "cmd/#": 0} {
		play(t, func(t *testing.T, at *station) {
			at.config.Receive = config.ReceiveMap{{Filter: filter, Local: "in"}}
			at.streams = []config.Stream{stream("a", "t/#")}
			at.server.refuse = func(c *packet.Connect, bridge bool) *packet.Connack {
				if bridge || c.Version == packet.V5 {
					return &packet.Connack{ReasonCode: packet.UnsupportedProtocolVersion}
				}
				return nil
			}
			at.start()
			at.online()
			if lines := at.log.matching("send back"); len(lines) != want {
				t.Errorf("%s: log %q", filter, at.log.lines)
			}
		})
	}
}

// TestStopOnADeadLink: the gateway stops although the writer is blocked.
func TestStopOnADeadLink(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.start()
		at.online()
		stalled := make(chan struct{})
		at.server.with(func() { at.server.stalled = stalled })
		at.publishMany(0, 3, 1) // the first is read, then no more
		synctest.Wait()
		at.publishMany(3, 100, 1)
		synctest.Wait()
		began := time.Now()
		at.stopUplink()
		if d := time.Since(began); d > 1500*time.Millisecond {
			t.Errorf("stopped after %v", d)
		}
		close(stalled)
	})
}

// TestMemoryDamaged: what the uplink remembers is lost or cannot be read. The backlog does not depend on it.
func TestMemoryDamaged(t *testing.T) {
	for name, value := range map[string][]byte{"lost": nil, "damaged": []byte("{"), "wrong lanes": []byte(`{"streams":{"a":{"slot":2},"b":{"slot":2}}}`)} {
		t.Run(name, func(t *testing.T) {
			play(t, func(t *testing.T, at *station) {
				at.server.down = true
				at.streams = []config.Stream{stream("a", "t/1", "t/2"), stream("b", "t/3"), stream("c", "t/4")}
				at.start()
				at.publishMany(0, 100, 2)
				at.stopUplink()
				if _, err := at.broker.PutFact("uplink/cloud", value); err != nil {
					t.Fatal(err)
				}
				at.streams = []config.Stream{at.streams[2], at.streams[0], at.streams[1]}
				at.server.with(func() { at.server.down = false })
				at.startUplink()
				at.online()
				at.taken(40)
				at.until("all settled", func() bool {
					b := at.uplink.Status().Backlog
					return b["a"]+b["b"]+b["c"] == 0
				})
			})
		})
	}
}

// stray leaves the session of a stream as damage to the disk may: it has the Packet Identifiers of the first lane, and nobody knows of it.
func (at *station) stray(name, filter string) {
	at.t.Helper()
	s, _, err := at.broker.Connect(broker.ConnectOptions{
		ClientID: "uplink/cloud/" + name, Internal: true, Group: "uplink/cloud", Version: packet.V5, SessionExpiryInterval: broker.Never,
		PacketIDs: queue.Range{First: 1, Count: 4096},
	})
	if err != nil {
		at.t.Fatal(err)
	}
	s.Subscribe([]broker.Subscription{{TopicFilter: filter, QoS: 2, NoLocal: true, RetainAsPublished: true}}, nil)
	s.Disconnect(broker.DisconnectOptions{})
}

// TestSameLane: two streams that have the same Packet Identifiers are not carried side by side, unless one is empty.
func TestSameLane(t *testing.T) {
	for _, empty := range []bool{true, false} {
		play(t, func(t *testing.T, at *station) {
			at.server.down = true
			at.streams = []config.Stream{stream("a", "t/1")}
			at.start()
			at.publishMany(0, 100, 2)
			at.stopUplink()
			at.stray("b", "t/2")
			if !empty {
				at.publishMany(100, 100, 2)
			}
			at.streams = []config.Stream{stream("a", "t/1"), stream("b", "t/2")}
			at.server.with(func() { at.server.down = false })
			at.restartUplink()
			at.online()
			at.until("settled", func() bool { return at.uplink.Status().Backlog["a"] == 0 })
			_, carried := at.uplink.Status().Backlog["b"]
			if lines := at.log.matching("cannot be carried"); carried != empty || len(lines) != map[bool]int{true: 0, false: 1}[empty] {
				t.Errorf("empty %v: carried %v, log %q", empty, carried, lines)
			}
		})
	}
}
