package uplink_test

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/queue"
)

// read publishes readings of the gateway's own, one each second.
func (at *station) read(n int, qos byte) {
	at.t.Helper()
	sensors, _, err := at.broker.Connect(broker.ConnectOptions{ClientID: "sensors", Internal: true, Version: packet.V5, CleanStart: true})
	if err != nil {
		at.t.Fatal(err)
	}
	for i := range n {
		m := &broker.Message{TopicName: "lake/air", Payload: fmt.Append(nil, i), QoS: qos, Origin: queue.Gateway}
		if _, code := sensors.Publish(m, nil); code.IsError() {
			at.t.Fatal(code)
		}
		time.Sleep(time.Second)
	}
}

// TestAcknowledgedWithin: an uplink says how long its acknowledgements take, of its own readings and while it is online only.
func TestAcknowledgedWithin(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		var mu sync.Mutex
		changes, patience := 0, time.Duration(0)
		at.options.Changed = func() {
			mu.Lock()
			defer mu.Unlock()
			changes++
			if at.uplink != nil {
				patience = at.uplink.Acknowledged()
			}
		}
		told := func() (int, time.Duration) {
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			return changes, patience
		}
		at.server.late = 2 * time.Second
		at.start()
		at.online()
		at.publishMany(0, 10, 1)
		at.read(3, 2)
		time.Sleep(time.Minute)
		if s := at.uplink.Status(); s.AckTime != 0 || at.uplink.Acknowledged() != 0 {
			t.Errorf("%+v without a reading of QoS 1", s)
		}
		at.read(20, 1)
		time.Sleep(time.Minute)
		if s := at.uplink.Status(); s.AckTime != 2*time.Second || s.RoundTrip != 2*time.Second {
			t.Errorf("AckTime %v, RoundTrip %v", s.AckTime, s.RoundTrip)
		}
		if n, d := told(); n != 2 || d != 10*time.Second { // online, and the first
			t.Errorf("told %d times, the last time %v", n, d)
		}
		at.server.with(func() { at.server.late = 10 * time.Second })
		at.read(1, 1)
		time.Sleep(time.Minute)
		if s := at.uplink.Status(); s.AckTime != 10*time.Second || s.RoundTrip != 3*time.Second {
			t.Errorf("AckTime %v, RoundTrip %v", s.AckTime, s.RoundTrip)
		}
		at.server.with(func() { at.server.late = 2 * time.Second })
		at.read(60, 1)
		if d := at.uplink.Status().AckTime; d < 5*time.Second || d > 8*time.Second {
			t.Errorf("two minutes later AckTime is %v", d)
		}
		at.read(300, 1)
		if d := at.uplink.Status().AckTime; d < 2*time.Second || d > 3*time.Second {
			t.Errorf("seven minutes later AckTime is %v", d)
		}
		at.server.with(func() { at.server.down = true })
		at.server.cut()
		if _, d := told(); d != 0 || at.uplink.Acknowledged() != 0 {
			t.Errorf("told %v when it went offline", d)
		}
		before := at.uplink.Status()
		at.read(60, 1) // an outage is not the time of an acknowledgement
		at.server.with(func() { at.server.down = false })
		at.online()
		time.Sleep(time.Minute)
		if s := at.uplink.Status(); s.Acknowledged < before.Acknowledged+60 || s.AckTime > before.AckTime {
			t.Errorf("after an outage AckTime is %v, was %v", s.AckTime, before.AckTime)
		}
	})
}

// TestRoundTripOfOthers: how long answers take is known from the messages of other clients too, and not of a link on which nothing was sent.
func TestRoundTripOfOthers(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.server.late = 2 * time.Second
		at.start()
		at.online()
		time.Sleep(10 * time.Second)
		if s := at.uplink.Status(); s.RoundTrip != 0 {
			t.Errorf("a round trip of %v before anything was sent", s.RoundTrip)
		}
		at.publishMany(0, 5, 1)
		time.Sleep(10 * time.Second)
		if s := at.uplink.Status(); s.RoundTrip != 2*time.Second || s.AckTime != 0 {
			t.Errorf("round trip %v, AckTime %v", s.RoundTrip, s.AckTime)
		}
	})
}
