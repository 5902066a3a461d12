package broker_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"skerry/broker"
	"skerry/broker/filter"
	"skerry/broker/packet"
)

// when is a condition that counts how often it is asked.
type when struct {
	*filter.Expression
	asked *atomic.Int32
}

func (w when) Holds(s *filter.Subject) bool {
	w.asked.Add(1)
	return w.Expression.Holds(s)
}

func condition(t testing.TB, source string) when {
	t.Helper()
	x, err := filter.Compile(source)
	if err != nil {
		t.Fatal(err)
	}
	return when{x, new(atomic.Int32)}
}

// filters are what most tests here have: hot for temperatures over 30, odd for everything with an odd number.
func filters(t testing.TB) (o broker.Options, hot, odd when) {
	hot, odd = condition(t, "value > 30"), condition(t, "int(value) % 2 == 1")
	return broker.Options{Filters: []broker.Filter{
		{Name: "hot", Match: []string{"+/temperature", "temperature"}, Condition: hot},
		{Name: "odd", Match: []string{"#", "$SYS/#"}, Condition: odd},
	}}, hot, odd
}

func runFilters(t *testing.T, play func(t *testing.T, at *site, hot, odd when)) {
	t.Helper()
	o, hot, odd := filters(t)
	runWith(t, o, func(t *testing.T, at *site) { play(t, at, hot, odd) })
}

func TestFilter(t *testing.T) {
	runFilters(t, func(t *testing.T, at *site, _, _ when) {
		p := at.connect("p")
		for _, c := range []struct {
			filter string
			want   []string
		}{
			{"$filter/hot/#", []string{"$filter/hot/a/temperature 31 q0", `$filter/hot/temperature {"value":33} q1`, "$filter/hot/b/temperature 32 q1"}},
			{"$filter/hot/a/+", []string{"$filter/hot/a/temperature 31 q0"}},
			{"$filter/hot/temperature", []string{`$filter/hot/temperature {"value":33} q1`}},
			{"$filter/hot/humidity", nil},
			{"$filter/odd/+/temperature", []string{"$filter/odd/a/temperature 31 q0", "$filter/odd/b/temperature 29 q1"}},
			{"$filter/odd/$SYS/broker/#", []string{"$filter/odd/$SYS/broker/count 7 q0"}},
			{"$filter/odd/+/broker/count", []string{"$filter/odd/$SYS/broker/count 7 q0"}},
		} {
			s := at.connect("s", clean)
			s.subscribe(c.filter, 1)
			p.publish("a/temperature", "31", 0)
			p.publish("b/temperature", "29", 1)
			p.publish("b/temperature", "warm", 1)
			p.publish("temperature", `{"value":33}`, 2)
			p.publish("b/temperature", "32", 1)
			at.SetSystem("broker/count", "7")
			at.SetSystem("broker/count", "8")
			s.expect(c.want...)
			if codes, _ := s.Unsubscribe([]string{c.filter}); codes[0] != packet.Success {
				t.Errorf("unsubscribe: %v", codes)
			}
			p.publish("a/temperature", "41", 1)
			s.expect()
		}
	})
}

// TestFilterAndPlain: one session with a plain subscription and one behind a filter gets both forms; two behind one filter
// give one copy.
func TestFilterAndPlain(t *testing.T) {
	runFilters(t, func(t *testing.T, at *site, _, _ when) {
		p, s := at.connect("p"), at.connect("s")
		s.subscribeAs(
			broker.Subscription{TopicFilter: "#", QoS: 0, ID: 1},
			broker.Subscription{TopicFilter: "$filter/hot/#", QoS: 0, ID: 2},
			broker.Subscription{TopicFilter: "$filter/hot/+/temperature", QoS: 2, ID: 3, RetainAsPublished: true},
			broker.Subscription{TopicFilter: "$filter/odd/#", QoS: 1},
		)
		p.send(retain("a/temperature", "31", 2))
		s.expectAnyOrder("a/temperature 31 q0 ids=[1]", "$filter/hot/a/temperature 31 q2 retained ids=[2 3]", "$filter/odd/a/temperature 31 q1")
		p.publish("a/temperature", "29", 1)
		s.expectAnyOrder("a/temperature 29 q0 ids=[1]", "$filter/odd/a/temperature 29 q1")
	})
}

