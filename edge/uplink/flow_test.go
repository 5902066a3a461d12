package uplink_test

import (
	"fmt"
	"testing"
	"time"

	"skerry/broker"
	"skerry/edge/config"
	"skerry/edge/uplink/linktest"
)

// TestAlarmBehindBacklog: an alarm waits for little more than a round trip, whatever backlog leaves before it, and the backlog leaves at the rate
// of the link all the same.
func TestAlarmBehindBacklog(t *testing.T) {
	const trip = 600 * time.Millisecond
	play(t, func(t *testing.T, at *station) {
		at.streams = []config.Stream{{Name: "all", Match: []string{"a/#"}, Class: config.LiveClass}, {Name: "alarms", Match: []string{"alarm/#"}, Class: config.AlarmClass}}
		at.server.down = true
		at.start()
		const n = 5000
		for i := range n {
			at.publish(&broker.Message{TopicName: "a/1", Payload: fmt.Appendf(nil, "%060d", i), QoS: 1})
		}
		at.server.with(func() { at.server.down = false })
		at.over(linktest.Options{Up: linktest.Conditions{Rate: 128_000, Delay: trip / 2}, Down: linktest.Conditions{Rate: 512_000, Delay: trip / 2}})
		at.restartUplink()
		began := time.Now()
		for i := range 10 {
			time.Sleep(2 * time.Second)
			before := at.uplink.Status().Backlog["all"]
			said := time.Now()
			at.publish(&broker.Message{TopicName: "alarm/1", Payload: fmt.Append(nil, i), QoS: 1})
			for at.uplink.Status().Backlog["alarms"] > 0 {
				time.Sleep(10 * time.Millisecond)
			}
			if took := time.Since(said); i > 3 && took > trip*3/2+time.Second*150/16_000 {
				t.Errorf("alarm %d was acknowledged after %v, with %d messages waiting", i, took, before)
			}
		}
		for at.uplink.Status().Backlog["all"] > 0 {
			time.Sleep(100 * time.Millisecond)
		}
		// 80 bytes each; and this server answers each in a segment of its own, which is acknowledged
		if took, least := time.Since(began), time.Duration(n)*(80+52)*time.Second/16_000; took > least*9/8 {
			t.Errorf("the backlog took %v, the link needs %v", took, least)
		}
	})
}
