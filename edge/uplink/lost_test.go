package uplink_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"skerry/edge/config"
)

// confirm publishes n messages of QoS 2, which the Server confirms with PUBREC, and answers no PUBREL.
func (at *station) confirm(n int) {
	at.t.Helper()
	at.server.with(func() { at.server.passing, at.server.silent = true, true })
	at.publishMany(0, n, 2)
	at.until("all are confirmed", func() bool { return at.uplink.Status().Acknowledged == uint64(n) })
	synctest.Wait()
}

// heard is how many of the messages of publishMany have arrived.
func (at *station) heard() (n int) {
	for topic := range 10 {
		n += len(at.server.payloads(fmt.Sprintf("farm/t/%d", topic)))
	}
	return n
}

// TestConfirmedAndForgotten: what the Server had confirmed with PUBREC and not passed on when it lost the session is published anew, before what
// is newer, as new messages; or given up. Both are counted, and said once. So it is when the power goes meanwhile, and with a Server of the
// list that never had the session.
func TestConfirmedAndForgotten(t *testing.T) {
	const n = 10 // in flight at a time to a 3.1.1 Server: 18
	for _, version := range []config.Version{config.V5, config.V311} {
		for _, what := range []config.OnLostSession{config.PublishAgain, config.GiveUp} {
			for _, reboot := range []string{"", "before", "after"} {
				t.Run(fmt.Sprintf("%d %s reboot %s", version, what, reboot), func(t *testing.T) {
					play(t, func(t *testing.T, at *station) {
						at.config.Version, at.config.OnLostSession = version, what
						at.start()
						at.online()
						at.confirm(n)
						if s := at.uplink.Status(); s.PublishedAnew+s.MaybeLost+s.LostSession != 0 {
							t.Errorf("before: %+v", s)
						}
						at.server.with(func() { at.server.down = true })
						at.server.cut()
						synctest.Wait()
						at.publishMany(n, n, 2)
						at.server.forget()
						at.server.with(func() { at.server.silent, at.server.sent = false, nil })
						if reboot == "before" {
							at.reboot()
						}
						at.server.with(func() { at.server.down = false })
						at.online()
						s := at.uplink.Status()
						if reboot == "after" {
							at.reboot()
							at.online()
						}
						want := 2 * n
						if what == config.GiveUp {
							want = n
						}
						at.taken(want)
						at.until("all is complete", func() bool { return at.uplink.Status().Backlog["all"] == 0 })
						if got := at.heard(); got != want {
							t.Errorf("%d messages have arrived, want %d", got, want)
						}
						if what == config.PublishAgain {
							at.arrived(2*n, true)
						}
						for _, p := range at.server.sent {
							if p.Dup && reboot != "after" {
								t.Errorf("%s came with DUP into a new session", p.Payload)
							}
						}
						anew, lost := uint64(n), uint64(0)
						if what == config.GiveUp {
							anew, lost = 0, n
						}
						if s.LostSession != 1 || s.PublishedAnew != anew || s.MaybeLost != lost {
							t.Errorf("%d sessions were lost, %d published anew, %d maybe lost", s.LostSession, s.PublishedAnew, s.MaybeLost)
						}
						lines := at.log.matching("forgotten the session")
						numbers := fmt.Sprintf("published_anew=%d confirmed_and_maybe_lost=%d", anew, lost)
						if len(lines) != 1 || !strings.Contains(lines[0], numbers) {
							t.Errorf("log %q, want one line with %s", lines, numbers)
						}
					})
				})
			}
		}
	}
}

