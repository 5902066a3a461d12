package reduce_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/edge/reduce"
	"skerry/queue"
	"skerry/queue/vfs"
)

// station is a broker on a memory disk with one reduction, and with who takes its results.
type station struct {
	*broker.Broker
	t       *testing.T
	disk    *vfs.Disk
	boot    byte
	booted  time.Time
	undated bool
	options reduce.Options
	log     strings.Builder
	stop    func()
	results *broker.Session
	devices *broker.Session
}

func play(t *testing.T, o reduce.Options, test func(*station)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o.Uplink, o.Stream, o.Group = "cloud", "telemetry", "uplink/cloud"
		at := &station{t: t, disk: vfs.NewDisk(), boot: 1, booted: time.Now(), options: o}
		at.start()
		defer func() { at.stop() }()
		test(at)
	})
}

func (at *station) start() {
	at.t.Helper()
	booted := at.booted
	store, rec, err := queue.Open(at.disk, "queue", queue.Options{
		Boot: queue.Boot{ID: [16]byte{at.boot}, Clock: func() time.Duration { return time.Since(booted) },
			Wall: func() (int64, bool) { return time.Now().UnixMilli(), !at.undated }},
	})
	if err != nil {
		at.t.Fatal(err)
	}
	b, err := broker.New(store, rec, broker.Options{})
	if err != nil {
		at.t.Fatal(err)
	}
	at.Broker = b
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = store.Run(ctx) })
	running.Go(func() { _ = b.Run(ctx) })
	at.results = at.connect("results", broker.Never)
	at.results.Subscribe([]broker.Subscription{{TopicFilter: reduce.Prefix("cloud", "telemetry") + "#", QoS: 1, RetainAsPublished: true, RetainHandling: 1}}, nil)
	at.devices = at.connect("devices", 0)
	if len(at.options.Filters) > 0 {
		at.options.Log = slog.New(slog.NewTextHandler(&at.log, nil))
		r := reduce.New(b, at.options)
		if err := r.Open(); err != nil {
			at.t.Fatal(err)
		}
		running.Go(func() {
			if err := r.Run(ctx); err != nil {
				at.t.Error(err)
			}
		})
	}
	at.stop = func() {
		cancel()
		running.Wait()
		_ = store.Close()
	}
}

// reboot lets the power go for a while. What was not synced is lost.
func (at *station) reboot(off time.Duration, r *rand.Rand) {
	after := at.disk.Crash(r, vfs.Fate{Dropped: 1})
	at.stop()
	time.Sleep(off)
	at.disk, at.booted = after, time.Now()
	at.boot++
	at.start()
}

func (at *station) connect(name string, expiry uint32) *broker.Session {
	s, _, err := at.Connect(broker.ConnectOptions{ClientID: name, Internal: true, Version: packet.V5, SessionExpiryInterval: expiry})
	if err != nil {
		at.t.Fatal(err)
	}
	return s
}

// publish has a device publish, and waits for the disk if wait is set.
func (at *station) publish(topic, payload string, qos byte, wait bool) {
	at.t.Helper()
	r, code := at.devices.Publish(&broker.Message{TopicName: topic, Payload: []byte(payload), QoS: qos}, nil)
	if code.IsError() {
		at.t.Fatal(code)
	}
	if wait {
		if err := at.Wait(context.Background(), r); err != nil {
			at.t.Fatal(err)
		}
	}
}

// took are the results that have come, as "TOPIC PAYLOAD".
func (at *station) took() (all []string) {
	for {
		synctest.Wait() // what was stored for the session comes by and by
		list := at.results.Next(nil, 100)
		if len(list) == 0 {
			return all
		}
		for _, d := range list {
			if at.results.Ack(d.PacketID); d.Message == nil { // after a loss of power
				continue
			}
			all = append(all, strings.TrimPrefix(d.Message.TopicName, reduce.Prefix("cloud", "telemetry"))+" "+string(d.Message.Payload))
		}
	}
}

func (at *station) expect(want ...string) {
	at.t.Helper()
	if got := at.took(); fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		at.t.Errorf("got  %q\nwant %q", got, want)
	}
}

var telemetry = reduce.Options{Filters: []string{"farm/#"}, Window: 5 * time.Minute, To: []string{"mean"}}

// Windows end with the date: the bubble begins at midnight.
func TestWindows(t *testing.T) {
	play(t, telemetry, func(at *station) {
		time.Sleep(90 * time.Second)
		for i := range 12 { // to 03:30, a reading each 10 s
			at.publish("farm/air", fmt.Sprint(i), 1, false)
			at.publish("farm/soil", "7", 0, false)
			at.publish("shed/air", "9", 1, false)
			time.Sleep(10 * time.Second)
		}
		at.expect()
		time.Sleep(90*time.Second + time.Millisecond) // 05:00
		at.expect("farm/air 5.5", "farm/soil 7")
		at.publish("farm/air", "3", 1, false)
		time.Sleep(299 * time.Second)
		at.publish("farm/air", "4", 1, false)
		time.Sleep(time.Second)
		at.expect("farm/air 3.5")
		time.Sleep(10 * time.Minute)
		at.expect()
	})
}

// Nobody knows the date: windows are counted from the start.
func TestWithoutDate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := telemetry
		o.Uplink, o.Stream = "cloud", "telemetry"
		at := &station{t: t, disk: vfs.NewDisk(), boot: 1, booted: time.Now(), options: o, undated: true}
		time.Sleep(100 * time.Second)
		at.start()
		defer func() { at.stop() }()
		at.publish("farm/air", "1", 1, false)
		time.Sleep(299 * time.Second)
		at.expect()
		time.Sleep(2 * time.Second)
		at.expect("farm/air 1")
	})
}