func TestFilterNoLocal(t *testing.T) {
	runFilters(t, func(t *testing.T, at *site, _, _ when) {
		a, b := at.connect("a"), at.connect("b")
		a.subscribeAs(broker.Subscription{TopicFilter: "$filter/hot/#", NoLocal: true})
		a.publish("a/temperature", "31", 1)
		b.publish("a/temperature", "32", 1)
		a.expect("$filter/hot/a/temperature 32 q0")
	})
}

// TestFilterAndNoRoomToRetain: a message that cannot be retained goes out under the same names as any other.
func TestFilterAndNoRoomToRetain(t *testing.T) {
	o, _, _ := filters(t)
	o.Limits.RetainedBytes = 20
	runWith(t, o, func(t *testing.T, at *site) {
		p, s := at.connect("p"), at.connect("s")
		s.subscribe("$filter/hot/#", 0)
		s.subscribe("#", 0)
		p.send(retain("a/temperature", "31.00000000000000000000", 0))
		s.expectAnyOrder("$filter/hot/a/temperature 31.00000000000000000000 q0", "a/temperature 31.00000000000000000000 q0")
	})
}

// TestFilterIsAskedOnce: once about a message however many are behind it, and not at all when nobody is.
func TestFilterIsAskedOnce(t *testing.T) {
	runFilters(t, func(t *testing.T, at *site, hot, odd when) {
		p := at.connect("p")
		asked := func(wantHot, wantOdd int32) {
			t.Helper()
			if gotHot, gotOdd := hot.asked.Swap(0), odd.asked.Swap(0); gotHot != wantHot || gotOdd != wantOdd {
				t.Errorf("asked %d and %d times, want %d and %d", gotHot, gotOdd, wantHot, wantOdd)
			}
		}
		p.publish("a/temperature", "31", 1)
		p.send(retain("a/temperature", "31", 1))
		asked(0, 0)
		var all []*client
		for i := range 5 {
			s := at.connect(fmt.Sprint("s", i), keep(uint32(i%2*100)))
			s.subscribeAs(broker.Subscription{TopicFilter: "$filter/hot/#", QoS: byte(i % 3), RetainHandling: 2})
			all = append(all, s)
		}
		p.publish("a/temperature", "31", 1)
		asked(1, 0)
		p.send(retain("a/temperature", "32", 2))
		asked(1, 0)
		p.publish("a/humidity", "31", 1)
		asked(0, 0)
		all[0].subscribeAs(broker.Subscription{TopicFilter: "$filter/odd/b/+", RetainHandling: 2})
		p.publish("a/temperature", "33", 1) // nobody has asked odd for it
		asked(1, 0)
		p.publish("b/temperature", "33", 1)
		asked(1, 1)
		for _, s := range all[1:] {
			s.Disconnect(broker.DisconnectOptions{SessionExpiryInterval: new(uint32)})
		}
		all[0].Unsubscribe([]string{"$filter/hot/#", "$filter/odd/b/+"})
		p.publish("b/temperature", "33", 1)
		asked(0, 0)
	})
}

func TestFilterRetained(t *testing.T) {
	for _, expiry := range []uint32{0, 100} {
		t.Run(fmt.Sprint("expiry ", expiry), func(t *testing.T) {
			runFilters(t, func(t *testing.T, at *site, hot, _ when) {
				p := at.connect("p")
				for i, payload := range []string{"31", "29", "x", "32"} {
					p.send(retain(fmt.Sprintf("%d/temperature", i), payload, byte(i%2)))
				}
				p.send(retain("0/humidity", "60", 1))
				at.SetSystem("broker/count", "7")
				s := at.connect("s", keep(expiry))
				s.subscribe("$filter/hot/#", 1)
				if n := hot.asked.Load(); expiry > 0 && n < 2 {
					t.Errorf("asked %d times before SUBACK", n)
				}
				s.expectAnyOrder("$filter/hot/0/temperature 31 q0 retained", "$filter/hot/3/temperature 32 q1 retained")
				s.subscribeAs(broker.Subscription{TopicFilter: "$filter/hot/#", QoS: 1, RetainHandling: 1})
				s.subscribeAs(broker.Subscription{TopicFilter: "$filter/hot/3/temperature", QoS: 1, RetainHandling: 2})
				s.expect()
				s.subscribeAs(broker.Subscription{TopicFilter: "$filter/odd/$SYS/#", QoS: 1})
				s.expect("$filter/odd/$SYS/broker/count 7 q0 retained")
				s.subscribeAs(broker.Subscription{TopicFilter: "$filter/hot/3/+", QoS: 1})
				s.expect("$filter/hot/3/temperature 32 q1 retained")
			})
		})
	}
}

