package uplink_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker"
	"skerry/broker/filter"
	"skerry/edge/config"
)

func when(t *testing.T, text string) config.When {
	t.Helper()
	x, err := filter.Compile(text)
	if err != nil {
		t.Fatal(err)
	}
	return config.When{Text: text, Expression: x}
}

// say has the device publish at QoS 1.
func (at *station) say(topic, payload string, retain bool) {
	at.publish(&broker.Message{TopicName: topic, Payload: []byte(payload), QoS: 1, Retain: retain})
}

// arrivedAs are the messages that the server has taken, as TOPIC=PAYLOAD, the state topic left out.
func (at *station) arrivedAs() (all []string) {
	synctest.Wait()
	at.server.with(func() {
		for _, p := range at.server.got {
			if name := string(p.TopicName); name != "farm/lake/wx-042/uplink/cloud" {
				mark := "="
				if p.Retain {
					mark = "=retained "
				}
				all = append(all, name+mark+string(p.Payload))
			}
		}
	})
	return all
}

func (at *station) expectArrived(want ...string) {
	at.t.Helper()
	if got := at.arrivedAs(); !slices.Equal(got, want) {
		at.t.Errorf("got  %q\nwant %q", got, want)
	}
}

// A stream carries what its expression holds of; the rest does not even wait for it.
func TestWhen(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = []config.Stream{{Name: "hot", Match: []string{"#"}, When: when(t, "value > 30")}, {Name: "doors", Match: []string{"door/#"}, Class: config.AlarmClass}}
		at.server.down = true
		at.start()
		at.say("a", "31", false)
		at.say("a", "29", false)
		at.say("door/1", "open", false)
		at.say("b", `{"value":40}`, true)
		if s := at.uplink.Status(); s.Backlog["hot"] != 2 || s.Backlog["doors"] != 1 {
			t.Errorf("waiting: %v", s.Backlog)
		}
		at.reboot()
		at.online()
		time.Sleep(time.Second)
		at.expectArrived("farm/door/1=open", "farm/a=31", `farm/b=retained {"value":40}`)
	})
}

func TestOnChange(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = []config.Stream{{Name: "news", Match: []string{"#"}, OnChange: config.OnChange{On: true, Deadband: 0.5, Heartbeat: time.Hour}}}
		at.start()
		at.online()
		for i, payload := range []string{"20", "20.4", "20.6", "20.6", "20.2", "ON", "ON"} {
			at.say(fmt.Sprint("x", i/5), payload, false)
		}
		time.Sleep(2 * time.Hour)
		at.say("x0", "20.6", false)
		time.Sleep(time.Second)
		at.expectArrived("farm/x0=20", "farm/x0=20.6", "farm/x1=ON", "farm/x0=20.6")
	})
}

// Results go out under the topics of their readings, retained as those are, and wait while the link is down. What the server has sent is not
// sent back by them.
func TestReduced(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		commands(at)
		at.streams = []config.Stream{{Name: "means", Match: []string{"#"}, When: when(t, "value < 100"), Reduce: &config.Reduce{Window: 5 * time.Minute, To: []config.Reduction{config.Mean}}}}
		at.start()
		at.online()
		for i := range 10 {
			at.say("a", fmt.Sprint(i), true)
			at.say("b", "7", false)
			at.say("b", "700", false)
		}
		at.server.send(command("cmd/wx-042/a", 1, 5))
		time.Sleep(time.Second)
		at.expectArrived()
		at.server.with(func() { at.server.down = true })
		at.server.cut()
		time.Sleep(6 * time.Minute)
		at.say("a", "50", true)
		at.reboot()
		at.online()
		time.Sleep(6 * time.Minute)
		at.expectArrived("farm/a=retained 4.5", "farm/b=7", "farm/a=retained 50")
	})
}

