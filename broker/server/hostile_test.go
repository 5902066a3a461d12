package server_test

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/broker/server"
	"skerry/queue"
	"skerry/queue/vfs"
)

// hostile is something that a Client can do to have the Server remember more and more. It writes until no byte is taken for
// a while, or the connection ends.
type hostile struct {
	name  string
	most  int // bytes of the heap per Client
	begin string
	flood func(i int) []byte // the i-th piece; nil ends it
}

func hostiles() []hostile {
	const (
		connect  = "10: 'MQTT' 04 02 0000 ''"
		connect5 = "10: 'MQTT' 05 02 0000 03 22 ffff ''"
		packetOf = 64 << 10 // Limits.Packet below
	)
	large := func(first byte) func(int) []byte {
		return func(i int) []byte {
			if i == 0 { // all of a packet but its last byte
				return append([]byte{first, 0xf0, 0xff, 0x03}, make([]byte, 0xfff0-1)...)
			}
			return nil
		}
	}
	publish := func(qos byte, payload int) func(int) []byte {
		return func(i int) []byte {
			m := packet.Publish{QoS: qos, TopicName: []byte("own"), Payload: make([]byte, payload)}
			if qos > 0 {
				m.PacketID = uint16(i%65535 + 1)
			}
			return m.Append(nil, packet.V311)
		}
	}
	return []hostile{
		{"half a CONNECT", 2*packetOf + 4<<10, "", large(0x10)},
		{"half a PUBLISH", 3*packetOf + 128<<10, connect, large(0x30)},
		{"acknowledgements that are not read", 1 << 20, connect, publish(1, 1000)},
		{"QoS 2 that is never released", 2 << 20, connect, publish(2, 0)},
		{"PINGREQ", 512 << 10, connect, func(int) []byte { return bytes.Repeat([]byte{0xC0, 0}, 500) }},
		{"its own messages, that it does not read", 5 << 20, connect + " | 82: 0001 '#' 01", publish(1, 10_000)},
		{"its own QoS 0, that it does not read", 5 << 20, connect + " | 82: 0001 '#' 00", publish(0, 100)},
		{"Topic Aliases", 512 << 10, connect5, func(i int) []byte {
			if i == 32 {
				return nil
			}
			m := packet.Publish{TopicName: []byte(strings.Repeat("n", 500)), Properties: packet.Properties{}.AppendNumber(packet.TopicAlias, uint32(i+1))}
			return m.Append(nil, packet.V5)
		}},
		{"names for Topic Aliases that it asked for", 5 << 20, connect5 + " | 82: 0001 00 '#' 00", func(i int) []byte {
			m := packet.Publish{TopicName: fmt.Appendf(nil, "%0500d", i)}
			return m.Append(nil, packet.V5)
		}},
		{"subscriptions", 5 << 20, connect, func(i int) []byte {
			if i == 2000 {
				return nil
			}
			s := packet.Subscribe{PacketID: 1, Subscriptions: []packet.Subscription{{TopicFilter: fmt.Appendf(nil, "%d%s/+", i, strings.Repeat("/a", 190))}}}
			return s.Append(nil, packet.V311)
		}},
		{"subscriptions to all that is retained", 6 << 20, connect, func(i int) []byte {
			s := packet.Subscribe{PacketID: 1, Subscriptions: []packet.Subscription{{TopicFilter: fmt.Appendf(nil, "+/%d/#", i%900)}, {TopicFilter: []byte("#")}}}
			return s.Append(nil, packet.V311)
		}},
	}
}

// The memory that one Client can take is bounded, whatever it does, and another one is served meanwhile. What is held for it
// goes with it.
func TestHostileClients(t *testing.T) {
	const clients = 4
	for _, h := range hostiles() {
		t.Run(h.name, func(t *testing.T) {
			st := openStationOf(t, vfs.NewDisk(), server.Options{Limits: server.Limits{Packet: 64 << 10, Shutdown: 50 * time.Millisecond}}, queue.Options{SlotSize: 1 << 20},
				broker.Options{Limits: broker.Limits{SubscribedBytes: 24 << 20}})
			address := st.listen(server.ListenerConfig{Name: "test", Anonymous: true})
			st.run()
			witness := dial(t, address)
			witness.script("> 10: 'MQTT' 04 02 0000 'witness'", "< 20: 00 00")
			for i := range 1000 {
				witness.script(fmt.Sprintf("> 31: 'r/%03d' \"kept\"", i%500))
			}
			witness.script("> c0:", "< d0:")
			before := heap()
			var conns []net.Conn
			for range clients {
				p := dial(t, address)
				if h.begin != "" {
					p.script("> " + h.begin)
				}
				h.play(p.nc)
				conns = append(conns, p.nc)
			}
			witness.script("> 82: 0001 'w' 00 | 30: 'w' \"alive\"", "< 90: 0001 00 | 30: 'w' \"alive\"")
			if grown := heapOver(before, int64(clients*h.most)+2<<20); grown > int64(clients*h.most)+2<<20 {
				t.Errorf("%d clients took %d bytes of the heap, the bound is %d each", clients, grown, h.most)
			}
			for _, nc := range conns {
				nc.Close()
			}
			eventually(t, "the connections end", func() bool { return st.server.Stats().Connections == 1 })
			if left := heapOver(before, 8<<20); left > 8<<20 {
				t.Errorf("%d bytes of the heap are left when they are gone", left)
			}
		})
	}
}

// heapOver is by how much the heap is larger than before, when that is no more than most or does not become less. With the race
// detector buffers do not always go back to their pools, and what was allocated during a collection is counted until the next.
func heapOver(before uint64, most int64) int64 {
	over := int64(heap()) - int64(before)
	for tries := 0; over > most && tries < 50; tries++ {
		time.Sleep(100 * time.Millisecond)
		over = min(over, int64(heap())-int64(before))
	}
	return over
}

func (h *hostile) play(nc net.Conn) {
	for i := 0; i < 40_000; i++ {
		b := h.flood(i)
		if b == nil {
			time.Sleep(20 * time.Millisecond) // what was sent is to be read
			return
		}
		if i%64 == 0 {
			nc.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
		}
		if _, err := nc.Write(b); err != nil {
			return
		}
	}
}
