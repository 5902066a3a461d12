package server_test

import (
	"testing"

	"skerry/broker/packet"
	"skerry/broker/server"
)

// TestTraffic counts every packet of an exchange, and keeps the count when the connection has gone.
func TestTraffic(t *testing.T) {
	st, address := start(t, server.Limits{})
	p := dial(t, address)
	connect := packet.Connect{Version: packet.V311, CleanStart: true, ClientID: []byte("c")}
	subscribe := packet.Subscribe{PacketID: 1, Subscriptions: []packet.Subscription{{TopicFilter: []byte("a"), QoS: 1}}}
	publish := packet.Publish{TopicName: []byte("a"), QoS: 1, PacketID: 2, Payload: []byte("1234567")}
	ack := packet.Ack{Type: packet.PUBACK, PacketID: 1}
	var want server.Stats
	send := func(b []byte) {
		p.send(b)
		want.Received.Packets++
		want.Received.Bytes += uint64(len(b))
	}
	receive := func(n int) {
		for range n {
			h := p.readPacket()
			want.Sent.Packets++
			want.Sent.Bytes += uint64(2 + len(h.Body))
		}
	}
	send(connect.Append(nil))
	receive(1)
	send(subscribe.Append(nil, packet.V311))
	receive(1)
	send(publish.Append(nil, packet.V311))
	receive(2) // PUBACK, and the message itself
	send(ack.Append(nil, packet.V311))
	send(packet.Pingreq{}.Append(nil, packet.V311))
	receive(1)
	want.Received.Publishes, want.Sent.Publishes = 1, 1
	want.Received.Payload, want.Sent.Payload = 7, 7

	same := func() bool {
		s := st.server.Stats()
		return s.Received == want.Received && s.Sent == want.Sent
	}
	eventually(t, "what was carried is counted", same)
	p.nc.Close()
	eventually(t, "the connection is gone", func() bool { return st.server.Stats().Connections == 0 })
	if s := st.server.Stats(); !same() || s.Sockets != 1 || s.Connects != 1 || s.Accepted != 1 {
		t.Errorf("%+v, want %+v", s, want)
	}
	stranger := dial(t, address)
	stranger.send((&packet.Connect{Version: 9, ClientID: []byte("x")}).Append(nil))
	eventually(t, "a refused CONNECT is counted", func() bool { s := st.server.Stats(); return s.Connects == 2 && s.Refused == 1 })
}