// TestFilterRetainedAge: only of a retained message `age` is more than nothing.
func TestFilterRetainedAge(t *testing.T) {
	fresh := condition(t, "age < 60")
	o := broker.Options{Filters: []broker.Filter{{Name: "fresh", Match: []string{"#"}, Condition: fresh}}}
	runWith(t, o, func(t *testing.T, at *site) {
		p := at.connect("p")
		p.send(retain("old", "1", 1))
		time.Sleep(2 * time.Minute)
		p.send(retain("new", "1", 1))
		for _, expiry := range []uint32{0, 100} {
			s := at.connect(fmt.Sprint("s", expiry), keep(expiry))
			s.subscribe("$filter/fresh/#", 1)
			s.expect("$filter/fresh/new 1 q1 retained")
		}
	})
}

// TestFilterSurvives: subscriptions behind filters, and what waits for them, survive a loss of power.
func TestFilterSurvives(t *testing.T) {
	for qos := range byte(3) {
		t.Run(fmt.Sprint("QoS ", qos), func(t *testing.T) {
			runFilters(t, func(t *testing.T, at *site, _, _ when) {
				s := at.connect("s", keep(broker.Never))
				s.subscribe("$filter/hot/#", 2)
				s.subscribe("#", 2)
				s.Disconnect(broker.DisconnectOptions{})
				at.connect("p").publish("a/temperature", "31", qos)
				at.reboot(time.Second)
				p := at.connect("p")
				p.publish("a/temperature", "32", qos)
				s = at.connect("s", keep(broker.Never))
				if !s.SessionPresent {
					t.Fatal("no session")
				}
				both := func(v, dup string) []string {
					return []string{fmt.Sprintf("a/temperature %s q%d%s", v, qos, dup), fmt.Sprintf("$filter/hot/a/temperature %s q%d%s", v, qos, dup)}
				}
				before, after := both("31", " dup"), both("32", "") // it may have been sent before the power was lost
				switch qos {
				case 1:
					s.expect(append(before, after...)...)
				case 2: // what may have been sent is cleared first
					s.expect(before...)
					s.expect(after...)
				}
				p.publish("a/temperature", "33", qos)
				s.expect(both("33", "")...)
			})
		})
	}
}

// TestFilterReceivedOnce: a QoS 2 message that comes again, before and after a loss of power, is one message in each form.
func TestFilterReceivedOnce(t *testing.T) {
	runFilters(t, func(t *testing.T, at *site, hot, _ when) {
		s := at.connect("s", keep(broker.Never))
		s.subscribe("$filter/hot/#", 2)
		s.subscribe("#", 2)
		p := at.connect("p", keep(broker.Never))
		for range 2 {
			r, code := p.Receive(5, message("a/temperature", "31", 2), nil)
			if code.IsError() {
				t.Fatal(code)
			}
			at.settle(r)
		}
		at.reboot(time.Second)
		p = at.connect("p", keep(broker.Never))
		if _, code := p.Receive(5, message("a/temperature", "31", 2), nil); code.IsError() {
			t.Fatal(code)
		}
		s = at.connect("s", keep(broker.Never))
		s.expect("a/temperature 31 q2 dup", "$filter/hot/a/temperature 31 q2 dup") // they may have been sent: the power was lost
		if n := hot.asked.Load(); n != 1 {
			t.Errorf("asked %d times", n)
		}
	})
}