// Who takes the reduction away gets what was in the open window, and from then on the readings.
func TestReducedNoMore(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = []config.Stream{{Name: "means", Match: []string{"#"}, Reduce: &config.Reduce{Window: time.Hour, To: []config.Reduction{config.Max}}}}
		at.start()
		at.online()
		at.say("a", "1", false)
		at.say("a", "2", false)
		at.streams[0].Reduce = nil
		at.reboot()
		at.online()
		time.Sleep(time.Minute)
		at.say("a", "3", false)
		time.Sleep(time.Second)
		at.expectArrived("farm/a=2", "farm/a=3")
		at.reboot()
		at.online()
		if left := at.broker.Internal(); !slices.Equal(left, []string{"uplink/cloud", "uplink/cloud/means"}) {
			t.Errorf("sessions %q", left)
		}
	})
}

// A live and a backfill stream over the same results are a pair as any other: nothing is sent twice.
func TestReducedPair(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		r := &config.Reduce{Window: time.Minute, To: []config.Reduction{config.Mean}}
		at.streams = []config.Stream{
			{Name: "now", Match: []string{"#"}, Class: config.LiveClass, Reduce: r}, {Name: "then", Match: []string{"#"}, Class: config.BackfillClass, Reduce: r},
		}
		at.start()
		at.online()
		want := []string{}
		for i := range 20 {
			if i == 5 || i == 15 {
				at.server.with(func() { at.server.down = i == 5 })
				at.server.cut()
			}
			at.say("a", fmt.Sprint(i), false)
			want = append(want, fmt.Sprint("farm/a=", i))
			time.Sleep(time.Minute)
		}
		time.Sleep(10 * time.Minute)
		got := at.arrivedAs()
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	})
}

// TestResultNotOverNewer: what comes of a window that is over is not retained upstream over what another stream carried as it came.
func TestResultNotOverNewer(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		r := &config.Reduce{Window: time.Minute, To: []config.Reduction{config.Mean}}
		at.streams = []config.Stream{
			{Name: "alarms", Match: []string{"frost"}, Class: config.AlarmClass}, {Name: "means", Match: []string{"#"}, Reduce: r},
		}
		at.server.down = true
		at.start()
		at.say("frost", "on", true)
		at.say("air", "20", true)
		time.Sleep(time.Minute)
		at.say("frost", "off", true)
		at.server.with(func() { at.server.down = false })
		at.online()
		at.until("all upstream", func() bool { return at.uplink.Status().Acknowledged == 4 })
		if got := at.server.retained("farm/frost"); got != "off" {
			t.Errorf("%q is retained upstream", got)
		}
		if got := at.server.retained("farm/air"); got != "20" {
			t.Errorf("%q is retained upstream of what one stream carries", got)
		}
		time.Sleep(2 * time.Minute)
		at.say("frost", "", true)
		time.Sleep(2 * time.Minute)
		if got := at.server.payloads("farm/frost"); at.server.retained("farm/frost") != "" || got[len(got)-1] != "" {
			t.Errorf("upstream got %q, and %q is retained", got, at.server.retained("farm/frost"))
		}
	})
}

// TestRemovalLeaves: who removes a retained message removes it upstream too, whatever a stream chooses of its topics.
func TestRemovalLeaves(t *testing.T) {
	for name, s := range map[string]config.Stream{
		"when":      {When: when(t, "value > 30")},
		"on change": {OnChange: config.OnChange{On: true}},
		"both":      {When: when(t, "data.value > 30"), OnChange: config.OnChange{On: true, Deadband: 5}},
		"backfill":  {When: when(t, "value > 30"), Class: config.BackfillClass},
		"state":     {When: when(t, "value > 30"), Class: config.StateClass},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, func(t *testing.T, at *station) {
				s.Name, s.Match = "hot", []string{"a"}
				at.streams = []config.Stream{s}
				at.start()
				at.online()
				at.say("a", `{"value":40}`, true)
				synctest.Wait()
				time.Sleep(10 * time.Second)
				at.say("a", "", true)
				at.say("b", "", true)
				at.say("a", "", false)
				at.until("nothing waits", func() bool { return at.uplink.Status().Backlog["hot"] == 0 })
				want := []string{`farm/a=retained {"value":40}`, "farm/a=retained "}
				if s.When.Expression == nil {
					want = append(want, "farm/a=")
				}
				at.expectArrived(want...)
			})
		})
	}
}
