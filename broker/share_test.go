package broker_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/queue"
)

const shared = "$share/g/t"

// payloads takes up to n messages and gives their payloads.
func (c *client) payloads(n int) (all []string) {
	got := c.take(n)
	c.ack(got)
	for _, d := range got {
		all = append(all, string(d.Message.Payload))
	}
	return all
}

// each is what n messages "0", "1" ... are.
func each(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprint(i))
	}
	return all
}

func (c *client) publishEach(n int, qos byte) {
	for i := range n {
		c.publish("t", fmt.Sprint(i), qos)
	}
}

// Each message goes to one member, in turns, at every QoS, for both versions and for members that last and that do not.
func TestShareIsBalanced(t *testing.T) {
	for qos := range byte(3) {
		for _, seconds := range []uint32{0, 1000} {
			t.Run(fmt.Sprintf("QoS %d, expiry %d", qos, seconds), func(t *testing.T) {
				versions(t, func(t *testing.T, at *site, v packet.Version) {
					var all []string
					var members []*client
					for i := range 3 {
						m := at.connect(fmt.Sprint("member ", i), version(v), keep(seconds))
						m.subscribe(shared, qos)
						members = append(members, m)
					}
					at.connect("p").publishEach(30, qos)
					at.quiet()
					for _, m := range members {
						got := m.payloads(11)
						if len(got) != 10 {
							t.Errorf("%s got %d of 30 messages", m.Connected.ClientID, len(got))
						}
						all = append(all, got...)
					}
					slices.SortFunc(all, func(a, b string) int { return len(a)*100 - len(b)*100 + strings.Compare(a, b) })
					if !slices.Equal(all, each(30)) {
						t.Errorf("got %q", all)
					}
				})
			})
		}
	}
}

// Nothing is written for a group in memory, nor for a durable one whose members acknowledge before the commit.
func TestShareInMemoryWritesNothing(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		m, p := at.connect("member"), at.connect("p")
		m.subscribe(shared, 2)
		at.quiet()
		before := at.store.Stats().Records
		for qos := range byte(3) {
			p.publish("t", "m", qos)
			m.expect(fmt.Sprintf("t m q%d", qos))
		}
		at.quiet()
		if n := at.store.Stats().Records; n != before {
			t.Errorf("%d records", n-before)
		}
	})
}

// The lower QoS of message and member, RETAIN and Subscription Identifiers of the member that gets it.
func TestShareKeepsTheOptionsOfEachMember(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		a, b, p := at.connect("a", keep(1000)), at.connect("b"), at.connect("p")
		a.subscribeAs(broker.Subscription{TopicFilter: shared, QoS: 2, ID: 7, RetainAsPublished: true})
		b.subscribeAs(broker.Subscription{TopicFilter: shared, QoS: 0, ID: 9})
		for range 2 {
			p.send(retain("t", "m", 2))
		}
		at.quiet()
		a.expect("t m q2 retained ids=[7]")
		b.expect("t m q0 ids=[9]")
		a.subscribeAs(broker.Subscription{TopicFilter: shared, QoS: 1})
		b.leave()
		p.send(retain("t", "again", 2))
		a.expect("t again q1") // options as they are now
	})
}

// Section 4.8.2: the Server sends no retained messages to a Session when it first subscribes to a shared subscription.
func TestShareGetsNoRetainedMessages(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		at.connect("p").send(retain("t", "kept", 1))
		m := at.connect("m", keep(1000))
		m.subscribe(shared, 1)
		m.expect()
	})
}

// [MQTT-4.8.2-3]: several groups, and the plain filter besides, each get the message.
func TestShareAndOthersEachGetACopy(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		m, other, p := at.connect("m", keep(1000)), at.connect("other"), at.connect("p")
		m.subscribe(shared, 1)
		m.subscribe("$share/h/#", 2)
		m.subscribe("t", 0)
		other.subscribe("$share/h/t", 1)
		p.publish("t", "m", 2)
		at.quiet()
		m.expectAnyOrder("t m q0", "t m q1", "t m q2")
		other.expect("t m q1")
	})
}

