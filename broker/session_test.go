package broker_test

import (
	"testing"

	"skerry/broker"
	"skerry/queue"
)

// TestUnfinished counts what a session owes, also when it is asked through a handle that is dead.
func TestUnfinished(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		s, p := at.connect("s", keep(broker.Never)), at.connect("p")
		s.subscribe("a", 2)
		for i := range byte(3) {
			p.publish("a", "x", i)
		}
		if n := s.Unfinished(); n != 2 {
			t.Errorf("%d unfinished, want 2", n)
		}
		s.ack(s.take(3)[:2])
		s.lose()
		if n := s.Unfinished(); n != 1 {
			t.Errorf("%d unfinished on a dead handle, want 1", n)
		}
	})
}

// TestPacketIDs are those that the session was made with.
func TestPacketIDs(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		ids := func(first uint16) option {
			return with(func(o *broker.ConnectOptions) { o.PacketIDs = queue.Range{First: first, Count: 10} })
		}
		at.connect("s", keep(broker.Never), ids(100)).subscribe("a", 1)
		at.reboot(0)
		s := at.connect("s", keep(broker.Never), ids(500))
		if got := s.PacketIDs(); got != (queue.Range{First: 100, Count: 10}) {
			t.Errorf("packet ids %v", got)
		}
		p := at.connect("p")
		for range 25 {
			p.publish("a", "x", 1)
			for _, d := range s.take(1) {
				if d.PacketID < 100 || d.PacketID > 109 {
					t.Errorf("packet id %d", d.PacketID)
				}
				s.Ack(d.PacketID)
			}
		}
	})
}
