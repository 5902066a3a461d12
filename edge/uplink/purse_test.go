package uplink_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker"
	"skerry/edge/config"
	"skerry/edge/uplink"
	"skerry/edge/uplink/budget"
	"skerry/edge/uplink/kind"
)

// limit gives the station a link with a budget for each day, and streams of all classes.
func (at *station) limit(perDay int64) {
	at.config.Links = []config.Link{{
		Name: "lte", Kind: "cellular", KeepAlive: config.KeepAlive{Min: 4 * time.Minute, Max: 4 * time.Minute},
		Retry:  config.DurationRange{Min: 5 * time.Second, Max: 5 * time.Minute},
		Price:  config.Price{Price: budget.Price{Amount: 0.10, Currency: "EUR", Per: 1_000_000}},
		Budget: &config.Budget{Bytes: config.Allowances{{Bytes: perDay, Period: budget.Day}}, Reserve: 10},
	}}
	at.streams = []config.Stream{
		classed("now", config.LiveClass, "t/#"), classed("alarms", config.AlarmClass, "a/#"), classed("states", config.StateClass, "s/#"),
	}
}

// budget is the account of the first link.
func (at *station) budget() budget.Status { return at.uplink.Status().Links[0].Budget }

func (at *station) used() int64 { return at.budget().Forecasts[0].Used }

// TestBudgetUsedUp: when the allowance of a day is used up live data wait, and are counted; alarms arrive; and on the next days all the
// rest does, in order.
func TestBudgetUsedUp(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.limit(100_000)
		at.start()
		at.online()
		const n = 2000
		at.publishMany(0, n, 1)
		time.Sleep(5 * time.Minute)
		at.alarmOnly(n)
		for i := range 5 {
			before := time.Now()
			at.publish(&broker.Message{TopicName: "a/x", Payload: fmt.Append(nil, i), QoS: 1})
			at.until("the alarm is upstream", func() bool { return len(at.server.payloads("farm/a/x")) == i+1 })
			if d := time.Since(before); d > 2*time.Second {
				t.Errorf("alarm %d took %v", i, d)
			}
			time.Sleep(time.Minute)
		}
		// What alarms cost goes beyond all of it, and is said.
		for over := 0; at.budget().Over == 0; over++ {
			if over == 2000 {
				t.Fatalf("never over the budget: %+v", at.budget())
			}
			at.publish(&broker.Message{TopicName: "a/y", Payload: make([]byte, 200), QoS: 1})
			time.Sleep(time.Second)
		}
		if lines := at.log.matching("more than its budget"); len(lines) != 1 {
			t.Errorf("log %q", lines)
		}
		at.restartUplink() // a stop in order gives nothing back
		time.Sleep(2 * time.Minute)
		if u := at.used(); u < 100_000 {
			t.Errorf("%d B used after a restart", u)
		}
		if got := at.arrivedSoFar(); got >= n {
			t.Fatal("nothing is held")
		}
		for range 10 {
			time.Sleep(24 * time.Hour)
			if u := at.used(); u > 125_000 {
				t.Errorf("%d B used in a day of 100,000", u)
			}
		}
		at.arrived(n, true)
		if s := at.uplink.Status(); s.Backlog["now"] != 0 || s.LostSession > 0 {
			t.Errorf("%+v", s)
		}
	})
}

// arrivedSoFar counts the messages of publishMany that are upstream.
func (at *station) arrivedSoFar() (n int) {
	for topic := range 10 {
		n += len(at.server.payloads(fmt.Sprintf("farm/t/%d", topic)))
	}
	return n
}

// alarmOnly checks that of n live messages the rest waits, that it is counted and said, and that no connection is held open for it.
func (at *station) alarmOnly(n int) {
	at.t.Helper()
	b, got := at.budget(), at.arrivedSoFar()
	at.t.Logf("%d of %d live messages are upstream; %v", got, n, b)
	if b.Rung != budget.AlarmOnly || b.Forecasts[0].Used > 100_000 || got == 0 || got == n {
		at.t.Errorf("%d upstream, %v", got, b)
	}
	if b.Held[budget.Live] != int64(n-got) || b.Dropped.Sum() != 0 {
		at.t.Errorf("%d held, %d dropped, want %d and none", b.Held[budget.Live], b.Dropped.Sum(), n-got)
	}
	if b.Forecasts[0].ByClass[budget.Live] < 50_000 || b.Forecasts[0].Cost <= 0 || b.Forecasts[0].Exhausted.IsZero() {
		at.t.Errorf("forecast %+v", b.Forecasts[0])
	}
	if lines := at.log.matching("changes what is sent"); len(lines) != 1 || !strings.Contains(lines[0], "alarm-only") {
		at.t.Errorf("log %q", lines)
	}
	if s := at.uplink.Status(); s.Online || !strings.Contains(s.Err, "alarms only") {
		at.t.Errorf("online %v, %q", s.Online, s.Err)
	}
}

