package queuetest_test

import (
	"testing"
	"time"

	"skerry/queue"
	"skerry/queue/queuetest"
)

// TestCrashMoves exports the store after some power cuts and goes on with an import of it on another disk: everybody gets
// everything, QoS 2 exactly once, as if nothing had happened.
func TestCrashMoves(t *testing.T) {
	sum := play(t, *points/6, scattered(true), func(seed uint64) queuetest.Plan {
		p := basic(seed)
		p.Moves = true
		p.Slow = seed%3 == 0
		p.Expiry = seed%2 == 0
		p.Options.SlotSize = 8 << 10
		switch seed % 5 {
		case 0:
			p.PacketIDs, p.Window = queue.Range{First: 1, Count: 200}, 40
		case 1:
			p.Limits.Messages = 15
		case 2:
			p.Limits.Age = 2 * time.Second
		}
		return p
	})
	if sum.Moved == 0 {
		t.Error("nothing waited while a store was moved")
	}
}
