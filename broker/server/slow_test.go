package server_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"skerry/broker/packet"
	"skerry/broker/server"
	"skerry/queue"
	"skerry/queue/vfs"
)

// A slow subscriber that keeps its session loses messages of QoS 0 first, and each one is counted; those of QoS 1 wait on the
// disk, and come all, in order, when it reads again. Its memory stays within its bound meanwhile.
func TestSlowSubscriberLosesQoS0First(t *testing.T) {
	st := openStation(t, vfs.NewDisk(), server.Options{})
	address := st.listen(server.ListenerConfig{Name: "test", Anonymous: true})
	st.run()
	slow, publisher := dial(t, address), dial(t, address)
	slow.script("> 10: 'MQTT' 04 00 0000 'slow' | 82: 0001 't' 01", "< 20: 00 00 | 90: 0001 01")
	publisher.script("> 10: 'MQTT' 04 02 0000 'publisher'", "< 20: 00 00")
	const pairs, size = 2000, 4 << 10 // 16 MB in all, and as much on the disk, which is in memory
	before := heap()
	for i := range pairs {
		for qos := range byte(2) {
			m := packet.Publish{QoS: qos, TopicName: []byte("t"), PacketID: uint16(qos) * uint16(i+1), Payload: fmt.Appendf(nil, "%08d%s", i, strings.Repeat("x", size))}
			publisher.send(m.Append(nil, packet.V311))
		}
		publisher.script(fmt.Sprintf("< 40: %04x", i+1))
	}
	onDisk := int64(pairs * size)
	if grown := int64(heap()) - int64(before); grown > 2*onDisk+4<<20 {
		t.Errorf("the heap has grown by %d bytes, %d of them are the disk", grown, 2*onDisk)
	}
	came, dropped := slow.readPairs(pairs), st.store.Stats().Drops[queue.DroppedRing]
	if came == pairs || uint64(pairs-came) != dropped {
		t.Errorf("%d of %d messages of QoS 0 came, %d are counted as dropped", came, pairs, dropped)
	}
}

// readPairs reads until the last message of QoS 1 has come, checks the order, and counts those of QoS 0.
func (p *peer) readPairs(pairs int) (qos0 int) {
	p.t.Helper()
	next, last := 0, -1
	for next < pairs {
		var m packet.Publish
		if err := m.Decode(packet.V311, p.readPacket()); err != nil {
			p.t.Fatal(err)
		}
		n, _ := strconv.Atoi(string(m.Payload[:8]))
		switch {
		case m.QoS == 0 && n > last:
			qos0, last = qos0+1, n
		case m.QoS == 1 && n == next:
			next++
			a := packet.Ack{Type: packet.PUBACK, PacketID: m.PacketID}
			p.send(a.Append(nil, packet.V311))
		default:
			p.t.Fatalf("message %d of QoS %d after %d and %d", n, m.QoS, next-1, last)
		}
	}
	return qos0
}
