package server_test

import (
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker/packet"
	"skerry/broker/server"
	"skerry/broker/watch"
)

// What a connection carried is counted to the byte, also when another one takes its session over, while it sends and while
// messages for it are under way.
func TestTrafficOfTakenOver(t *testing.T) {
	for _, version := range []packet.Version{packet.V311, packet.V5} {
		t.Run(version.String(), func(t *testing.T) {
			st, address := start(t, server.Limits{Shutdown: 200 * time.Millisecond})
			const turns = 50
			var sent, received watch.Traffic
			previous := make(chan watch.Traffic, 1)
			previous <- watch.Traffic{}
			for i := range turns {
				p := dial(t, address)
				c := packet.Connect{Version: version, CleanStart: true, ClientID: []byte("c")}
				s := packet.Subscribe{PacketID: 1, Subscriptions: []packet.Subscription{{TopicFilter: []byte("t"), QoS: byte(i % 3)}}}
				b := s.Append(c.Append(nil), version)
				m := packet.Publish{TopicName: []byte("t"), Payload: make([]byte, 100), QoS: byte(i % 2), PacketID: 2}
				b = m.Append(b, version)
				p.send(b)
				sent.Packets, sent.Bytes, sent.Publishes, sent.Payload = sent.Packets+3, sent.Bytes+uint64(len(b)), sent.Publishes+1, sent.Payload+100
				for packets := 3 + i%2; packets > 0; packets-- {
					h := p.readPacket()
					received.Packets++
					received.Bytes += uint64(2 + len(h.Body))
					if h.Type == packet.PUBLISH {
						received.Publishes, received.Payload = received.Publishes+1, received.Payload+100
					}
				}
				was := <-previous
				received.Packets, received.Bytes = received.Packets+was.Packets, received.Bytes+was.Bytes
				go func() { // DISCONNECT, if the version has one
					rest, _ := io.ReadAll(p.nc)
					p.nc.Close()
					n := watch.Traffic{Bytes: uint64(len(rest))}
					if len(rest) > 0 {
						n.Packets = 1
					}
					previous <- n
				}()
			}
			last := dial(t, address)
			b := (&packet.Connect{Version: version, CleanStart: true, ClientID: []byte("c")}).Append(nil)
			last.send(b)
			sent.Packets, sent.Bytes = sent.Packets+1, sent.Bytes+uint64(len(b))
			h := last.readPacket()
			was := <-previous
			received.Packets, received.Bytes = received.Packets+1+was.Packets, received.Bytes+uint64(2+len(h.Body))+was.Bytes
			eventually(t, "the others have gone", func() bool { return st.server.Stats().Connections == 1 })
			if got := st.server.Stats(); got.Received != sent || got.Sent != received {
				t.Errorf("received %+v, want %+v\nsent %+v, want %+v", got.Received, sent, got.Sent, received)
			}
		})
	}
}

// A packet that waits for its turn because of a rate is shown once.
func TestTraceOfRate(t *testing.T) {
	inBubble(t, server.Limits{MessageRate: 1}, func(t *testing.T, p *pipes) {
		w, _, stop := traceOf(t, p.server, "c")
		defer stop()
		c := p.dial(t)
		c.script("> 10: 'MQTT' 04 02 0000 'c'", "< 20: 00 00")
		c.script("> 30: 'a' \"1\" | 30: 'b' \"2\" | 30: 'c' \"3\" | c0:")
		time.Sleep(10 * time.Second)
		synctest.Wait()
		want := []string{
			`-> CONNECT 15: MQTT 3.1.1, client "c", clean start true, keep alive 0 s`,
			`<- CONNACK 4: Success (0x00), session present false`,
			`-> PUBLISH 6: "a", QoS 0, payload 1 bytes`, `-> PUBLISH 6: "b", QoS 0, payload 1 bytes`, `-> PUBLISH 6: "c", QoS 0, payload 1 bytes`,
			`-> PINGREQ 2: `, `<- PINGRESP 2: `,
		}
		c.script("< d0:")
		if got := w.all(); !slices.Equal(got, want) {
			t.Errorf("got %q\nwant %q", got, want)
		}
	})
}

// Who connects again and again does not get more through than by staying.
func TestRateOfConnections(t *testing.T) {
	inBubble(t, server.Limits{MessageRate: 10, ByteRate: 10_000}, func(t *testing.T, p *pipes) {
		s := p.dial(t)
		s.script("> 10: 'MQTT' 04 02 0000 's' | 82: 0001 't' 00", "< 20: 00 00 | 90: 0001 00")
		got := make(chan int, 1)
		go func() {
			s.nc.SetReadDeadline(time.Now().Add(20 * time.Second))
			b, _ := io.ReadAll(s.nc)
			got <- len(b) / 1006
		}()
		var all []byte
		for range 10 {
			all = (&packet.Publish{TopicName: []byte("t"), Payload: make([]byte, 1000)}).Append(all, packet.V311)
		}
		for i := range 100 {
			c := p.dial(t)
			c.script("> 10: 'MQTT' 04 02 0000 'c'", "< 20: 00 00")
			c.nc.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
			c.nc.Write(all)
			if i%2 == 0 { // else the next one takes it over
				c.nc.Close()
			}
			time.Sleep(50 * time.Millisecond)
		}
		time.Sleep(15 * time.Second)
		if n := <-got; n > 120 || n < 20 {
			t.Errorf("%d messages passed in 5 s of connections, the rate is 10/s", n)
		}
	})
}

// Bytes that a Client reads after its session was taken over are counted as any other, and what it has not been sent is not.
func TestTrafficOfTakenOverStuck(t *testing.T) {
	for _, qos := range []string{"00", "01"} {
		t.Run("QoS "+qos, func(t *testing.T) {
			st, address := start(t, server.Limits{Shutdown: 200 * time.Millisecond})
			a, p := dial(t, address), dial(t, address)
			a.script("> 10: 'MQTT' 04 02 0000 'a' | 82: 0001 't' "+qos, "< 20: 00 00 | 90: 0001 "+qos)
			p.script("> 10: 'MQTT' 04 02 0000 'p'", "< 20: 00 00")
			m := packet.Publish{TopicName: []byte("t"), Payload: make([]byte, 10_000), QoS: 1, PacketID: 1}
			for range 1000 {
				p.send(m.Append(nil, packet.V311))
				p.readPacket()
			}
			b := dial(t, address)
			b.script("> 10: 'MQTT' 04 02 0000 'a'", "< 20: 00 00")
			a.nc.SetReadDeadline(time.Now().Add(patience))
			rest, err := io.ReadAll(a.nc)
			if err != nil {
				t.Fatal(err)
			}
			eventually(t, "it has gone", func() bool { return st.server.Stats().Connections == 2 })
			want := uint64(4 + 5 + len(rest) + 4 + 1000*4 + 4)
			if got := st.server.Stats().Sent.Bytes; got != want {
				t.Errorf("%d bytes sent, %d were received", got, want)
			}
			whole := uint64(0)
			for n := 0; ; whole++ {
				if n, _, err = packet.Next(rest, 0); n == 0 || err != nil {
					break
				}
				rest = rest[n:]
			}
			if got := st.server.Stats().Sent.Publishes; got < whole || got > whole+10 {
				t.Errorf("%d messages sent, %d were received", got, whole)
			}
		})
	}
}