// TestFilterGone: a filter that is not configured any more costs its subscribers nothing but messages, and says so.
func TestFilterGone(t *testing.T) {
	o, hot, _ := filters(t)
	var log bytes.Buffer
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	runWith(t, o, func(t *testing.T, at *site) {
		s := at.connect("s", keep(broker.Never))
		s.subscribe("$filter/hot/#", 1)
		s.subscribe("$filter/hot/a/+", 1)
		s.subscribe("a/#", 0)
		at.options.Filters = []broker.Filter{{Name: "warm", Match: []string{"#"}, Condition: hot}}
		at.restart()
		if want := `filter=hot subscriptions=2`; !strings.Contains(log.String(), want) || strings.Count(log.String(), "level=WARN") != 1 {
			t.Errorf("log has no %q once:\n%s", want, log.String())
		}
		s, p := at.connect("s", keep(broker.Never)), at.connect("p")
		p.publish("a/temperature", "31", 1)
		s.expect("a/temperature 31 q0")
		if codes, _ := s.Subscribe([]broker.Subscription{{TopicFilter: "$filter/hot/#"}}, nil); codes[0] != packet.TopicFilterInvalid {
			t.Errorf("subscribe to what is gone: %v", codes[0])
		}
		if codes, r := s.Unsubscribe([]string{"$filter/hot/a/+"}); codes[0] != packet.Success || r == 0 {
			t.Errorf("unsubscribe from what is gone: %v", codes[0])
		}
		at.options.Filters = []broker.Filter{{Name: "hot", Match: []string{"#"}, Condition: hot}}
		log.Reset()
		at.restart()
		s, p = at.connect("s", keep(broker.Never)), at.connect("p")
		p.publish("a/temperature", "31", 1)
		s.expect("a/temperature 31 q0", "$filter/hot/a/temperature 31 q1")
		if log.Len() > 0 {
			t.Errorf("log: %s", log.String())
		}
	})
}

func TestFilterRefused(t *testing.T) {
	runFilters(t, func(t *testing.T, at *site, _, _ when) {
		s := at.connect("s")
		for topicFilter, want := range map[string]packet.ReasonCode{
			"$filter/cold/#": packet.TopicFilterInvalid, "$filter/hot": packet.TopicFilterInvalid, "$filter/hot/": packet.TopicFilterInvalid,
			"$filter/#": packet.TopicFilterInvalid, "$filter/+/#": packet.TopicFilterInvalid, "$filter": packet.TopicFilterInvalid,
			"$filter/hot/$filter/hot/#": packet.TopicFilterInvalid, "$filter/hot/$share/g/#": packet.TopicFilterInvalid,
			"$share/g/$filter/hot/#": packet.SharedSubscriptionsNotSupported,
		} {
			if codes, _ := s.Subscribe([]broker.Subscription{{TopicFilter: topicFilter}}, nil); codes[0] != want {
				t.Errorf("%s: %v, want %v", topicFilter, codes[0], want)
			}
		}
		internal := at.connect("i", with(func(o *broker.ConnectOptions) { o.Internal = true }))
		for _, c := range []*client{s, internal} {
			for _, name := range []string{"$filter/hot/a/temperature", "$filter/x", "$filter"} {
				if _, code := c.Publish(message(name, "31", 1), nil); code != packet.NotAuthorized {
					t.Errorf("publish to %s: %v", name, code)
				}
			}
		}
		if _, err := at.dial("w", with(func(o *broker.ConnectOptions) {
			o.Will = &broker.Will{Message: message("$filter/hot/a/temperature", "31", 1)}
		})); err != packet.NotAuthorized {
			t.Errorf("will: %v", err)
		}
	})
}

