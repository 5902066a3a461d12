package uplink_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/edge/config"
	"skerry/edge/uplink"
	"skerry/queue"
	"skerry/queue/vfs"
)

func pairOver(match ...string) []config.Stream {
	return []config.Stream{classed("now", config.LiveClass, match...), classed("old", config.BackfillClass, match...)}
}

// gathers is the stream that gets what is published.
func (at *station) gathers() (names []string) {
	for _, s := range at.uplink.Status().Streams {
		if s.Gathers {
			names = append(names, s.Name)
		}
	}
	return names
}

func (at *station) wantGathers(want string) {
	at.t.Helper()
	if got := strings.Join(at.gathers(), " "); got != want {
		at.t.Errorf("%s gathers, want %s", got, want)
	}
}

// TestPair: what is published goes into the live stream while the uplink is online, into the other one when it has been offline for a
// while, and never into both.
func TestPair(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = pairOver("t/#")
		at.server.down = true
		at.start()
		at.wantGathers("old")
		at.publishMany(0, 100, 2)
		if s := at.uplink.Status(); s.Backlog["old"] != 100 || s.Streams[0].Pair != "old" || s.Streams[1].Pair != "now" {
			t.Errorf("status %+v", s)
		}
		at.server.with(func() { at.server.down = false })
		at.online()
		at.wantGathers("now")
		at.publishMany(100, 100, 2)
		at.taken(200)
		at.server.with(func() { at.server.down = true })
		at.server.cut()
		synctest.Wait()
		time.Sleep(5 * time.Second)
		at.wantGathers("now") // it may be back soon
		at.publishMany(200, 100, 2)
		time.Sleep(10 * time.Second)
		at.wantGathers("old")
		at.publishMany(300, 100, 2)
		if s := at.uplink.Status(); s.Backlog["now"] != 100 || s.Backlog["old"] != 100 {
			t.Errorf("backlog %v", s.Backlog)
		}
		at.server.with(func() { at.server.down = false })
		at.online()
		at.publishMany(400, 100, 2)
		at.taken(500)
		time.Sleep(time.Minute)
		if s := at.uplink.Status(); s.Connections != 2 || s.Backlog["now"]+s.Backlog["old"] != 0 {
			t.Errorf("status %+v", s)
		}
		at.countOnce(500)
	})
}

// countOnce checks that each of the numbers of publishMany is upstream once, in whatever order.
func (at *station) countOnce(n int) {
	at.t.Helper()
	seen := map[string]int{}
	for topic := range 10 {
		for _, p := range at.server.payloads(fmt.Sprintf("farm/t/%d", topic)) {
			seen[p]++
		}
	}
	for i := range n {
		if c := seen[fmt.Sprint(i)]; c != 1 {
			at.t.Errorf("message %d is %d times upstream", i, c)
		}
	}
}

// TestLiveOvertakes: what is published when the uplink is back does not wait for the end of the backlog, which has a quarter of the link.
func TestLiveOvertakes(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = pairOver("#")
		at.server.down = true
		at.start()
		at.fill("b/x", 2000, 1)
		at.server.with(func() {
			at.server.down, at.server.late = false, 200*time.Millisecond
			at.server.limits = at.server.limits.AppendNumber(packet.ReceiveMaximum, 40)
		})
		at.online()
		for range 200 {
			at.fill("l/x", 1, 1)
			time.Sleep(20 * time.Millisecond)
		}
		at.until("all upstream", func() bool { return at.uplink.Status().Acknowledged == 2200 })
		got := at.server.order()
		last := strings.LastIndex(got, "l")
		if behind := strings.Count(got[last:], "b"); behind < 1000 {
			t.Errorf("the last live message came when %d of the backlog were left", behind)
		}
		if old := strings.Count(got[:last], "b"); old < 100 {
			t.Errorf("only %d of the backlog left meanwhile", old)
		}
	})
}