// What a member has not acknowledged at QoS 1 goes to another as soon as the connection ends; DUP is for who had it before.
func TestShareRedeliversWhenAMemberLeaves(t *testing.T) {
	for _, seconds := range []uint32{0, 1000} {
		run(t, func(t *testing.T, at *site) {
			a, b, p := at.connect("a", keep(seconds)), at.connect("b", keep(seconds)), at.connect("p")
			a.subscribe(shared, 1)
			b.subscribe(shared, 1)
			p.publishEach(4, 1)
			if got := a.take(2); len(got) != 2 {
				t.Fatalf("%d messages", len(got))
			}
			a.lose()
			got := b.take(4)
			b.ack(got)
			for i, want := range []string{"t 1 q1", "t 3 q1", "t 0 q1", "t 2 q1"} {
				if text := describe(got[i]); text != want {
					t.Errorf("message %d: %q, want %q", i, text, want)
				}
			}
			p.publish("t", "once more", 1)
			b.take(1)
			b.lose()
			if seconds == 0 {
				return
			}
			b = at.connect("b", keep(seconds))
			b.expect("t once more q1 dup")
		})
	}
}

// A member that takes its time gets no more than it may have in flight; the others go on.
func TestShareDoesNotWaitForASlowMember(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		slow := at.connect("slow", with(func(o *broker.ConnectOptions) { o.ReceiveMaximum = 3 }))
		fast, p := at.connect("fast", keep(1000)), at.connect("p")
		slow.subscribe(shared, 1)
		fast.subscribe(shared, 1)
		held := []broker.Delivery(nil)
		n := 0
		for i := range 100 {
			p.publish("t", fmt.Sprint(i), 1)
			held = append(held, slow.take(0)...)
			n += len(fast.payloads(1))
		}
		if len(held) > 3 || n+len(held) != 100 {
			t.Errorf("slow has %d, fast got %d", len(held), n)
		}
	})
}

// [MQTT-4.8.2-4]: a QoS 2 message is completed with the member that has it, when that comes back; [MQTT-4.8.2-5]: and with
// nobody if its session ends.
func TestShareBindsQoS2(t *testing.T) {
	for _, ends := range []bool{false, true} {
		t.Run(fmt.Sprintf("session ends %v", ends), func(t *testing.T) {
			run(t, func(t *testing.T, at *site) {
				a, b, p := at.connect("a", keep(1000)), at.connect("b", keep(1000)), at.connect("p")
				a.subscribe(shared, 2)
				b.subscribe(shared, 2)
				p.publishEach(2, 2)
				first := a.take(1)
				if len(first) != 1 || first[0].QoS != 2 {
					t.Fatalf("%v", first)
				}
				a.lose()
				at.reboot(0)
				b = at.connect("b", keep(1000))
				b.expect("t 1 q2 dup")
				if ends {
					at.connect("a", clean, keep(1000)).expect()
					b.expect()
					return
				}
				a = at.connect("a", keep(1000))
				again := a.take(1)
				if len(again) != 1 || again[0].PacketID != first[0].PacketID || !again[0].Dup {
					t.Errorf("again %+v, first %+v", again, first)
				}
				a.ack(again)
				b.expect()
			})
		})
	}
}

// A durable group keeps what comes while nobody is there, through restarts and losses of power, with its members.
func TestShareOutlivesThePower(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		a, b := at.connect("a", keep(1000)), at.connect("b", keep(1000))
		a.subscribe(shared, 1)
		b.subscribe(shared, 2)
		a.leave()
		b.leave()
		p := at.connect("p")
		p.publishEach(4, 1)
		at.restart()
		at.connect("p").publish("t", "4", 2)
		at.reboot(0)
		b = at.connect("b", keep(1000))
		if !b.SessionPresent {
			t.Error("no session")
		}
		b.expect("t 0 q1 dup", "t 1 q1 dup", "t 2 q1 dup", "t 3 q1 dup", "t 4 q2") // it is bound now, and was to nobody before
		a = at.connect("a", keep(1000))
		a.expect()
		at.connect("p").publishEach(2, 1)
		if na, nb := len(a.payloads(1)), len(b.payloads(1)); na != 1 || nb != 1 {
			t.Errorf("a got %d, b got %d", na, nb)
		}
	})
}

// Members in memory do not survive; what they had at QoS 1 in a durable group is given to others.
func TestShareOfBothKinds(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		brief, lasting, p := at.connect("brief"), at.connect("lasting", keep(1000)), at.connect("p")
		brief.subscribe(shared, 2)
		p.publishEach(2, 1) // into memory
		lasting.subscribe(shared, 2)
		p.publish("t", "2", 1)
		brief.take(2)
		at.reboot(0)
		lasting = at.connect("lasting", keep(1000))
		lasting.expect("t 2 q1 dup")
	})
}

