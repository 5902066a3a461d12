package broker_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
)

// made is how many bytes of memory a call asks for, whatever becomes of them.
func made(call func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	call()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// A SUBSCRIBE that names the same filter again and again, or many that all match what is retained, costs no more than the
// messages it gets.
func TestSubscribeToAllRetained(t *testing.T) {
	const kept, filters, bound = 2000, 2000, 16 << 20
	same := func(int) string { return "#" }
	other := func(i int) string { // 2^11 that all match
		words := strings.Split("r/a/b/c/d/e/f/g/h/i/j", "/")
		for at := range words {
			if i>>at&1 == 1 {
				words[at] = "+"
			}
		}
		return strings.Join(words, "/") + "/#"
	}
	for name, filter := range map[string]func(int) string{"the same filter": same, "many filters": other} {
		for _, expiry := range []uint32{0, 60} {
			t.Run(fmt.Sprint(name, ", session expiry ", expiry), func(t *testing.T) {
				limits := broker.Limits{RetainedMessages: kept, Subscriptions: filters}
				runWith(t, broker.Options{Limits: limits}, func(t *testing.T, at *site) {
					p, c := at.connect("p"), at.connect("c", keep(expiry))
					for i := range kept {
						p.publish(fmt.Sprint("r/a/b/c/d/e/f/g/h/i/j/", i), "", 0)
						p.send(retain(fmt.Sprint("r/a/b/c/d/e/f/g/h/i/j/", i), "x", 0))
					}
					subs := make([]broker.Subscription, filters)
					for i := range subs {
						subs[i].TopicFilter = filter(i)
					}
					var codes []packet.ReasonCode
					cost := made(func() { codes, _ = c.Subscribe(subs, nil) })
					t.Logf("%d KiB, %v", cost>>10, codes[0])
					if cost > bound {
						t.Errorf("one SUBSCRIBE took %d bytes of memory", cost)
					}
				})
			})
		}
	}
}

// A filter that stands twice in a SUBSCRIBE gets what is retained, whatever the second one says of that; so does one that is
// subscribed to again before what is retained has been sent.
func TestSubscribeTwiceGetsRetained(t *testing.T) {
	for _, handling := range []byte{1, 2} {
		for _, expiry := range []uint32{0, 60} {
			for _, apart := range []bool{false, true} {
				t.Run(fmt.Sprint("retain handling ", handling, ", session expiry ", expiry, ", apart ", apart), func(t *testing.T) {
					run(t, func(t *testing.T, at *site) {
						p, c := at.connect("p"), at.connect("c", keep(expiry))
						p.send(retain("a", "x", 0))
						first := broker.Subscription{TopicFilter: "a"}
						second := broker.Subscription{TopicFilter: "a", RetainHandling: handling}
						if apart {
							c.subscribeAs(first)
							c.subscribeAs(second)
						} else {
							c.subscribeAs(first, second)
						}
						c.expect("a x q0 retained")
					})
				})
			}
		}
	}
}

// What sessions are still to get of what is retained takes a bounded memory, however many sessions wait for it.
func TestOwedRetainedOfAll(t *testing.T) {
	const kept, sessions = 20_000, 200
	limits := broker.Limits{RetainedMessages: kept}
	runWith(t, broker.Options{Limits: limits}, func(t *testing.T, at *site) {
		p := at.connect("p")
		for i := range kept {
			p.send(retain(fmt.Sprint("r/", i), "x", 0))
		}
		before := heap()
		refused := 0
		var all []*client
		for i := range sessions {
			c := at.connect(fmt.Sprint("c", i))
			codes, _ := c.Subscribe([]broker.Subscription{{TopicFilter: "#"}}, nil)
			if codes[0].IsError() {
				wantCode(t, "too much is owed", codes[0], packet.QuotaExceeded)
				refused++
			}
			all = append(all, c)
		}
		if grown := heap() - before; grown > 32<<20 {
			t.Errorf("%d sessions took %d bytes", sessions, grown)
		}
		if refused == 0 {
			t.Error("nobody was refused")
		}
		for _, c := range all[:sessions/2] {
			c.leave()
		}
		all[sessions-1].subscribe("#", 0)
		for got := 0; got < kept; {
			n := len(all[sessions-1].take(1))
			if n == 0 {
				t.Fatalf("%d of %d retained messages came", got, kept)
			}
			got += n
		}
	})
}

// The Wills of all clients together have a bound, those of clients that have gone and wait for their delay included.
func TestWillsOfAll(t *testing.T) {
	const size, bound = 64 << 10, 4 << 20
	runWith(t, broker.Options{Limits: broker.Limits{WillBytes: bound}}, func(t *testing.T, at *site) {
		with := func(id string, n int) error {
			c, err := at.dial(id, keep(3600), with(func(o *broker.ConnectOptions) {
				o.Will = &broker.Will{Delay: 3600, Message: &broker.Message{TopicName: "will", Payload: make([]byte, n)}}
			}))
			if err == nil {
				at.quiet()
				c.lose()
			}
			return err
		}
		n := 0
		for ; n < 2*bound/size; n++ {
			if err := with(fmt.Sprint("c", n), size); err != nil {
				if err != packet.QuotaExceeded {
					t.Errorf("one too many: %v", err)
				}
				break
			}
		}
		if n > bound/size || n < bound/size/2 {
			t.Errorf("%d Wills of %d bytes were taken", n, size)
		}
		if err := with("c0", size); err != nil {
			t.Errorf("in place of its own: %v", err)
		}
		at.restart()
		if err := with("one", size); err != packet.QuotaExceeded {
			t.Errorf("one too many after a restart: %v", err)
		}
		at.connect("c1", keep(3600)).leave() // takes its Will away
		if err := with("one", size-100); err != nil {
			t.Errorf("in place of one that has gone: %v", err)
		}
	})
}

// Subscription Identifiers count in what waits for a session.
func TestMemoryOfSubscriptionIdentifiers(t *testing.T) {
	const filters, sets, bound = 900, 200, 4 << 20
	run(t, func(t *testing.T, at *site) {
		p, c := at.connect("p"), at.connect("c")
		var subs []broker.Subscription
		for i := range filters {
			words := strings.Split("a/b/c/d/e/f/g/h/i/j", "/")
			for at := range words {
				if i>>at&1 == 1 {
					words[at] = "+"
				}
			}
			subs = append(subs, broker.Subscription{TopicFilter: strings.Join(words, "/") + "/+", ID: uint32(1000 + i)})
		}
		c.Subscribe(subs, nil)
		for i := range sets / 2 {
			c.Subscribe([]broker.Subscription{{TopicFilter: fmt.Sprint("a/b/c/d/e/f/g/h/i/j/", i), ID: uint32(1 + i)}}, nil)
		}
		before := heap()
		for i := range 1500 {
			p.Publish(message(fmt.Sprint("a/b/c/d/e/f/g/h/i/j/", i%sets), "x", 0), nil)
		}
		if grown := heap() - before; grown > bound {
			t.Errorf("%d bytes wait for one session", grown)
		}
	})
}

// What waits for the shared subscriptions of one client has the bound of one session, however many these are.
func TestMemoryOfSharedSubscriptions(t *testing.T) {
	const groups, rounds, bound = 20, 30, 5 << 20
	for _, expiry := range []uint32{0, 3600} {
		t.Run(fmt.Sprint("session expiry ", expiry), func(t *testing.T) {
			runOnDisk(t, broker.Options{}, func(t *testing.T, at *site) {
				p, c := at.connect("p"), at.connect("c", keep(expiry), with(func(o *broker.ConnectOptions) { o.ReceiveMaximum = 1 }))
				for i := range groups {
					c.subscribe(fmt.Sprint("$share/g/s/", i), 1)
				}
				before := heap()
				for n := range rounds {
					for i := range groups {
						p.Publish(message(fmt.Sprint("s/", i), strings.Repeat(string(rune('a'+n%26)), 10_000), 1), nil)
					}
					at.quiet()
				}
				if grown := heap() - before; grown > bound {
					t.Errorf("%d bytes wait for %d shared subscriptions of one client", grown, groups)
				}
				if expiry == 0 {
					return
				}
				for got := 0; got < rounds*groups; { // what had no room is on the disk
					d := c.take(1)
					if c.ack(d); len(d) == 0 {
						t.Fatalf("%d of %d messages came", got, rounds*groups)
					}
					got += len(d)
				}
			})
		})
	}
}

// What waits for sessions without a connection is on the disk, also if it is large.
func TestMemoryOfSessionsAway(t *testing.T) {
	const sessions, size, bound = 100, 200 << 10, 8 << 20
	runOnDisk(t, broker.Options{}, func(t *testing.T, at *site) {
		p := at.connect("p")
		for i := range sessions {
			c := at.connect(fmt.Sprint("c", i), keep(3600))
			c.subscribe(fmt.Sprint("t/", i), 1)
			c.leave()
		}
		at.quiet()
		before := heap()
		for i := range sessions {
			p.publish(fmt.Sprint("t/", i), strings.Repeat("x", size), 1)
		}
		at.quiet()
		if grown := heap() - before; grown > bound {
			t.Errorf("%d bytes wait in memory for %d sessions without a connection", grown, sessions)
		}
		for i := range sessions {
			c := at.connect(fmt.Sprint("c", i), keep(3600))
			if got := c.take(1); len(got) != 1 || len(got[0].Message.Payload) != size {
				t.Fatalf("session %d got %d messages", i, len(got))
			}
		}
	})
}

// Packet ids that clients began an exchange of QoS 2 with and never end are bounded, those of sessions that are away included.
func TestHeldIdentifiersOfAll(t *testing.T) {
	const bound = 1000
	runWith(t, broker.Options{Limits: broker.Limits{HeldIDs: bound}}, func(t *testing.T, at *site) {
		at.connect("reader", keep(3600)).subscribe("kept", 2)
		begun := 0
		var first *client
		for i := range 20 {
			c := at.connect(fmt.Sprint("c", i), keep(3600))
			for id := 1; id <= 100; id++ {
				r, code := c.Receive(uint16(id), message([]string{"kept", "nobody's"}[i%2], "x", 2), nil)
				at.settle(r)
				if code.IsError() {
					wantCode(t, "one too many", code, packet.QuotaExceeded)
					break
				}
				begun++
			}
			if first == nil {
				first = c
			} else {
				c.leave()
			}
		}
		if begun != bound {
			t.Errorf("%d exchanges were begun, the bound is %d", begun, bound)
		}
		at.quiet()
		_, code := first.Receive(1, message("kept", "x", 2), nil) // the same once more
		wantCode(t, "a repeated PUBLISH", code, packet.Success)
		for id := 1; id <= 10; id++ { // an end makes room
			r, code := first.Release(uint16(id))
			wantCode(t, "PUBREL", code, packet.Success)
			at.settle(r)
		}
		at.quiet()
		for id := 201; id <= 211; id++ {
			_, code := first.Receive(uint16(id), message("kept", "x", 2), nil)
			if want := id == 211; code.IsError() != want {
				t.Errorf("exchange %d after room was made: %v", id-200, code)
			}
		}
		at.connect("c1", clean).leave() // so does the end of a session
		_, code = first.Receive(300, message("kept", "x", 2), nil)
		wantCode(t, "after the end of a session", code, packet.Success)
		at.quiet()
		at.restart() // what was owed to durable sessions is held still
		c := at.connect("new", keep(3600))
		n := 0
		for ; n < bound; n++ {
			r, code := c.Receive(uint16(n+1), message("nobody's", "x", 2), nil)
			if at.settle(r); code.IsError() {
				break
			}
		}
		if n < bound/4 || n > bound*3/4 {
			t.Errorf("after a restart there was room for %d", n)
		}
	})
}

// A SUBSCRIBE with many filters, each of which has to be compared with all that is retained, does not keep others waiting until
// its end.
func TestOthersDuringLongSubscribe(t *testing.T) {
	const kept, filters = 50_000, 100
	at := live(t)
	p, c := at.connect("p"), at.connect("c")
	for i := range kept {
		_, code := p.Publish(retain(fmt.Sprint(i, "/a"), "x", 0), nil)
		if code.IsError() {
			t.Fatal(code)
		}
	}
	subs := make([]broker.Subscription, filters)
	for i := range subs {
		subs[i].TopicFilter = fmt.Sprint("+/x", i)
	}
	over := make(chan time.Duration)
	go func() {
		began := time.Now()
		c.Subscribe(subs, nil)
		over <- time.Since(began)
	}()
	longest := time.Duration(0)
	for n := 0; ; n++ {
		began := time.Now()
		at.connect(fmt.Sprint("other", n)).leave()
		longest = max(longest, time.Since(began))
		select {
		case took := <-over:
			t.Logf("%v; %d others connected meanwhile, in %v at most", took, n, longest)
			if longest > took/2 {
				t.Errorf("another client waited %v, SUBSCRIBE took %v", longest, took)
			}
			return
		default:
		}
	}
}