// TestPairRetained: a retained value goes upstream once for a filter, whichever stream has that.
func TestPairRetained(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.startBroker()
		at.publish(&broker.Message{TopicName: "t/r", Payload: []byte("1"), QoS: 1, Retain: true})
		single := []config.Stream{classed("now", config.LiveClass, "t/#")}
		swapped := []config.Stream{classed("now", config.BackfillClass, "t/#"), classed("old", config.LiveClass, "t/#")}
		at.streams = single
		at.startUplink()
		at.online()
		for i, streams := range [][]config.Stream{pairOver("t/#"), single, pairOver("t/#"), swapped, pairOver("t/#"), pairOver("t/+"), pairOver("t/+", "t/r")} {
			at.streams = streams
			at.restartUplink()
			at.online()
			at.server.with(func() { at.server.down = true })
			at.server.cut()
			time.Sleep(time.Minute)
			at.server.with(func() { at.server.down = false })
			if i%2 == 0 {
				at.reboot()
			}
			at.online()
			time.Sleep(time.Minute)
		}
		// Once for t/#, and once for each of the two that are new.
		if got := at.server.payloads("farm/t/r"); len(got) != 3 {
			t.Errorf("got %q", got)
		}
	})
}

// TestPairEdited edits the configuration between cuts and power cuts: as long as one stream gathers, each message arrives once.
func TestPairEdited(t *testing.T) {
	forms := [][]config.Stream{
		pairOver("t/#"), pairOver("t/+"),
		{classed("now", config.LiveClass, "t/#")},
		{classed("old", config.BackfillClass, "t/#")},
		{classed("old", config.LiveClass, "t/#"), classed("now", config.BackfillClass, "t/#")},
		{classed("now", config.AlarmClass, "t/+")},
	}
	for seed := range uint64(max(3, soaks/2)) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			play(t, func(t *testing.T, at *station) {
				r := rand.New(rand.NewPCG(seed, 9))
				forms := forms
				if seed%3 == 1 {
					forms = allInBlocks(forms, time.Duration(r.IntN(5))*time.Second)
				}
				at.streams = forms[0]
				at.start()
				n := 0
				for range 25 {
					more := max(0, r.IntN(30)-10) // or the power goes right after the change
					at.publishMany(n, more, 2)
					n += more
					at.streams = forms[r.IntN(len(forms))]
					if r.IntN(2) == 0 {
						at.rebootWith(vfs.Honest, r)
					} else {
						at.restartUplink()
					}
					at.server.with(func() { at.server.down = r.IntN(2) == 0 })
					at.server.cut()
					time.Sleep(time.Duration(r.Int64N(int64(30 * time.Second))))
				}
				at.streams = forms[0]
				at.restartUplink()
				at.server.with(func() { at.server.down = false })
				at.online()
				at.until("all settled", func() bool { s := at.uplink.Status(); return s.Backlog["now"]+s.Backlog["old"] == 0 })
				synctest.Wait()
				at.countOnce(n)
			})
		})
	}
}

// allInBlocks are the same streams, which leave in blocks.
func allInBlocks(forms [][]config.Stream, linger time.Duration) (all [][]config.Stream) {
	for _, form := range forms {
		form = slices.Clone(form)
		for i := range form {
			if form[i].Encode = config.EncodePack; form[i].Class != config.AlarmClass {
				form[i].Linger = &linger
			}
		}
		all = append(all, form)
	}
	return all
}

// TestPairBroken: streams that only share a part are none, and each gathers for itself. So does what is left when a link carries no live data.
func TestPairBroken(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = []config.Stream{classed("now", config.LiveClass, "t/#"), classed("old", config.BackfillClass, "t/1")}
		at.start()
		at.online()
		at.wantGathers("now old")
		at.stopUplink()
		at.streams = pairOver("t/#")
		at.startUplink()
		at.online()
		at.wantGathers("now")
		at.uplink.Limit([]string{config.BackfillClass})
		synctest.Wait()
		at.wantGathers("old")
		at.publishMany(0, 20, 2)
		at.taken(20)
		at.uplink.Limit(nil)
		synctest.Wait()
		at.wantGathers("now")
		at.stopUplink()
		at.wantGathers("old")
	})
}