// The station was off when the window ended: what was in it comes out by itself, and is not mixed with what came afterwards.
func TestOffAtTheEnd(t *testing.T) {
	play(t, telemetry, func(at *station) {
		time.Sleep(time.Minute)
		at.publish("farm/air", "1", 1, true)
		at.publish("farm/air", "2", 1, true)
		at.reboot(time.Hour, rand.New(rand.NewPCG(1, 1)))
		at.publish("farm/air", "10", 1, true)
		at.publish("farm/air", "20", 1, true)
		at.expect("farm/air 1.5")
		time.Sleep(5 * time.Minute)
		at.expect("farm/air 15")
	})
}

// What the uplink itself has received is no input: it would go back to where it came from.
func TestNoLocal(t *testing.T) {
	play(t, telemetry, func(at *station) {
		door, _, err := at.Connect(broker.ConnectOptions{ClientID: "door", Internal: true, Group: "uplink/cloud", Version: packet.V5})
		if err != nil {
			t.Fatal(err)
		}
		door.Publish(&broker.Message{TopicName: "farm/set", Payload: []byte("1"), QoS: 1}, nil)
		time.Sleep(6 * time.Minute)
		at.expect()
	})
}

// A stream that is reduced no more: the open window comes out, and nothing gathers any more.
func TestRetire(t *testing.T) {
	play(t, telemetry, func(at *station) {
		at.publish("farm/air", "1", 1, true)
		at.publish("farm/air", "2", 1, true)
		at.options.Filters = nil
		at.reboot(time.Minute, rand.New(rand.NewPCG(1, 1)))
		if former := reduce.Former(at.Broker, "cloud"); fmt.Sprint(former) != "[telemetry]" {
			t.Errorf("reduced were %q", former)
		}
		if err := reduce.Finish(context.Background(), at.Broker, "cloud", "telemetry", slog.New(slog.DiscardHandler)); err != nil {
			t.Fatal(err)
		}
		at.publish("farm/air", "9", 1, true)
		time.Sleep(10 * time.Minute)
		at.expect("farm/air 1.5")
		if left := at.Internal(); fmt.Sprint(left) != "[results]" {
			t.Errorf("sessions %v are left", left)
		}
		if _, ok := at.Fact("reduce/cloud/telemetry"); ok {
			t.Error("the account is left")
		}
	})
}

// Payloads as large as the broker takes them come out, and what is behind them.
func TestLargePayloads(t *testing.T) {
	play(t, telemetry, func(at *station) {
		large := strings.Repeat("x", 255<<10)
		for i := range 6 {
			at.publish(fmt.Sprintf("farm/%d", i), large, 1, false)
			time.Sleep(time.Second)
		}
		for range 600 {
			at.publish("farm/air", "1", 1, false)
		}
		for i := range 3 {
			at.publish(fmt.Sprintf("farm/x%d", i), large, 1, false)
		}
		time.Sleep(6 * time.Minute)
		sizes := map[string]int{}
		take := func() {
			for range 20 { // large ones come back from the disk by and by
				for _, one := range at.took() {
					topic, payload, _ := strings.Cut(one, " ")
					sizes[topic] = max(sizes[topic], len(payload))
				}
				time.Sleep(time.Second)
			}
		}
		take()
		at.publish("farm/last", "5", 1, true)
		time.Sleep(5 * time.Minute)
		take()
		if len(sizes) != 11 || sizes["farm/5"] != len(large) {
			t.Errorf("came out: %v; %s", sizes, &at.log)
		}
	})
}

// More topics than an account has room for: results come out before the window ends, and each reading is in one.
func TestManyTopics(t *testing.T) {
	play(t, telemetry, func(at *station) {
		const n = 4000
		for i := range n {
			at.publish(fmt.Sprintf("farm/%04d", i), "1", 1, false)
			if i%100 == 0 {
				time.Sleep(time.Second)
			}
		}
		early := at.took()
		time.Sleep(5 * time.Minute)
		late := at.took()
		if len(early)+len(late) != n || len(early) < n/4 || len(late) < n/20 {
			t.Errorf("%d and %d results", len(early), len(late))
		}
		if n := strings.Count(at.log.String(), "too much for one window"); n != 1 {
			t.Errorf("reported %d times", n)
		}
	})
}

// TestEachInOneResult: through power cuts at any moment each reading is in exactly one result.
func TestEachInOneResult(t *testing.T) {
	seeds := 8
	if testing.Short() {
		seeds = 2
	}
	for seed := range uint64(seeds) {
		o := telemetry
		o.To = []string{"max", "min"} // so that results say their count
		o.Window = time.Minute
		play(t, o, func(at *station) {
			r := rand.New(rand.NewPCG(seed, 1))
			published, counted := map[string]int{}, map[string]int{}
			for range 30 {
				n := 1 + r.IntN(300)
				for i := range n {
					topic := fmt.Sprint("farm/", r.IntN(3))
					at.publish(topic, fmt.Sprint(r.IntN(100)), 1, i == n-1) // the last acknowledgement stands for all before it
					published[topic]++
				}
				time.Sleep(time.Duration(r.Int64N(int64(40 * time.Second))))
				if r.IntN(3) == 0 {
					at.reboot(time.Duration(r.Int64N(int64(3*time.Minute))), r)
				}
			}
			time.Sleep(2 * time.Minute)
			for _, line := range at.took() {
				topic, payload, _ := strings.Cut(line, " ")
				var result struct{ Count int }
				if err := json.Unmarshal([]byte(payload), &result); err != nil {
					t.Fatalf("%s: %v", payload, err)
				}
				counted[topic] += result.Count
			}
			if fmt.Sprint(counted) != fmt.Sprint(published) {
				t.Errorf("seed %d: readings in the results: %v, published: %v", seed, counted, published)
			}
		})
	}
}
