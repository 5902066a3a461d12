package broker_test

import (
	"testing"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
)

// TestStats follows Clients that come, go and stay away. What is inside the program is none of them.
func TestStats(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		connect := func(o broker.ConnectOptions) *broker.Session {
			o.Version = packet.V5
			s, _, err := at.Connect(o)
			if err != nil {
				t.Fatal(err)
			}
			s.Subscribe([]broker.Subscription{{TopicFilter: "a/+"}, {TopicFilter: "b"}}, nil)
			return s
		}
		connect(broker.ConnectOptions{ClientID: "inside", Internal: true})
		passing := connect(broker.ConnectOptions{ClientID: "passing"})
		lasting := connect(broker.ConnectOptions{ClientID: "lasting", SessionExpiryInterval: 60})
		want := func(w broker.Stats) {
			t.Helper()
			if got := at.Stats(); got != w {
				t.Errorf("%+v, want %+v", got, w)
			}
		}
		want(broker.Stats{Connected: 2, Subscriptions: 4})
		passing.Publish(&broker.Message{TopicName: "a", Payload: []byte("12"), Retain: true}, nil)
		passing.Disconnect(broker.DisconnectOptions{})
		lasting.Disconnect(broker.DisconnectOptions{})
		want(broker.Stats{Away: 1, Subscriptions: 2, Retained: 1, RetainedBytes: 3})
		at.SetSystem("broker/x", "1")
		at.SetSystem("broker/x", "22")
		at.SetSystem("broker/y", "1")
		at.SetSystem("broker/y", "")
		time.Sleep(2 * time.Minute)
		want(broker.Stats{Expired: 1, Retained: 1, RetainedBytes: 3})
	})
}