// TestConfirmedTwice: what the Server had passed on, and PUBCOMP did not come, arrives twice when it has lost the session then, and is counted.
func TestConfirmedTwice(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.start()
		at.online()
		at.server.with(func() { at.server.passing = false }) // it passes on with PUBLISH
		at.server.with(func() { at.server.silent = true })
		at.publishMany(0, 10, 2)
		at.until("all are confirmed", func() bool { return at.uplink.Status().Acknowledged == 10 })
		at.server.forget()
		at.server.with(func() { at.server.silent = false })
		at.server.cut()
		at.taken(20)
		at.arrived(10, false)
		if s := at.uplink.Status(); s.PublishedAnew != 10 || s.MaybeLost != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// TestSessionGoesOn: while the Server keeps its session nothing is published anew, whatever is cut.
func TestSessionGoesOn(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.start()
		at.online()
		at.confirm(10)
		for range 3 {
			at.reboot()
			at.online()
		}
		at.server.with(func() { at.server.silent = false })
		at.server.cut()
		at.taken(10)
		at.arrived(10, true)
		if s := at.uplink.Status(); s.PublishedAnew+s.MaybeLost+s.LostSession != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// TestServerKnowsNoSuchID: PUBCOMP with Packet Identifier not found to the first PUBREL of an exchange means that the Server has lost the
// message: it is published anew, or given up, and what is behind it goes on in order. To a PUBREL that is sent once more it means nothing: the
// exchange was over.
func TestServerKnowsNoSuchID(t *testing.T) {
	for _, what := range []config.OnLostSession{config.PublishAgain, config.GiveUp} {
		t.Run(string(what), func(t *testing.T) {
			play(t, func(t *testing.T, at *station) {
				at.config.OnLostSession = what
				at.start()
				at.online()
				at.confirm(10)
				at.server.with(func() { // its disk has lost one of them
					for id, p := range at.server.passed {
						if string(p.Payload) == "3" {
							delete(at.server.passed, id)
							delete(at.server.held, id)
						}
					}
				})
				at.server.with(func() { at.server.silent = false })
				at.server.cut() // PUBREL is sent once more
				at.until("all is complete", func() bool { return at.uplink.Status().Backlog["all"] == 0 })
				if s := at.uplink.Status(); s.PublishedAnew+s.MaybeLost != 0 || at.heard() != 9 {
					t.Errorf("after a PUBREL that was sent once more: %d have arrived, %+v", at.heard(), s)
				}
				at.server.with(func() { at.server.got, at.server.loses = nil, "13" })
				at.publishMany(10, 10, 2)
				at.until("all is complete", func() bool { return at.uplink.Status().Backlog["all"] == 0 })
				s, want := at.uplink.Status(), 10
				anew, gone := uint64(1), uint64(0)
				if what == config.GiveUp {
					want, anew, gone = 9, 0, 1
				}
				if at.heard() != want || s.PublishedAnew != anew || s.MaybeLost != gone || len(at.log.matching("has lost a QoS 2 message")) != 1 {
					t.Errorf("%d have arrived, %d published anew, %d maybe lost", at.heard(), s.PublishedAnew, s.MaybeLost)
				}
			})
		})
	}
}

// TestForgottenOfStreamSetAside: the Server has lost what was of a stream that is carried no more too; when that is carried again, it is not asked
// to pass on what it does not know.
func TestForgottenOfStreamSetAside(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = []config.Stream{stream("all", "#"), stream("other", "x/#")}
		at.start()
		at.online()
		at.confirm(10)
		at.server.with(func() { at.server.down = true })
		at.stopUplink()
		at.streams = at.streams[1:]
		at.server.forget()
		at.server.with(func() { at.server.down, at.server.silent = false, false })
		at.startUplink()
		at.online()
		if s := at.uplink.Status(); s.PublishedAnew != 10 || s.Aside["all"] != 10 {
			t.Errorf("%+v", s)
		}
		at.stopUplink()
		at.streams = append(at.streams, stream("all", "#"))
		at.startUplink()
		at.online()
		at.taken(10)
		at.arrived(10, true)
	})
}

// TestForgottenState: of what a state stream had on its way, the latest of each topic is what comes anew.
func TestForgottenState(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams[0].Class = config.StateClass
		at.start()
		at.online()
		at.server.with(func() { at.server.passing, at.server.silent = true, true })
		at.publishMany(0, 10, 2)
		at.until("all are confirmed", func() bool { return at.uplink.Status().Acknowledged == 10 })
		at.server.with(func() { at.server.down = true })
		at.server.cut()
		synctest.Wait()
		at.publishMany(10, 5, 2) // newer ones of half the topics
		at.server.forget()
		at.server.with(func() { at.server.down, at.server.silent = false, false })
		at.online()
		at.until("all is complete", func() bool { return at.uplink.Status().Backlog["all"] == 0 })
		for topic := range 10 {
			want := fmt.Sprint(topic)
			if topic < 5 {
				want = fmt.Sprint(10 + topic)
			}
			if got := at.server.payloads(fmt.Sprintf("farm/t/%d", topic)); len(got) == 0 || got[len(got)-1] != want {
				t.Errorf("topic %d: %q, want %s in the end", topic, got, want)
			}
		}
		if s := at.uplink.Status(); s.PublishedAnew != 10 || s.Superseded != 5 {
			t.Errorf("%d published anew, %d superseded", s.PublishedAnew, s.Superseded)
		}
	})
}
