package broker_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
)

func TestSessionPresent(t *testing.T) {
	versions(t, func(t *testing.T, at *site, v packet.Version) {
		for _, step := range []struct {
			name    string
			options []option
			present bool
		}{
			{"first connection", []option{keep(broker.Never)}, false},
			{"resumed [MQTT-3.2.2-2]", []option{keep(broker.Never)}, true},
			{"Clean Start [MQTT-3.1.2-4]", []option{keep(broker.Never), clean}, false},
			{"resumed after Clean Start", []option{keep(broker.Never)}, true},
			{"Clean Start without keeping", []option{clean}, false},
			{"nothing was kept", []option{keep(broker.Never)}, false},
		} {
			c := at.connect("c", append(step.options, version(v))...)
			if c.SessionPresent != step.present {
				t.Errorf("%s: SessionPresent = %v", step.name, c.SessionPresent)
			}
			c.leave()
		}
	})
}

func TestSessionPresentAfterRestart(t *testing.T) {
	versions(t, func(t *testing.T, at *site, v packet.Version) {
		at.connect("kept", keep(broker.Never), version(v)).leave()
		at.connect("not kept", version(v)).leave()
		at.connect("deleted", keep(broker.Never), version(v)).leave()
		at.connect("deleted", clean, version(v)).leave()
		for _, again := range []func(){at.restart, func() { at.reboot(time.Hour) }} {
			again()
			for id, want := range map[string]bool{"kept": true, "not kept": false, "deleted": false} {
				c := at.connect(id, keep(0), version(v))
				if c.SessionPresent != want {
					t.Errorf("%s: SessionPresent = %v", id, c.SessionPresent)
				}
				if id == "kept" {
					c = at.connect(id, keep(broker.Never), version(v))
					if c.SessionPresent {
						t.Error("a session whose expiry was set to 0 went on with the next connection")
					}
				}
				c.leave()
			}
		}
	})
}

func TestClientID(t *testing.T) {
	for _, tc := range []struct {
		name     string
		clientID string
		version  packet.Version
		clean    bool
		want     packet.ReasonCode
		assigned bool
	}{
		{"3.1 without", "", packet.V31, true, packet.ClientIdentifierNotValid, false},
		{"3.1.1 without, clean [MQTT-3.1.3-7]", "", packet.V311, true, packet.Success, true},
		{"3.1.1 without, not clean [MQTT-3.1.3-8]", "", packet.V311, false, packet.ClientIdentifierNotValid, false},
		{"5.0 without [MQTT-3.1.3-6]", "", packet.V5, false, packet.Success, true},
		{"not UTF-8 [MQTT-3.1.3-4]", "a\xff", packet.V5, true, packet.ClientIdentifierNotValid, false},
		{"too long", strings.Repeat("a", 65536), packet.V5, true, packet.ClientIdentifierNotValid, false},
		{"longer than 23 bytes", strings.Repeat("a", 200), packet.V311, true, packet.Success, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			run(t, func(t *testing.T, at *site) {
				c, err := at.dial(tc.clientID, version(tc.version), with(func(o *broker.ConnectOptions) { o.CleanStart = tc.clean }))
				if tc.want != packet.Success {
					if !errors.Is(err, tc.want) {
						t.Fatalf("got %v, want %v", err, tc.want)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if c.Assigned != tc.assigned || c.Session.ClientID() == "" || c.Session.ClientID() != c.Connected.ClientID {
					t.Errorf("ClientID %q, assigned %v", c.Session.ClientID(), c.Assigned)
				}
			})
		})
	}
}

func TestAssignedClientIDIsUnique(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		a, b := at.connect(""), at.connect("")
		if a.Session.ClientID() == b.Session.ClientID() {
			t.Fatalf("two Clients are %q", a.Session.ClientID())
		}
		again := at.connect(a.Session.ClientID())
		if a.closedWith() != packet.SessionTakenOver || again.Assigned {
			t.Error("an assigned ClientID cannot be used to connect again")
		}
	})
}