// TestFilterOnly: a message that only somebody behind a filter gets has found a subscriber.
func TestFilterOnly(t *testing.T) {
	runFilters(t, func(t *testing.T, at *site, _, _ when) {
		p, s := at.connect("p"), at.connect("s")
		s.subscribe("$filter/hot/#", 1)
		if code := p.send(message("a/temperature", "31", 1)); code != packet.Success {
			t.Errorf("%v", code)
		}
		if code := p.send(message("a/temperature", "29", 1)); code != packet.NoMatchingSubscribers {
			t.Errorf("%v", code)
		}
		if code := p.send(message("t/"+strings.Repeat("x", 65_520), "31", 1)); code != packet.NoMatchingSubscribers { // no room for a longer name
			t.Errorf("%v", code)
		}
	})
}

func TestFilterWill(t *testing.T) {
	for _, expiry := range []uint32{0, 100} {
		runFilters(t, func(t *testing.T, at *site, _, _ when) {
			s := at.connect("s", keep(expiry))
			s.subscribe("$filter/hot/#", 1)
			s.subscribe("#", 1)
			for i, payload := range []string{"31", "29"} {
				c := at.connect("c", with(func(o *broker.ConnectOptions) {
					o.Will = &broker.Will{Message: retain("a/temperature", payload, 1)}
				}))
				c.Disconnect(broker.DisconnectOptions{Will: true})
				want := []string{"a/temperature " + payload + " q1", "$filter/hot/a/temperature " + payload + " q1"}
				s.expect(want[:2-i]...)
			}
		})
	}
}

// stuck is a condition that does not come back before it is let.
type stuck struct {
	entered, leave chan struct{} // made in the bubble of the test
}

func (s *stuck) Holds(*filter.Subject) bool {
	s.entered <- struct{}{}
	<-s.leave
	return true
}

// TestFilterHoldsUpNobody: while a condition is asked, for a live message to be retained and for retained messages, everybody
// else goes on.
func TestFilterHoldsUpNobody(t *testing.T) {
	slow := &stuck{}
	o := broker.Options{Filters: []broker.Filter{{Name: "slow", Match: []string{"slow/#"}, Condition: slow}}}
	runWith(t, o, func(t *testing.T, at *site) {
		slow.entered, slow.leave = make(chan struct{}), make(chan struct{})
		s, p, other := at.connect("s", keep(100)), at.connect("p"), at.connect("other", keep(100))
		p.send(retain("slow/1", "x", 1))
		meanwhile := func(n int) {
			t.Helper()
			name := fmt.Sprint("quick/", n)
			other.subscribe(name, 2)
			at.connect(fmt.Sprint("new", n), keep(100)).send(retain(name, "x", 2))
			other.expect(name + " x q2")
			other.Unsubscribe([]string{name})
			at.settle(other.Disconnect(broker.DisconnectOptions{}))
			other = at.connect("other", keep(100))
		}
		var done sync.WaitGroup
		done.Go(func() { s.subscribe("$filter/slow/#", 1) })
		<-slow.entered
		meanwhile(1)
		slow.leave <- struct{}{}
		done.Wait()
		s.expect("$filter/slow/slow/1 x q1 retained")
		done.Go(func() { p.Publish(retain("slow/1", "y", 1), nil) })
		<-slow.entered
		meanwhile(2)
		slow.leave <- struct{}{}
		done.Wait()
		s.expect("$filter/slow/slow/1 y q1")
	})
}

// TestFilterSubscribedMeanwhile: whoever subscribes while a message to be retained is judged gets it, one way or the other.
func TestFilterSubscribedMeanwhile(t *testing.T) {
	slow := &stuck{}
	yes := condition(t, "true")
	o := broker.Options{Filters: []broker.Filter{
		{Name: "slow", Match: []string{"#"}, Condition: slow}, {Name: "yes", Match: []string{"#"}, Condition: yes},
	}}
	runWith(t, o, func(t *testing.T, at *site) {
		slow.entered, slow.leave = make(chan struct{}), make(chan struct{})
		s, late, p := at.connect("s"), at.connect("late"), at.connect("p")
		s.subscribe("$filter/slow/#", 1)
		var done sync.WaitGroup
		done.Go(func() { p.Publish(retain("a", "x", 1), nil) })
		<-slow.entered
		late.subscribe("$filter/yes/#", 1)
		slow.leave <- struct{}{}
		done.Wait()
		late.expect("$filter/yes/a x q1")
	})
}

