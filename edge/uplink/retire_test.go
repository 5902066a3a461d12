package uplink_test

import (
	"slices"
	"testing"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/edge/config"
	"skerry/edge/uplink"
)

// TestRetireUnlisted: sessions of which the power has let nobody write down that they are there do not gather for ever.
func TestRetireUnlisted(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.startBroker()
		for _, id := range []string{"uplink/cloud/old", "uplink/gone/all"} {
			s, _, err := at.broker.Connect(broker.ConnectOptions{ClientID: id, Internal: true, Version: packet.V5, SessionExpiryInterval: broker.Never})
			if err != nil {
				t.Fatal(err)
			}
			s.Subscribe([]broker.Subscription{{TopicFilter: "t/#", QoS: 2}}, nil)
			s.Disconnect(broker.DisconnectOptions{})
		}
		if err := uplink.Retire(at.broker, []string{"cloud"}, nil); err != nil {
			t.Fatal(err)
		}
		at.streams = []config.Stream{{Name: "now", Match: []string{"t/#"}}}
		at.startUplink()
		at.online()
		want := []string{"uplink/cloud", "uplink/cloud/now"}
		if got := at.broker.Internal(); !slices.Equal(got, want) {
			t.Errorf("there are sessions %q, want %q", got, want)
		}
	})
}