// What a member in memory was given at QoS 2 and has not taken is not lost with it.
func TestShareTakesBackWhatDidNotLeave(t *testing.T) {
	for _, seconds := range []uint32{0, 1000} {
		run(t, func(t *testing.T, at *site) {
			brief, other, p := at.connect("brief"), at.connect("other", keep(seconds)), at.connect("p")
			other.subscribe(shared, 2)
			brief.subscribe(shared, 2)
			p.publishEach(4, 2)
			at.quiet()
			brief.leave()
			at.quiet()
			got := other.payloads(5)
			slices.Sort(got)
			if !slices.Equal(got, each(4)) {
				t.Errorf("other got %q", got)
			}
		})
	}
}

// A session that is taken over keeps its place, and what it had comes again.
func TestShareAndTakeOver(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		a, p := at.connect("a", keep(1000)), at.connect("p")
		a.subscribe(shared, 1)
		p.publish("t", "m", 1)
		a.take(1)
		again := at.connect("a", keep(1000))
		if a.closedWith() != packet.SessionTakenOver {
			t.Error("not taken over")
		}
		again.expect("t m q1 dup")
		p.publish("t", "n", 1)
		again.expect("t n q1")
	})
}

// The end of the last member ends the group, and what waits is counted.
func TestShareEndsWithItsLastMember(t *testing.T) {
	ends := map[string]func(at *site, a *client){
		"UNSUBSCRIBE": func(at *site, a *client) {
			if codes, _ := a.Unsubscribe([]string{shared}); codes[0] != packet.Success {
				at.t.Error(codes)
			}
		},
		"expiry":      func(at *site, a *client) { a.leave(); time.Sleep(61 * time.Second) },
		"clean start": func(at *site, a *client) { at.connect("a", clean) },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			run(t, func(t *testing.T, at *site) {
				a := at.connect("a", keep(60), with(func(o *broker.ConnectOptions) { o.ReceiveMaximum = 1 }))
				a.subscribe(shared, 1)
				at.connect("p").publishEach(5, 1)
				end(at, a)
				at.quiet()
				st := at.store.Stats()
				if n := st.Drops[queue.DroppedEnded]; n != 5 {
					t.Errorf("%d dropped", n)
				}
				at.reboot(0)
				if n := at.store.Stats().Sessions; n > 1 {
					t.Errorf("%d sessions are left", n)
				}
				b := at.connect("b", keep(60))
				b.subscribe(shared, 1)
				b.expect()
			})
		})
	}
}

// UNSUBSCRIBE of one member leaves all to the others; who is not a member is told so.
func TestUnsubscribeFromAShare(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		a, b, p := at.connect("a", keep(1000)), at.connect("b"), at.connect("p")
		a.subscribe(shared, 1)
		b.subscribe(shared, 1)
		codes, r := a.Unsubscribe([]string{shared, "$share/h/t"})
		at.settle(r)
		if codes[0] != packet.Success || codes[1] != packet.NoSubscriptionExisted {
			t.Errorf("codes %v", codes)
		}
		p.publishEach(3, 1)
		if got := b.payloads(3); !slices.Equal(got, each(3)) {
			t.Errorf("b got %q", got)
		}
		a.expect()
	})
}

// The limits of a session hold for the queue of a group.
func TestLimitsOfAShare(t *testing.T) {
	for _, when := range []queue.Policy{queue.DropOldest, queue.DropNewest, queue.Reject} {
		t.Run(when.String(), func(t *testing.T) {
			o := broker.Options{Queue: queue.SessionOptions{Limits: queue.Limits{Messages: 3, WhenFull: when}}}
			runWith(t, o, func(t *testing.T, at *site) {
				a, p := at.connect("a", keep(1000)), at.connect("p")
				a.subscribe(shared, 1)
				a.leave()
				refused := 0
				for i := range 5 {
					r, code := p.Publish(message("t", fmt.Sprint(i), 1), nil)
					at.settle(r)
					if code.IsError() {
						refused++
						if err := p.Refusal(); err == nil || !strings.Contains(err.Error(), shared) {
							t.Errorf("refused because %v", err)
						}
					}
				}
				want := each(3)
				if when == queue.DropOldest {
					want = each(5)[2:]
				}
				if got := at.connect("a", keep(1000)).payloads(5); !slices.Equal(got, want) || (refused > 0) != (when == queue.Reject) {
					t.Errorf("got %q, %d refused", got, refused)
				}
			})
		})
	}
}

