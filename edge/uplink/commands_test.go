package uplink_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"skerry/broker/packet"
	"skerry/edge/config"
)

// numbered has commands carried out once: by a member of the payload, or by Correlation Data.
func numbered(at *station) {
	at.config.Receive = config.ReceiveMap{
		{Filter: "cmd/wx-042/#", Local: "cmd/#", Once: "id"},
		{Filter: "ask/wx-042/#", Local: "ask/#", Once: config.CorrelationData},
	}
}

// given is a command with an id in its payload.
func given(topic, id string, qos byte, packetID uint16) *packet.Publish {
	return &packet.Publish{TopicName: []byte(topic), QoS: qos, PacketID: packetID, Payload: fmt.Appendf(nil, `{"id":%s,"value":%d}`, id, packetID)}
}

func TestCommandsOnce(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		numbered(at)
		at.start()
		local := at.listen("#")
		at.online()
		asked := &packet.Publish{TopicName: []byte("ask/wx-042/a"), QoS: 1, PacketID: 9, Properties: packet.Properties(nil).AppendBytes(packet.CorrelationData, []byte{1, 2})}
		at.server.send(
			given("cmd/wx-042/a", "1", 1, 1), given("cmd/wx-042/a", "1", 1, 2), given("cmd/wx-042/a", `"1"`, 0, 0), given("cmd/wx-042/b", "1", 0, 0),
			given("cmd/wx-042/b", "1", 2, 3), given("cmd/wx-042/b", "2", 2, 4), given("cmd/wx-042/b", "2", 1, 5),
			&packet.Publish{TopicName: []byte("cmd/wx-042/c"), Payload: []byte("on"), QoS: 1, PacketID: 6},
			&packet.Publish{TopicName: []byte("cmd/wx-042/c"), Payload: []byte("on"), QoS: 1, PacketID: 7},
			&packet.Publish{TopicName: []byte("cmd/wx-042/c"), Payload: []byte(`{"id":null}`), QoS: 1, PacketID: 8},
			asked, asked)
		want := []string{`cmd/a={"id":1,"value":1}`, `cmd/a={"id":"1","value":0}`, `cmd/b={"id":1,"value":0}`, `cmd/b={"id":2,"value":4}`,
			"cmd/c=on", "cmd/c=on", `cmd/c={"id":null}`, "ask/a="}
		at.until("all are answered", func() (done bool) {
			at.server.with(func() { done = len(at.server.acks) >= 12 }) // 8 of QoS 1, 2 of QoS 2 with two each
			return done
		})
		time.Sleep(time.Second)
		if got := local.messages(); !slices.Equal(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
		if s := at.uplink.Status(); s.Again != 4 {
			t.Errorf("%d came again", s.Again)
		}
		if n := len(at.log.matching("has no id")); n != 1 {
			t.Errorf("the missing id was logged %d times", n)
		}
	})
}

// A server that has lost its session gives a command again: it is known, also after a power cut.
func TestCommandsOnceAfterPowerCut(t *testing.T) {
	for qos := range byte(3) {
		play(t, func(t *testing.T, at *station) {
			numbered(at)
			at.start()
			at.online()
			at.server.send(given("cmd/wx-042/a", "7", qos, uint16(qos)))
			at.until("received", func() bool { return at.uplink.Status().Received == 1 })
			time.Sleep(5 * time.Second) // of QoS 0 nothing is owed
			at.reboot()
			local := at.listen("#")
			at.online()
			at.server.send(given("cmd/wx-042/a", "7", 1, 100), given("cmd/wx-042/a", "8", 1, 101))
			at.until("received", func() bool { return len(local.messages()) > 0 })
			time.Sleep(time.Second)
			if got := local.messages(); !slices.Equal(got, []string{`cmd/a={"id":8,"value":101}`}) {
				t.Errorf("QoS %d: got %q", qos, got)
			}
		})
	}
}
