package hass_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/edge/hass"
	"skerry/queue"
	"skerry/queue/vfs"
)

// house is a broker on a disk in memory, until end is called.
type house struct {
	t      *testing.T
	broker *broker.Broker
	end    func()
	ear    *broker.Session
}

func newHouse(t *testing.T, disk *vfs.Disk) *house {
	t.Helper()
	store, found, err := queue.Open(disk, "data", queue.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := broker.New(store, found, broker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	go func() { ended <- store.Run(ctx) }()
	go func() { ended <- b.Run(ctx) }()
	h := &house{t: t, broker: b}
	h.ear, _, err = b.Connect(broker.ConnectOptions{ClientID: "ear", Version: packet.V5, CleanStart: true, Conn: still{}})
	if err != nil {
		t.Fatal(err)
	}
	h.ear.Subscribe([]broker.Subscription{{TopicFilter: "#", NoLocal: true, RetainHandling: 2}}, nil)
	h.end = func() {
		h.ear.Disconnect(broker.DisconnectOptions{})
		cancel()
		for range 2 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}
	return h
}

// still is a connection that nobody has to wake.
type still struct{}

func (still) Wake()                   {}
func (still) Flush()                  {}
func (still) Close(packet.ReasonCode) {}

// heard are the topics of what was published since, without what is before the name of the device; "!": it was empty.
func (h *house) heard() string {
	synctest.Wait()
	var all []string
	for _, d := range h.ear.Next(nil, 1000) {
		topic := strings.TrimSuffix(strings.TrimPrefix(d.Message.TopicName, "homeassistant/device/skerry__"), "/config")
		switch {
		case len(d.Message.Payload) == 0:
			topic += "!"
		case strings.HasPrefix(topic, "lake/"):
			topic += "=" + string(d.Message.Payload)
		}
		all = append(all, topic)
	}
	return strings.Join(all, " ")
}

// say publishes a message as a client does.
func (h *house) say(topic, payload string) {
	h.t.Helper()
	if _, code := h.ear.Publish(&broker.Message{TopicName: topic, Payload: []byte(payload)}, nil); code.IsError() {
		h.t.Fatal(code)
	}
}

func (h *house) want(when, what string) {
	h.t.Helper()
	if got := h.heard(); got != what {
		h.t.Errorf("%s: heard %q, want %q", when, got, what)
	}
}

// run runs a session for a plan until the returned function is called.
func (h *house) run(p *hass.Plan, o hass.Options) (stop func()) {
	h.t.Helper()
	s, err := hass.NewSession(h.broker, p, o)
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Run(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}

const small = "gateway: {id: wx, site: lake}\nsensors: {air: {driver: tmp102}}\nhome_assistant: {to: local}\n"

// TestSession: what is said at a start, at births, when an uplink comes and goes, and at the end.
func TestSession(t *testing.T) {
	p := plan(t, small)
	synctest.Test(t, func(t *testing.T) {
		disk := vfs.NewDisk()
		h := newHouse(t, disk)
		var link atomic.Value
		link.Store("offline")
		links := func() map[string]string { return map[string]string{"cloud": link.Load().(string)} }
		o := hass.Options{Status: "homeassistant/status", Links: links,
			Look: func() hass.Figures { return hass.Figures{Waiting: 3, DiskFree: 5, Uplinks: links()} }}
		stop := h.run(p, o)
		const figures = `lake/wx/figures={"waiting":3,"disk_free":5,"uplinks":{"cloud":"`
		h.want("at the start", `lake/wx/status=online wx wx__air `+figures+`offline"}}`)
		h.say("homeassistant/status", "online")
		h.want("at a birth at once after it", "")
		time.Sleep(9 * time.Second)
		h.want("before 10 s have passed", "")
		time.Sleep(2 * time.Second)
		h.want("after them", "wx wx__air")
		for range 100 {
			h.say("homeassistant/status", "online")
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(time.Minute)
		if got := h.heard(); got != "wx wx__air" && got != "wx wx__air wx wx__air" {
			t.Errorf("a hundred births in 10 s: %q", got)
		}
		h.say("homeassistant/status", "offline")
		link.Store("online")
		time.Sleep(10 * time.Second)
		h.want("when the uplink comes", figures+`online"}}`)
		time.Sleep(time.Hour)
		h.want("when nothing changes", "")
		stop()
		h.want("at the end", "lake/wx/status=offline")
		h.end()

		h = newHouse(t, disk)
		o.Links, o.Look = nil, nil
		stop = h.run(p, o)
		h.want("at the next start", "lake/wx/status=online")
		stop()
		h.end()
	})
}

// TestSessionForgotten: a broker that has lost what it had is told again, as one that another address leads to.
func TestSessionForgotten(t *testing.T) {
	p := plan(t, small)
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, vfs.NewDisk())
		defer h.end()
		var lost atomic.Uint64
		o := hass.Options{Forgotten: lost.Load}
		stop := h.run(p, o)
		h.want("at the start", "lake/wx/status=online wx wx__air")
		time.Sleep(time.Minute)
		h.want("when nothing changes", "")
		lost.Add(1)
		time.Sleep(10 * time.Second)
		h.want("when it was forgotten", "wx wx__air")
		time.Sleep(time.Minute)
		h.want("once", "")
		stop()
		h.heard()
		stop = h.run(p, o)
		h.want("when that was before anybody could look", "lake/wx/status=online wx wx__air")
		stop()
		h.heard()
	})
}

// TestSessionTakesOut: Home Assistant has time to take something out before it is told of what stays; a stop in between does not leave it
// half done.
func TestSessionTakesOut(t *testing.T) {
	before := plan(t, strings.Replace(small, "home_assistant", "alarms: {cold: {when: air.temperature < 0}}\nhome_assistant", 1))
	after := plan(t, small)
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, vfs.NewDisk())
		defer h.end()
		h.run(before, hass.Options{})()
		h.heard()
		stop := h.run(after, hass.Options{})
		h.want("what goes", "lake/wx/status=online wx")
		time.Sleep(4 * time.Second)
		stop()
		h.want("stopped in between", "lake/wx/status=offline")
		stop = h.run(after, hass.Options{})
		h.want("once more", "lake/wx/status=online wx")
		time.Sleep(6 * time.Second)
		h.want("what stays", "wx")
		stop()
		h.heard()
		h.run(&hass.Plan{}, hass.Options{})()
		h.want("without a section", "wx! wx__air!")
		if left := hass.Announced(h.broker); len(left) != 0 {
			t.Errorf("still known is %q", left)
		}
	})
}