// A message of QoS 0 goes to who is there, and to nobody if nobody is.
func TestShareAtQoS0(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		a, b, p := at.connect("a", keep(1000)), at.connect("b", keep(1000)), at.connect("p")
		a.subscribe(shared, 1)
		b.subscribe(shared, 1)
		a.leave()
		p.publishEach(3, 0)
		if got := b.payloads(3); !slices.Equal(got, each(3)) {
			t.Errorf("b got %q", got)
		}
		b.leave()
		p.publish("t", "lost", 0)
		at.connect("a", keep(1000)).expect()
	})
}

// [MQTT-4.8.2-6]: what a member refuses is discarded.
func TestShareDiscardsWhatIsRefused(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		a, b, p := at.connect("a", keep(1000)), at.connect("b", keep(1000)), at.connect("p")
		a.subscribe(shared, 1)
		b.subscribe(shared, 1)
		p.publish("t", "m", 1)
		for _, d := range a.take(1) {
			a.Ack(d.PacketID) // a PUBACK with an error ends it as any other
		}
		a.lose()
		b.expect()
	})
}

// The store names a group by its filter.
func TestStoredShare(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		at.connect("a", keep(1000)).subscribe(shared, 1)
		for _, s := range broker.StoredSessions(at.store) {
			if s.Shared && s.ClientID == shared && at.store.Session(s.Number) != nil {
				return
			}
		}
		t.Error("not found")
	})
}

// A message goes to a member that may read it; who may not does not swallow it, and does not hold up the others.
func TestShareAsksWhoMayRead(t *testing.T) {
	for qos := range byte(3) {
		run(t, func(t *testing.T, at *site) {
			blind := at.connect("blind", keep(1000), within(allowing("", "$share", "t/open")))
			all, p := at.connect("all", keep(1000)), at.connect("p")
			blind.subscribe("$share/g/t/#", qos)
			all.subscribe("$share/g/t/#", qos)
			for range 4 {
				p.publish("t/closed", "x", qos)
			}
			at.quiet()
			if n := len(all.payloads(4)); n != 4 {
				t.Errorf("QoS %d: %d of 4 messages", qos, n)
			}
			for range 2 {
				p.publish("t/open", "x", qos)
			}
			at.quiet()
			if a, b := len(all.payloads(1)), len(blind.payloads(1)); a != 1 || b != 1 {
				t.Errorf("QoS %d: %d and %d messages", qos, a, b)
			}
		})
	}
}

// A message that goes to a group and, in another form, to who is behind a content filter goes to each once, through a loss of
// power too. What a member gets from behind the filter counts as load.
func TestShareAndFilter(t *testing.T) {
	for _, seconds := range []uint32{0, 1000} {
		t.Run(fmt.Sprintf("members with expiry %d", seconds), func(t *testing.T) {
			runFilters(t, func(t *testing.T, at *site, _, _ when) {
				a, b := at.connect("a", keep(seconds)), at.connect("b", keep(seconds))
				a.subscribe("$share/g/+/temperature", 2)
				b.subscribe("$share/g/+/temperature", 2)
				a.subscribe("$filter/hot/#", 2)
				s, p := at.connect("s", keep(1000)), at.connect("p", keep(1000))
				s.subscribe("$filter/hot/#", 2)
				r, code := p.Receive(5, message("a/temperature", "31", 2), nil)
				wantCode(t, "publish", code, packet.Success)
				at.settle(r)
				p.publish("b/temperature", "29", 2) // not hot
				a.expectAnyOrder("$filter/hot/a/temperature 31 q2", "b/temperature 29 q2")
				b.expect("a/temperature 31 q2") // which had less before it
				at.reboot(0)
				p = at.connect("p", keep(1000))
				if _, code := p.Receive(5, message("a/temperature", "31", 2), nil); code.IsError() {
					t.Error(code)
				}
				at.connect("s", keep(1000)).expect("$filter/hot/a/temperature 31 q2 dup") // it may have been sent
				at.connect("a", keep(seconds)).expect()
				at.connect("b", keep(seconds)).expect()
			})
		})
	}
}
