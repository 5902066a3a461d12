package uplink_test

import (
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
)

// TestGivenUpInFlight: a message that was on its way when the link broke is larger than what the server takes when it is back.
// It is given up, and the link that is left with nothing to do stands.
func TestGivenUpInFlight(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.start()
		at.online()
		synctest.Wait()
		at.server.with(func() {
			at.server.answer = func(p *packet.Publish) (packet.ReasonCode, bool) { return 0, len(p.Payload) < 1000 }
		})
		at.publish(&broker.Message{TopicName: "t/large", Payload: make([]byte, 1000), QoS: 2})
		synctest.Wait()
		at.server.with(func() { at.server.limits = packet.Properties(nil).AppendNumber(packet.MaximumPacketSize, 500) })
		at.server.cut()
		at.online()
		at.publish(&broker.Message{TopicName: "t/1", Payload: []byte("x"), QoS: 1})
		at.taken(1)
		connections := at.server.attempts()
		time.Sleep(time.Hour)
		if n := at.server.attempts(); n != connections {
			t.Errorf("an idle link was made anew %d times", n-connections)
		}
		if s := at.uplink.Status(); s.Refused != 1 {
			t.Errorf("status %+v", s)
		}
	})
}
