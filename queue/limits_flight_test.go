package queue_test

import (
	"testing"

	"skerry/queue"
	"skerry/queue/vfs"
)

// TestOldestSegmentWasInFlight: what was in flight on a connection that has gone makes room like all else that is old;
// the newest messages are those that stay.
func TestOldestSegmentWasInFlight(t *testing.T) {
	for _, qos := range []byte{1, 2} {
		o := queue.Options{SlotSize: 64 << 10, BlockSize: 1024, Limits: queue.Limits{Bytes: 8 * 64 << 10}}
		s, _ := open(t, vfs.NewDisk(), o)
		x := create(t, s, queue.SessionOptions{})
		x.Resume(0)
		for n := range 40 {
			publish(t, s, six(n), at(x, qos))
		}
		commit(t, s)
		if got := len(x.Next(nil, 40)); got != 40 {
			t.Fatalf("%d in flight", got)
		}
		x.Suspend()
		all := uint64(40 + len(fill(t, s, x, 2000)))
		lost := x.Stats().Dropped[queue.DroppedStore]
		old, came := 0, uint64(0)
		x.Resume(0)
		for range 40 {
			for _, d := range x.Next(nil, 100) {
				if !d.Release {
					came++
				}
				if !d.Release && len(d.Message.Payload) == 3 {
					old++
				}
				x.Ack(d.PacketID)
			}
			commit(t, s)
		}
		if lost == 0 || old > 0 || came != all-lost {
			t.Errorf("QoS %d: of %d messages %d were dropped and %d came, %d of those that were in flight", qos, all, lost, came, old)
		}
		closeStore(t, s)
	}
}
