package server_test

import (
	"testing"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/broker/server"
	"skerry/queue"
	"skerry/queue/vfs"
)

// TestVia: a message that a gateway brings is given its mark, and one that has been here before is refused, at each QoS, without harm to the
// connection. Clients that are no gateways may say what they like.
func TestVia(t *testing.T) {
	st := openStationOf(t, vfs.NewDisk(), server.Options{ReasonStrings: true, Mark: "HERE"}, queue.Options{SlotSize: 1 << 20}, broker.Options{})
	address := st.listen(server.ListenerConfig{Name: "test", Anonymous: true})
	st.run()
	via := func(marks ...string) (p packet.Properties) {
		for _, m := range marks {
			p = p.AppendUserProperty(broker.Via, m)
		}
		return p
	}
	join := func(id string, properties packet.Properties) *peer {
		p := dial(t, address)
		c := packet.Connect{Version: packet.V5, CleanStart: true, ClientID: []byte(id), Properties: properties}
		p.send(c.Append(nil))
		if h := p.readPacket(); h.Type != packet.CONNACK {
			t.Fatalf("%v", h.Type)
		}
		return p
	}
	reader := join("reader", nil)
	s := packet.Subscribe{PacketID: 1, Subscriptions: []packet.Subscription{{TopicFilter: []byte("#")}}}
	reader.send(s.Append(nil, packet.V5))
	reader.readPacket()
	publish := func(p *peer, qos packet.QoS, id uint16, topic string, properties packet.Properties) packet.ReasonCode {
		m := packet.Publish{TopicName: []byte(topic), QoS: qos, PacketID: id, Properties: properties}
		p.send(m.Append(nil, packet.V5))
		if qos == 0 {
			return 0
		}
		code, _ := codeOf(t, p.readPacket())
		return code
	}
	other, plain, self := join("other", via("THERE")), join("plain", nil), join("self", via("HERE"))
	for i, test := range []struct {
		from       *peer
		topic      string
		properties packet.Properties
		back       bool
	}{
		{other, "new", nil, false},
		{other, "far", via("FAR"), false},
		{other, "back", via("FAR", "HERE"), true},
		{plain, "plain", via("HERE"), false},
		{self, "self", nil, true},
	} {
		publish(test.from, 0, 0, test.topic, test.properties)
		for qos := packet.QoS(1); qos <= 2; qos++ {
			if code := publish(test.from, qos, uint16(10*i)+uint16(qos), test.topic, test.properties); code.IsError() != test.back {
				t.Errorf("%s with QoS %d: %v", test.topic, qos, code)
			}
		}
	}
	want := map[string]string{"new": "THERE ", "far": "FAR THERE ", "plain": "HERE "}
	for range 3 * len(want) {
		var m packet.Publish
		if err := m.Decode(packet.V5, reader.readPacket()); err != nil {
			t.Fatal(err)
		}
		marks := ""
		for _, value := range m.Properties.UserProperties() {
			marks += string(value) + " "
		}
		if marks != want[string(m.TopicName)] {
			t.Errorf("%s came with the marks %q", m.TopicName, marks)
		}
	}
}