// TestPairOfOne: if damage to the disk leaves only one stream of a pair that can be carried, that one gathers.
func TestPairOfOne(t *testing.T) {
	pair := pairOver("t/#")
	for _, streams := range [][]config.Stream{{pair[0], pair[1]}, {pair[1], pair[0]}} {
		play(t, func(t *testing.T, at *station) {
			at.server.down = true
			at.streams = streams[:1]
			at.start()
			at.publishMany(0, 100, 2)
			at.stopUplink()
			at.stray(streams[1].Name, "t/#")
			at.publishMany(100, 100, 2)
			at.streams = streams
			at.restartUplink()
			at.wantGathers(streams[0].Name)
			at.publishMany(200, 100, 2)
			if s := at.uplink.Status(); s.Backlog[streams[0].Name] < 200 || len(s.Streams) != 1 {
				t.Errorf("backlog %v", s.Backlog)
			}
			at.server.with(func() { at.server.down = false })
			at.online()
			at.publishMany(300, 100, 2)
			at.until("all upstream", func() bool { return at.uplink.Status().Backlog[streams[0].Name] == 0 })
			for i := 200; i < 400; i++ {
				if !slices.Contains(at.server.payloads(fmt.Sprintf("farm/t/%d", i%10)), fmt.Sprint(i)) {
					t.Errorf("message %d is not upstream", i)
				}
			}
		})
	}
}

// TestNotOverNewer: what comes late is not retained upstream over something newer, nor what has been removed since.
func TestNotOverNewer(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = pairOver("#")
		at.server.down = true
		at.start()
		retained := func(topic, payload string) {
			at.publish(&broker.Message{TopicName: topic, Payload: []byte(payload), QoS: 1, Retain: true})
		}
		at.fill("b/x", 500, 1)
		retained("t/a", "old")
		retained("t/b", "old")
		retained("t/c", "old")
		at.server.with(func() {
			at.server.down, at.server.late = false, 200*time.Millisecond
			at.server.limits = at.server.limits.AppendNumber(packet.ReceiveMaximum, 40)
		})
		at.online()
		retained("t/a", "new")
		retained("t/b", "")
		at.until("all upstream", func() bool { return at.uplink.Status().Acknowledged == 505 })
		if a, b := at.server.payloads("farm/t/a"), at.server.payloads("farm/t/b"); !slices.Equal(a, []string{"new", "old"}) || !slices.Equal(b, []string{"", "old"}) {
			t.Fatalf("upstream got %q, %q: nothing was overtaken", a, b)
		}
		for topic, want := range map[string]string{"farm/t/a": "new", "farm/t/b": "", "farm/t/c": "old"} {
			if got := at.server.retained(topic); got != want {
				t.Errorf("%s is retained upstream as %q, want %q", topic, got, want)
			}
		}
		if s := at.uplink.Status(); s.Overtaken != 2 || s.Downgraded != 0 {
			t.Errorf("status %+v", s)
		}
	})
}

// TestNotOverNewerEdited: a stream that is carried no more has brought some things sooner than one whose backlog still has them.
func TestNotOverNewerEdited(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = []config.Stream{classed("all", config.LiveClass, "#"), classed("first", config.AlarmClass, "t/a")}
		at.server.down = true
		at.start()
		at.fill("b/x", 500, 1)
		for _, payload := range []string{"old", "new"} {
			at.publish(&broker.Message{TopicName: "t/a", Payload: []byte(payload), QoS: 1, Retain: true})
		}
		at.server.with(func() {
			at.server.down, at.server.late = false, time.Second
			at.server.limits = at.server.limits.AppendNumber(packet.ReceiveMaximum, 8)
		})
		at.until("the first are upstream", func() bool { return len(at.server.payloads("farm/t/a")) == 2 })
		at.streams = at.streams[:1]
		at.restartUplink()
		at.until("all are", func() bool { return len(at.server.payloads("farm/t/a")) == 4 })
		at.server.with(func() {
			seen := false
			for _, p := range at.server.got {
				if string(p.TopicName) == "farm/t/a" && p.Retain {
					if seen = seen || string(p.Payload) == "new"; seen && string(p.Payload) == "old" {
						t.Error("the old one is retained over the new one")
					}
				}
			}
		})
	})
}

// retained is what is retained on a topic when everything taken was stored.
func (s *upstream) retained(topic string) (payload string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.got {
		if string(p.TopicName) == topic && p.Retain {
			payload = string(p.Payload)
		}
	}
	return payload
}

