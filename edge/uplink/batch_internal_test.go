package uplink

import (
	"testing"

	"skerry/broker"
	"skerry/edge/uplink/pack"
)

// TestFloorOfRefused: what the Server has refused, and is sent again, does not lie below the floor of a block that is made meanwhile.
func TestFloorOfRefused(t *testing.T) {
	a, l := &lane{stream: &stream{name: "s"}}, &link{}
	of := func(ordinal uint64) []piece {
		return []piece{{Delivery: broker.Delivery{Ordinal: ordinal, PacketID: uint16(ordinal), QoS: 1}, epoch: epoch{1, 7}}}
	}
	floor := func() uint64 { return l.headOf(a, &of(30)[0]).Floor }
	a.launched(pack.Head{}, of(10), nil)
	a.launched(pack.Head{}, of(20), nil)
	if got := floor(); got != 10 {
		t.Errorf("floor %d with 10 and 20 on their way", got)
	}
	a.landed(10, true)
	if got := floor(); got != 10 {
		t.Errorf("floor %d after 10 was refused", got)
	}
	a.landed(20, false)
	if got := floor(); got != 10 {
		t.Errorf("floor %d with 10 to be sent again", got)
	}
	a.dropBlocks() // from here on everything is sent again in order
	if got := floor(); got != 30 {
		t.Errorf("floor %d of the first message", got)
	}
}