func TestSessionBelongsToItsUser(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		at.connect("c", keep(broker.Never), user("alice")).subscribe("a", 1)
		for _, restarted := range []bool{false, true} {
			if restarted {
				at.restart()
			}
			for _, other := range []string{"bob", ""} {
				for _, how := range []option{keep(broker.Never), clean} {
					if _, err := at.dial("c", how, user(other)); !errors.Is(err, packet.NotAuthorized) {
						t.Errorf("user %q got alice's session: %v", other, err)
					}
				}
			}
		}
		if c := at.connect("c", keep(broker.Never), user("alice")); !c.SessionPresent {
			t.Error("alice has lost her session")
		}
	})
}

func TestAnonymousSessionIsAdopted(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		at.connect("c", keep(broker.Never)).leave()
		if c := at.connect("c", keep(broker.Never), user("alice")); !c.SessionPresent {
			t.Error("not adopted")
		}
		at.restart()
		if _, err := at.dial("c", keep(broker.Never)); !errors.Is(err, packet.NotAuthorized) {
			t.Errorf("alice's session is anonymous again: %v", err)
		}
	})
}

// ... but not from under somebody who is connected: a user could shut out those who need no name on this machine.
func TestAnonymousConnectionIsNotAdopted(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		for _, how := range []option{keep(broker.Never), keep(0)} {
			c := at.connect("c", how)
			for _, takes := range []option{keep(broker.Never), clean} {
				if _, err := at.dial("c", takes, user("mallory")); !errors.Is(err, packet.NotAuthorized) {
					t.Errorf("a user has taken an anonymous connection over: %v", err)
				}
			}
			again := at.connect("c", how) // who is as anonymous may, as in every broker
			if code := c.closedWith(); code != packet.SessionTakenOver {
				t.Errorf("closed with %v", code)
			}
			again.leave()
			at.connect("c", clean, user("alice")).leave()
		}
	})
}

func TestInternalSessionsHaveTheirOwnNames(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		inside := with(func(o *broker.ConnectOptions) { o.Internal = true })
		uplink := at.connect("uplink/cloud/all", keep(broker.Never), inside)
		at.connect("uplink/cloud/all", keep(broker.Never))
		if uplink.closedWith() != 0 {
			t.Error("a Client took an internal session over")
		}
	})
}

func TestInternal(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		inside := with(func(o *broker.ConnectOptions) { o.Internal = true })
		at.connect("uplink/b", keep(broker.Never), inside)
		at.connect("uplink/a", keep(broker.Never), inside).leave()
		at.connect("volatile", inside)
		at.connect("client", keep(broker.Never))
		at.restart()
		if got := at.Internal(); !slices.Equal(got, []string{"uplink/a", "uplink/b"}) {
			t.Errorf("got %q", got)
		}
		at.connect("uplink/b", clean, inside).leave()
		if got := at.Internal(); !slices.Equal(got, []string{"uplink/a"}) {
			t.Errorf("after the end of uplink/b: %q", got)
		}
	})
}

func TestLimitOfSessions(t *testing.T) {
	runWith(t, broker.Options{Limits: broker.Limits{Sessions: 2}}, func(t *testing.T, at *site) {
		at.connect("inside", with(func(o *broker.ConnectOptions) { o.Internal = true })) // does not count
		at.connect("a", keep(broker.Never)).leave()
		b := at.connect("b")
		if _, err := at.dial("c"); !errors.Is(err, packet.QuotaExceeded) {
			t.Errorf("third session: %v", err)
		}
		at.connect("a", keep(broker.Never))
		b.leave()
		at.connect("c")
	})
}

func TestMaxSessionExpiry(t *testing.T) {
	runWith(t, broker.Options{MaxSessionExpiry: 60}, func(t *testing.T, at *site) {
		c := at.connect("c", keep(broker.Never))
		if c.SessionExpiryInterval != 60 {
			t.Errorf("granted %d s", c.SessionExpiryInterval)
		}
		c.lose()
		time.Sleep(59 * time.Second)
		if c = at.connect("c", keep(10)); !c.SessionPresent || c.SessionExpiryInterval != 10 {
			t.Errorf("present %v, granted %d s", c.SessionPresent, c.SessionExpiryInterval)
		}
		inside := at.connect("i", keep(broker.Never), with(func(o *broker.ConnectOptions) { o.Internal = true }))
		if inside.SessionExpiryInterval != broker.Never {
			t.Errorf("an internal session was granted %d s", inside.SessionExpiryInterval)
		}
	})
}
