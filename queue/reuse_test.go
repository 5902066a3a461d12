package queue_test

import (
	"fmt"
	"testing"

	"skerry/queue"
	"skerry/queue/vfs"
)

// TestPacketIDPassesToQoS2: a packet id that an acknowledged QoS 1 delivery had names a QoS 2 message only when the
// acknowledgement is on the disk: a restart that does not know of it might drop the first, and free with its PUBREL what
// the receiver holds for the second. At QoS 1 nobody holds anything, and nothing waits.
func TestPacketIDPassesToQoS2(t *testing.T) {
	for _, qos := range []byte{1, 2} {
		t.Run(fmt.Sprint("QoS ", qos), func(t *testing.T) {
			s, _ := open(t, vfs.NewDisk(), small)
			defer closeStore(t, s)
			const ids = 4
			x := create(t, s, queue.SessionOptions{PacketIDs: queue.Range{First: 1, Count: ids}})
			for i := range ids {
				publish(t, s, message("%d", i), at(x, 1))
			}
			publish(t, s, message("behind"), at(x, qos))
			commit(t, s)
			x.Resume(0)
			first := x.Next(nil, 10)
			if len(first) != ids {
				t.Fatalf("got %v", wire(first))
			}
			for _, d := range first {
				if !x.Ack(d.PacketID) {
					t.Fatalf("packet id %d is not known", d.PacketID)
				}
			}
			if got := x.Next(nil, 10); len(got) != map[byte]int{1: 1, 2: 0}[qos] {
				t.Errorf("before the acknowledgements are on the disk: %v", wire(got))
			}
			commit(t, s)
			if got := x.Next(nil, 10); qos == 2 && (len(got) != 1 || got[0].PacketID != 1) {
				t.Errorf("after that: %v", wire(got))
			}
		})
	}
}