// TestBudgetReduced: on the rung reduced live data wait, states and alarms go.
func TestBudgetReduced(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.limit(1_000_000)
		at.start()
		at.online()
		at.fill("t/0", 1000, 1) // in an hour a quarter: that is not to last for a day
		at.until("the rung", func() bool { return at.budget().Rung == budget.Reduced })
		if d := at.budget(); d.Why == "" || !d.Forecasts[0].Known {
			t.Errorf("%+v", d)
		}
		time.Sleep(2 * time.Minute)
		at.fill("t/1", 10, 1)
		at.publish(&broker.Message{TopicName: "s/x", Payload: []byte("on"), QoS: 1})
		at.until("the state is upstream", func() bool { return len(at.server.payloads("farm/s/x")) == 1 })
		time.Sleep(2 * time.Minute)
		if got := len(at.server.payloads("farm/t/1")); got != 0 {
			t.Errorf("%d live messages were sent", got)
		}
		if b := at.budget(); b.Held[budget.Live] != 10 {
			t.Errorf("%+v", b.Held)
		}
		for at.budget().Rung > budget.OnDemand {
			time.Sleep(time.Minute)
		}
		at.until("live data go on", func() bool { return len(at.server.payloads("farm/t/1")) == 10 })
	})
}

// TestBudgetOnDemand: on the rung on-demand no connection is held open, and what waits shares one; an alarm has its own at once.
func TestBudgetOnDemand(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.limit(2_700_000)
		at.start()
		at.online()
		at.fill("t/0", 600, 1)
		at.until("the rung", func() bool { return at.budget().Rung >= budget.OnDemand })
		for at.budget().Rung > budget.OnDemand { // what is counted is not the same each time
			time.Sleep(time.Minute)
		}
		at.until("it leaves", func() bool { return !at.uplink.Status().Online })
		connects := at.uplink.Status().Connections
		at.publish(&broker.Message{TopicName: "t/1", Payload: []byte("x"), QoS: 1})
		time.Sleep(30 * time.Minute)
		if at.uplink.Status().Connections != connects {
			t.Error("a message that could wait was not waited for")
		}
		at.publish(&broker.Message{TopicName: "a/1", Payload: []byte("fire"), QoS: 1})
		time.Sleep(2 * time.Second)
		if len(at.server.payloads("farm/a/1")) != 1 || len(at.server.payloads("farm/t/1")) != 1 {
			t.Error("the alarm did not go at once, or alone")
		}
		at.publish(&broker.Message{TopicName: "t/1", Payload: []byte("y"), QoS: 1})
		at.until("it goes within an hour", func() bool { return len(at.server.payloads("farm/t/1")) == 2 })
	})
}

// TestBudgetPair: while live data wait for the budget they gather in the old backlog, like those of an outage; nothing is lost or twice.
func TestBudgetPair(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.limit(100_000)
		at.streams = []config.Stream{classed("now", config.LiveClass, "t/#"), classed("old", config.BackfillClass, "t/#")}
		at.start()
		at.online()
		at.publishMany(0, 1500, 1)
		time.Sleep(5 * time.Minute)
		at.publishMany(1500, 20, 1)
		time.Sleep(2 * time.Minute)
		if b := at.budget(); b.Rung != budget.AlarmOnly || b.Held[budget.Backfill] < 20 {
			t.Errorf("%v, held %v", b, b.Held)
		}
		time.Sleep(20 * 24 * time.Hour)
		seen := map[string]int{}
		for topic := range 10 {
			for _, p := range at.server.payloads(fmt.Sprintf("farm/t/%d", topic)) {
				seen[p]++
			}
		}
		for i := range 1520 {
			if seen[fmt.Sprint(i)] != 1 {
				t.Fatalf("message %d arrived %d times; %v, %+v", i, seen[fmt.Sprint(i)], at.budget(), at.uplink.Status().Backlog)
			}
		}
	})
}

