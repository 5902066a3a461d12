package broker_test

import (
	"testing"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
)

// TestSystem: values of the Server are retained in memory, and cost no write whoever wants them.
func TestSystem(t *testing.T) {
	versions(t, func(t *testing.T, at *site, v packet.Version) {
		durable := at.connect("durable", keep(broker.Never), version(v))
		volatile := at.connect("volatile", version(v))
		durable.subscribe("$SYS/#", 1)
		volatile.subscribe("$SYS/broker/+/slots", 2)
		volatile.subscribe("#", 2)
		at.quiet()
		before := at.store.Stats()
		at.SetSystem("broker/store/slots", "1")
		durable.expect("$SYS/broker/store/slots 1 q0")
		volatile.expect("$SYS/broker/store/slots 1 q0")
		at.SetSystem("broker/store/slots", "2")
		at.SetSystem("broker/store/gone", "x")
		at.SetSystem("broker/store/gone", "")
		volatile.expect("$SYS/broker/store/slots 2 q0")
		at.quiet()
		late := at.connect("late", version(v))
		late.subscribe("$SYS/broker/#", 1)
		late.expect("$SYS/broker/store/slots 2 q0 retained")
		if after := at.store.Stats(); after.Groups != before.Groups || after.Bytes != before.Bytes {
			t.Errorf("it was written: %+v", after)
		}
		at.reboot(time.Hour)
		again := at.connect("again", version(v))
		again.subscribe("$SYS/#", 1)
		again.expect()
		if n, _ := at.Retained(); n != 0 {
			t.Errorf("%d retained messages after a restart", n)
		}
	})
}

// TestSystemAsPublished: who asked for RETAIN as it was published gets it.
func TestSystemAsPublished(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		s := at.connect("s")
		s.subscribeAs(broker.Subscription{TopicFilter: "$SYS/#", QoS: 1, RetainAsPublished: true, ID: 7})
		at.SetSystem("broker/uptime", "1")
		s.expect("$SYS/broker/uptime 1 q0 retained ids=[7]")
	})
}
