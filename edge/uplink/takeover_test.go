package uplink_test

import (
	"fmt"
	"net"
	"slices"
	"testing"

	"skerry/broker/client"
	"skerry/broker/packet"
)

// TestGreetingBehindTheWill: a server that still believes in the connection before may publish its Will when the next one takes over (mosquitto
// does not when the session goes on). What comes with that CONNECT stands behind it: the state topic does not stay offline.
func TestGreetingBehindTheWill(t *testing.T) {
	servers := map[string]func() string{
		"mosquitto": func() string { m := newMosquitto(t); m.start(); return m.address },
		"skerry":    func() string { return startGround(t, t.TempDir(), "127.0.0.1:0").address },
	}
	for name, start := range servers {
		t.Run(name, func(t *testing.T) {
			address := start()
			up := newReader(t, address)
			up.join(true)
			const topic, connections = "farm/state", 20
			for i := range connections {
				stream, err := net.Dial("tcp", address)
				if err != nil {
					t.Fatal(err)
				}
				connect := &packet.Connect{Version: packet.V5, ClientID: []byte("wx-042"), WillFlag: true,
					Will:       packet.Will{QoS: 1, Retain: true, TopicName: []byte(topic), Payload: []byte("offline")},
					Properties: packet.Properties(nil).AppendNumber(packet.SessionExpiryInterval, 1000)}
				conn, err := client.Open(t.Context(), stream, connect, client.ConnOptions{
					First: &packet.Publish{QoS: 1, Retain: true, PacketID: 60000, TopicName: []byte(topic), Payload: fmt.Append(nil, "online ", i)},
				})
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close() // only at the end of the test: nobody says good-bye
			}
			want := fmt.Sprint("online ", connections-1)
			eventually(t, "the last word", func() bool { return slices.Contains(up.payloads(topic), want) })
			up.leave()
			last := newReader(t, address)
			last.join(true)
			// What the reader before had not acknowledged comes once more, in front of what is retained.
			eventually(t, "the retained state", func() bool { return slices.Contains(last.payloads(topic), want) })
			if all := last.payloads(topic); all[len(all)-1] != want {
				t.Errorf("%v is retained; came %v", all, up.payloads(topic))
			}
		})
	}
}