// TestBudgetState: what an uplink writes down while it sends is little, and gone when it is retired.
func TestBudgetState(t *testing.T) {
	for name, allowances := range map[string]config.Allowances{
		"none": nil, "one": {{Bytes: 50_000_000, Period: budget.Month}}, "two": {{Bytes: 50_000_000, Period: budget.Month}, {Bytes: 5_000_000, Period: budget.Day}},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, func(t *testing.T, at *station) {
				at.limit(1)
				if at.config.Links[0].Budget.Bytes = allowances; allowances == nil {
					at.config.Links[0].Budget = nil
				}
				at.streams = []config.Stream{stream("all", "#")}
				at.start()
				at.online()
				facts := map[string]string{}
				for _, key := range []string{"uplink/cloud", "uplink/cloud/keep_alive", "uplink/cloud/budget/lte", "uplink/cloud/budget/lte/days"} {
					facts[key] = ""
				}
				written := 0
				const readings = 5000
				for i := range readings {
					at.publish(&broker.Message{TopicName: "t/x", Payload: make([]byte, 70), QoS: 1})
					synctest.Wait()
					for key, before := range facts {
						if value, _ := at.broker.Fact(key); string(value) != before {
							if facts[key] = string(value); i > 0 {
								written += len(key) + len(value)
							}
						}
					}
					time.Sleep(20 * time.Second)
				}
				t.Logf("%d B of state for %d readings of 70 B: %d B for 1,000; %d B counted", written, readings, written*1000/readings, at.uplink.Status().Links[0].Bytes)
				if written*1000/readings > 1000 {
					t.Error("more than 1 KB for 1,000 readings")
				}
				at.stopUplink()
				if err := uplink.Retire(at.broker, nil, nil); err != nil {
					t.Fatal(err)
				}
				for key := range facts {
					if value, ok := at.broker.Fact(key); ok {
						t.Errorf("%s is left: %s", key, value)
					}
				}
			})
		})
	}
}

// TestBudgetCapacity: the status says how long what waits takes to leave, and how long the store lasts.
func TestBudgetCapacity(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.options.Room = func() int64 { return 10_000_000 }
		at.start()
		at.online()
		if s := at.uplink.Status(); s.Drain != 0 || s.Offline >= 0 {
			t.Errorf("at the start %v, %v", s.Drain, s.Offline)
		}
		for range 120 {
			at.fill("t/x", 1, 1)
			time.Sleep(30 * time.Second)
		}
		if s := at.uplink.Status(); s.Drain != 0 || s.Offline < 15*24*time.Hour || s.Offline > 25*24*time.Hour {
			t.Errorf("drain %v, offline %v: want 10 MB at some 180 B in 30 s: 19 days", s.Drain, s.Offline)
		}
		at.server.with(func() { at.server.down = true })
		at.server.cut()
		at.fill("t/x", 100, 1)
		time.Sleep(10 * time.Minute)
		if s := at.uplink.Status(); s.Drain >= 0 || s.Backlog["all"] < 100 {
			t.Errorf("while nothing leaves: %v", s.Drain)
		}
	})
}

// TestBudgetDropped: what a full stream gives up while its class waits for the budget is counted.
func TestBudgetDropped(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.limit(100_000)
		at.streams[0].Keep = config.Queue{Messages: 100}
		at.start()
		at.online()
		for at.budget().Rung != budget.AlarmOnly {
			at.fill("t/0", 20, 1)
			time.Sleep(10 * time.Second)
		}
		time.Sleep(2 * time.Minute)
		at.fill("t/0", 300, 1)
		time.Sleep(2 * time.Minute)
		s := at.uplink.Status()
		b := s.Links[0].Budget
		if total := uint64(b.Held[budget.Live]) - uint64(b.Dropped[budget.Live]); b.Dropped[budget.Live] < 200 || total != s.Backlog["now"] || s.Backlog["now"] > 100 {
			t.Errorf("held %d, dropped %d, %d wait", b.Held[budget.Live], b.Dropped[budget.Live], s.Backlog["now"])
		}
	})
}

// TestBudgetLinkLeftOut: a link that is left out of the configuration for a while has used what it has.
func TestBudgetLinkLeftOut(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.limit(10_000_000)
		at.start()
		at.online()
		at.fill("t/0", 500, 1)
		synctest.Wait()
		at.stopUplink()
		used, links := at.used(), at.config.Links
		if used < 50_000 {
			t.Fatalf("%d B used", used)
		}
		at.config.Links = nil
		at.startUplink()
		at.online()
		at.fill("t/0", 10, 1)
		at.stopUplink()
		at.config.Links = links
		at.reboot()
		at.online()
		if again := at.used(); again < used || again > used+400_000 {
			t.Errorf("%d B used, and %d before", again, used)
		}
	})
}