// TestOneStreamIsRetained: within one stream every message is newer than the one before, and is retained as it was published.
func TestOneStreamIsRetained(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = []config.Stream{classed("now", config.LiveClass, "t/#"), classed("other", config.LiveClass, "u/#")}
		at.server.down = true
		at.start()
		for i := range 3 {
			at.publish(&broker.Message{TopicName: "t/a", Payload: fmt.Append(nil, i), QoS: 1, Retain: true})
		}
		time.Sleep(time.Minute)
		at.server.with(func() { at.server.down = false })
		at.online()
		at.until("upstream", func() bool { return at.uplink.Status().Acknowledged == 3 })
		if s := at.uplink.Status(); s.Overtaken != 0 {
			t.Errorf("status %+v", s)
		}
	})
}

// TestMixedBacklog: a backlog from a time of other filters does not take the place of what another stream has sent since.
func TestMixedBacklog(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		retained := func(payload string) {
			at.publish(&broker.Message{TopicName: "t/a", Payload: []byte(payload), QoS: 1, Retain: true})
		}
		at.streams = []config.Stream{classed("x", config.LiveClass, "t/#")}
		at.server.down = true
		at.start()
		retained("old")
		at.streams = []config.Stream{classed("y", config.LiveClass, "t/#")}
		at.restartUplink()
		at.server.with(func() { at.server.down = false })
		at.online()
		retained("new")
		at.until("upstream", func() bool { return at.server.retained("farm/t/a") == "new" })
		at.streams = []config.Stream{classed("x", config.LiveClass, "t/#")}
		at.restartUplink()
		at.online()
		at.until("upstream", func() bool { return at.uplink.Status().Backlog["x"] == 0 })
		if got := at.server.payloads("farm/t/a"); !slices.Equal(got, []string{"new", "old"}) || at.server.retained("farm/t/a") != "new" {
			t.Errorf("upstream got %q, %q is retained", got, at.server.retained("farm/t/a"))
		}
	})
}

// TestPublished: what is late carries its time, if its time is known and it does not say it itself.
func TestPublished(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.server.down = true
		at.wall = func() (int64, bool) { return time.Now().UnixMilli(), true }
		at.start()
		began := time.Now()
		own := packet.Properties(nil).AppendUserProperty(uplink.TimeProperty, "yesterday")
		at.publish(&broker.Message{TopicName: "t/late", Payload: []byte("x"), QoS: 1, Properties: packet.Properties(nil).AppendUserProperty("a", "b")})
		at.publish(&broker.Message{TopicName: "t/own", Payload: []byte("x"), QoS: 1, Properties: own})
		at.device.Publish(&broker.Message{TopicName: "t/json", Payload: []byte(`{"value":1,"time":"2000-01-01T00:00:00.000Z"}`), QoS: 1, Origin: queue.Gateway}, nil) // it would wait for its commit
		at.device.Publish(&broker.Message{TopicName: "t/cbor", Payload: []byte{0x81, 0xa0}, QoS: 1, Origin: queue.Gateway}, nil)                                      // it would wait for its commit
		at.device.Publish(&broker.Message{TopicName: "t/value", Payload: []byte("12.5"), QoS: 1, Origin: queue.Gateway}, nil)                                         // it would wait for its commit
		large := make([]byte, 600)
		at.publish(&broker.Message{TopicName: "t/large", Payload: large, QoS: 1})
		time.Sleep(time.Minute)
		at.server.with(func() {
			at.server.down = false
			at.server.limits = at.server.limits.AppendNumber(packet.MaximumPacketSize, 630)
		})
		at.online()
		at.publish(&broker.Message{TopicName: "t/now", Payload: []byte("x"), QoS: 1})
		at.until("upstream", func() bool { return at.uplink.Status().Acknowledged == 7 })
		for topic, want := range map[string]string{"t/late": "late", "t/own": "yesterday", "t/now": "", "t/json": "", "t/cbor": "", "t/value": "late", "t/large": ""} {
			got := ""
			for p := range at.server.last("farm/" + topic).Properties.All() {
				if p.ID == packet.UserProperty && string(p.Data) == uplink.TimeProperty {
					got += string(p.Value)
				}
			}
			if ms, err := strconv.ParseInt(got, 10, 64); err == nil && time.UnixMilli(ms).Sub(began).Abs() <= 2*time.Millisecond {
				got = "late"
			}
			if got != want {
				t.Errorf("%s has the time %q, want %q", topic, got, want)
			}
		}
	})
}