// TestFilterConcurrently publishes while others come and go; who stays gets everything that passes, in order.
func TestFilterConcurrently(t *testing.T) {
	o, _, _ := filters(t)
	at := liveWith(t, o)
	stays := at.connect("stays", keep(100))
	stays.subscribe("$filter/odd/#", 1)
	const publishers, each = 4, 200
	var work sync.WaitGroup
	for i := range publishers {
		work.Go(func() {
			p := at.connect(fmt.Sprint("p", i))
			var touched broker.Touched
			for n := range each {
				m := message(fmt.Sprintf("%d/x", i), fmt.Sprint(n), byte(n%3))
				m.QoS, m.Retain = 1, n%3 == 0
				for _, code := p.Publish(m, &touched); code == packet.ServerBusy; _, code = p.Publish(m, &touched) {
					time.Sleep(time.Millisecond)
				}
			}
			touched.Flush()
		})
		work.Go(func() {
			for n := range each / 4 {
				c := at.connect(fmt.Sprint("c", i), keep(uint32(n%2)))
				c.subscribe("$filter/hot/#", 1)
				c.subscribe("$filter/odd/+/x", byte(n%3))
				c.Unsubscribe([]string{"$filter/hot/#"})
				c.Disconnect(broker.DisconnectOptions{})
			}
		})
	}
	work.Wait()
	got := map[string][]string{}
	for n := 0; n < publishers*each/2; {
		ds := stays.Next(nil, 100)
		n += len(ds)
		for _, d := range ds {
			got[d.Message.TopicName] = append(got[d.Message.TopicName], string(d.Message.Payload))
		}
		stays.ack(ds)
		if len(ds) == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	var want []string
	for n := 1; n < each; n += 2 {
		want = append(want, fmt.Sprint(n))
	}
	for i := range publishers {
		if g := got[fmt.Sprintf("$filter/odd/%d/x", i)]; !slices.Equal(g, want) {
			t.Errorf("of publisher %d came %d: %v", i, len(g), g)
		}
	}
}

// TestFilterAndAccess: whoever may not read a topic gets nothing of it behind a filter either, live or retained.
func TestFilterAndAccess(t *testing.T) {
	for _, expiry := range []uint32{0, 100} {
		runFilters(t, func(t *testing.T, at *site, _, _ when) {
			p := at.connect("p")
			p.send(retain("a/temperature", "31", 1))
			p.send(retain("b/temperature", "31", 1))
			s := at.connect("s", keep(expiry), within(allowing("", "$filter/hot/", "a/")))
			s.subscribe("$filter/hot/#", 1)
			s.expect("$filter/hot/a/temperature 31 q1 retained")
			p.publish("b/temperature", "32", 1)
			p.publish("a/temperature", "32", 1)
			s.expect("$filter/hot/a/temperature 32 q1")
			if codes, _ := s.Subscribe([]broker.Subscription{{TopicFilter: "$filter/odd/#"}}, nil); codes[0] != packet.NotAuthorized {
				t.Errorf("subscribe: %v", codes[0])
			}
		})
	}
}

// Subscriptions behind filters weigh what others do, and weigh nothing any more when they have gone.
func TestFilterMemory(t *testing.T) {
	o, _, _ := filters(t)
	o.Limits = broker.Limits{SubscribedBytes: 80_000}
	runWith(t, o, func(t *testing.T, at *site) {
		s := at.connect("s")
		for range 100 {
			s.subscribe("$filter/hot/a/#", 1)
			s.subscribe("$filter/hot/a/#", 0) // in the place of the other
			s.Unsubscribe([]string{"$filter/hot/a/#"})
		}
		n := 0
		for code := packet.Success; !code.IsError(); n++ {
			codes, _ := s.Subscribe([]broker.Subscription{{TopicFilter: fmt.Sprint("$filter/hot/a/", n)}}, nil)
			code = codes[0]
		}
		if n < 5 || n > 25 {
			t.Errorf("%d subscriptions of one client", n)
		}
		s.Disconnect(broker.DisconnectOptions{})
		s = at.connect("s")
		s.subscribe("$filter/hot/a/#", 1)
	})
}