// TestBudgetAttempts: a server that refuses everybody is not asked more often than attempts may cost, by what they have cost.
func TestBudgetAttempts(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.limit(1_000_000)
		at.server.down = true
		at.start()
		time.Sleep(48 * time.Hour)
		s := at.uplink.Status()
		t.Logf("%d attempts in two days cost %d B", s.Links[0].Attempts, s.Links[0].Bytes)
		// Two buckets, and what is given back: three times twelve attempts of the dearest kind.
		if most := int64(3 * 12 * 11_200); s.Links[0].Bytes > most || s.Links[0].Bytes < 10_000 || s.Links[0].Attempts < 300 {
			t.Errorf("%d attempts cost %d B, want at most %d", s.Links[0].Attempts, s.Links[0].Bytes, most)
		}
	})
}

// TestAttemptsWithoutABudget: on a link that is paid by the byte attempts have a budget of their own, however short the waits between them are.
func TestAttemptsWithoutABudget(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.limit(1_000_000)
		l := &at.config.Links[0]
		l.Budget, l.Retry = nil, config.DurationRange{Min: time.Second, Max: time.Second}
		at.server.down = true
		at.start()
		time.Sleep(48 * time.Hour)
		s := at.uplink.Status()
		most := 3 * kind.Of("cellular").AttemptsDay // what there is at first, and what two days give back
		if s.Links[0].Bytes > most || s.Links[0].Bytes < most/2 {
			t.Errorf("%d attempts cost %d B, want at most %d", s.Links[0].Attempts, s.Links[0].Bytes, most)
		}
	})
}

// TestBudgetBackfillWaits: while the old backlog has to wait for regular traffic, that goes on behind it and before it.
func TestBudgetBackfillWaits(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.limit(2_700_000)
		at.streams = []config.Stream{classed("old", config.BackfillClass, "b/#"), classed("now", config.LiveClass, "t/#"), classed("states", config.StateClass, "s/#"), classed("alarms", config.AlarmClass, "a/#")}
		at.start()
		at.online()
		at.fill("t/0", 600, 1)
		at.until("the rung", func() bool { return at.budget().Rung == budget.OnDemand })
		at.fill("b/0", 50, 1)
		at.fill("t/1", 300, 1) // several turns
		at.fill("s/0", 1, 1)
		at.fill("a/0", 1, 1) // it connects at once, and the others go along
		time.Sleep(time.Minute)
		if live, states := len(at.server.payloads("farm/t/1")), len(at.server.payloads("farm/s/0")); live != 300 || states != 1 {
			t.Errorf("%d live messages and %d states were sent", live, states)
		}
		if n := len(at.server.payloads("farm/b/0")); n != 0 {
			t.Errorf("%d of the old backlog were sent", n)
		}
		time.Sleep(48 * time.Hour)
		if n := len(at.server.payloads("farm/b/0")); n != 50 {
			t.Errorf("%d of the old backlog were sent two days later", n)
		}
	})
}

// TestBudgetNewPeriod: live data that have waited for a new day leave when it begins. They are mostly payload: how many small messages an allowance is enough for depends on
// how many of them happen to share a packet of TCP.
func TestBudgetNewPeriod(t *testing.T) {
	const messages = 260 // more than fit into one day, fewer than into two
	play(t, func(t *testing.T, at *station) {
		at.limit(100_000)
		at.start()
		at.online()
		for i := range messages {
			at.publish(&broker.Message{TopicName: fmt.Sprintf("t/%d", i%10), Payload: make([]byte, 400), QoS: 1})
		}
		time.Sleep(5 * time.Minute)
		if b := at.budget(); b.Rung != budget.AlarmOnly {
			t.Fatalf("%v", b)
		}
		before := at.arrivedSoFar()
		midnight := at.budget().Forecasts[0].End
		time.Sleep(time.Until(midnight) - time.Minute)
		if n := at.arrivedSoFar(); n != before || n == messages {
			t.Fatalf("%d were sent, and %d before", n, before)
		}
		time.Sleep(5 * time.Minute)
		if n := at.arrivedSoFar(); n != messages {
			t.Errorf("%d of %d are upstream four minutes after midnight; %v", n, messages, at.budget())
		}
	})
}
