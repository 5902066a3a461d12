package queue_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"skerry/queue"
	"skerry/queue/vfs"
)

// limit makes a session with limits; a is one byte of topic, b three of payload: 6 bytes each.
func limit(l queue.Limits) queue.SessionOptions { return queue.SessionOptions{Limits: l} }

func six(n int) *queue.Message { return message("%03d", n) }

// numbers are the payloads of six from..to.
func numbers(from, to int) (all []string) {
	for n := from; n <= to; n++ {
		all = append(all, fmt.Sprintf("%03d", n))
	}
	return all
}

func dropped(x *queue.Session) string {
	var text string
	for r, n := range x.Stats().Dropped {
		if n > 0 {
			text += fmt.Sprintf("%v %d ", queue.Reason(r), n)
		}
	}
	return text
}

// TestSessionLimits publishes five messages of 6 bytes to a session that has room for three, once connected and once
// not, and looks at what is left, also after a restart.
func TestSessionLimits(t *testing.T) {
	for _, c := range []struct {
		name    string
		l       queue.Limits
		want    []string
		dropped string
	}{
		{"none", queue.Limits{}, numbers(1, 5), ""},
		{"messages, oldest", queue.Limits{Messages: 3}, numbers(3, 5), "messages 2 "},
		{"messages, newest", queue.Limits{Messages: 3, WhenFull: queue.DropNewest}, numbers(1, 3), "messages 2 "},
		{"messages, reject", queue.Limits{Messages: 3, WhenFull: queue.Reject}, numbers(1, 3), "rejected 2 "},
		{"bytes, oldest", queue.Limits{Bytes: 18}, numbers(3, 5), "bytes 2 "},
		{"not quite the bytes", queue.Limits{Bytes: 17}, numbers(4, 5), "bytes 3 "},
		{"bytes, newest", queue.Limits{Bytes: 18, WhenFull: queue.DropNewest}, numbers(1, 3), "bytes 2 "},
		{"bytes, reject", queue.Limits{Bytes: 18, WhenFull: queue.Reject}, numbers(1, 3), "rejected 2 "},
		{"a message larger than all", queue.Limits{Bytes: 5}, nil, "bytes 5 "},
		{"both", queue.Limits{Messages: 4, Bytes: 12}, numbers(4, 5), "bytes 3 "},
	} {
		for _, connected := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, connected %t", c.name, connected), func(t *testing.T) {
				disk := vfs.NewDisk()
				s, _ := open(t, disk, small)
				x := create(t, s, limit(c.l))
				if connected {
					x.Resume(0)
				}
				for n := 1; n <= 5; n++ {
					_, err := s.Publish(six(n), []queue.Target{at(x, 1)})
					if full := n > 3 && c.l.WhenFull == queue.Reject; errors.Is(err, queue.ErrFull) != full {
						t.Errorf("message %d: %v", n, err)
					}
				}
				if st := x.Stats(); st.Messages != uint64(len(c.want)) || st.Bytes != 6*st.Messages {
					t.Errorf("%d messages and %d bytes wait", st.Messages, st.Bytes)
				}
				if got := dropped(x); got != c.dropped {
					t.Errorf("dropped: %s", got)
				}
				commit(t, s)
				closeStore(t, s)
				s, _ = open(t, disk, small)
				defer closeStore(t, s)
				x = s.Session(x.Number())
				if got := dropped(x); got != c.dropped {
					t.Errorf("dropped, after the restart: %s", got)
				}
				x.Resume(0)
				x.Next(nil, 0)
				commit(t, s)
				ack(t, x, next(t, x, c.want...)...)
				if st := x.Stats(); st.Messages != 0 || st.Bytes != 0 {
					t.Errorf("drained: %+v", st)
				}
			})
		}
	}
}

// TestRoomComesBack: whatever the policy, a session that is drained takes messages again.
func TestRoomComesBack(t *testing.T) {
	for _, policy := range []queue.Policy{queue.DropOldest, queue.DropNewest, queue.Reject} {
		t.Run(policy.String(), func(t *testing.T) {
			s, _ := open(t, vfs.NewDisk(), small)
			defer closeStore(t, s)
			x := create(t, s, limit(queue.Limits{Messages: 2, WhenFull: policy}))
			x.Resume(0)
			for n := range 20 {
				if _, err := s.Publish(six(n), []queue.Target{at(x, 1)}); err != nil {
					t.Fatal(err)
				}
				ack(t, x, next(t, x, fmt.Sprintf("%03d", n))...)
			}
			if got := dropped(x); got != "" {
				t.Errorf("dropped: %s", got)
			}
		})
	}
}

// TestRejectRefusesForAll: one session that is full refuses a message as a whole; QoS 0 is never refused.
func TestRejectRefusesForAll(t *testing.T) {
	s, _ := open(t, vfs.NewDisk(), small)
	defer closeStore(t, s)
	full := create(t, s, limit(queue.Limits{Messages: 1, WhenFull: queue.Reject}))
	other, volatile := create(t, s, queue.SessionOptions{}), s.NewVolatile(queue.SessionOptions{})
	for _, x := range []*queue.Session{full, other, volatile} {
		x.Resume(0)
	}
	publish(t, s, six(1), at(full, 1))
	_, err := s.Publish(retain(six(2)), []queue.Target{at(other, 1), at(volatile, 1), at(full, 1)})
	which, ok := errors.AsType[*queue.FullError](err)
	if !ok || which.Session != full.Number() || which.Limit != "1 messages" {
		t.Fatalf("%v", err)
	}
	if other.Waiting() || volatile.Waiting() {
		t.Error("a refused message was given to others")
	}
	publish(t, s, six(3), at(full, 0), at(other, 1))
	next(t, full, "001", "003")
	next(t, other, "003")
}

// TestRejectHoldsNoPacketID: a publisher whose QoS 2 message was refused may use its packet id again.
func TestRejectHoldsNoPacketID(t *testing.T) {
	disk := vfs.NewDisk()
	s, _ := open(t, disk, small)
	x := create(t, s, limit(queue.Limits{Messages: 1, WhenFull: queue.Reject}))
	publisher := create(t, s, queue.SessionOptions{})
	two := func(n int) *queue.Message { m := six(n); m.QoS = 2; return m }
	for id := uint16(1); id <= 2; id++ {
		_, err := publisher.Receive(id, two(int(id)), []queue.Target{at(x, 2)})
		if errors.Is(err, queue.ErrFull) != (id == 2) {
			t.Fatalf("message %d: %v", id, err)
		}
	}
	check := func() {
		t.Helper()
		if _, held := publisher.Held(1); !held {
			t.Error("the id of the first is not held")
		}
		if _, held := publisher.Held(2); held {
			t.Error("the id of the second is held")
		}
	}
	check()
	commit(t, s)
	closeStore(t, s)
	s, _ = open(t, disk, small)
	publisher = s.Session(publisher.Number())
	check()
	closeStore(t, s)
}

// TestDropNewestLeavesNoHole: what is not taken has no ordinal, and is not written.
func TestDropNewestLeavesNoHole(t *testing.T) {
	s, _ := open(t, vfs.NewDisk(), small)
	defer closeStore(t, s)
	x := create(t, s, limit(queue.Limits{Messages: 2, WhenFull: queue.DropNewest}))
	commit(t, s)
	x.Resume(0)
	for n := range 3 {
		publish(t, s, six(n), at(x, 1))
	}
	before := s.Stats().Records
	commit(t, s)
	if got := s.Stats().Records - before; got > 3 { // two messages, and the count of what was dropped
		t.Errorf("%d records", got)
	}
	ack(t, x, next(t, x, "000", "001")...)
	publish(t, s, six(3), at(x, 1))
	if d := next(t, x, "003")[0]; d.Ordinal != 3 {
		t.Errorf("ordinal %d", d.Ordinal)
	}
}

// TestNotWhatIsInFlight: a connected session does not lose what it was given; there the new message gives way.
func TestNotWhatIsInFlight(t *testing.T) {
	s, _ := open(t, vfs.NewDisk(), small)
	defer closeStore(t, s)
	x := create(t, s, limit(queue.Limits{Messages: 2}))
	x.Resume(0)
	publish(t, s, six(1), at(x, 1))
	publish(t, s, six(2), at(x, 1))
	flying := next(t, x, "001", "002")
	publish(t, s, six(3), at(x, 1))
	next(t, x)
	ack(t, x, flying...)
	publish(t, s, six(4), at(x, 1))
	next(t, x, "004")
	if got := dropped(x); got != "messages 1 " {
		t.Errorf("dropped: %s", got)
	}
}

// TestDropInFlight: of a session without connection what was in flight goes first: QoS 1 is settled, of QoS 2 PUBREL is
// left, and one whose PUBREC came is not touched.
func TestDropInFlight(t *testing.T) {
	disk := vfs.NewDisk()
	s, _ := open(t, disk, small)
	x := create(t, s, limit(queue.Limits{Messages: 3}))
	x.Resume(0)
	publish(t, s, six(1), at(x, 2))
	publish(t, s, six(2), at(x, 2))
	publish(t, s, six(3), at(x, 1))
	publish(t, s, six(4), at(x, 1))
	commit(t, s)
	ds := next(t, x, "002", "003", "004") // limited to three: the first was dropped
	x.Received(ds[0].PacketID)            // not a message any more
	publish(t, s, &queue.Message{TopicName: "a/b", QoS: 2, Payload: []byte("005")}, at(x, 2))
	commit(t, s)
	next(t, x, "005")
	x.Suspend()
	for n := 6; n <= 8; n++ {
		publish(t, s, six(n), at(x, 1))
	}
	if st := x.Stats(); st.Messages != 3 {
		t.Errorf("%d messages", st.Messages)
	}
	commit(t, s)
	x.Resume(0)
	if got, want := texts(x.Next(nil, 10)), []string{"release", "release", "006", "007", "008"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	closeStore(t, s)
	s, _ = open(t, disk, small) // and after a restart
	defer closeStore(t, s)
	x = s.Session(x.Number())
	x.Resume(0)
	x.Next(nil, 0)
	commit(t, s)
	next(t, x, "release", "release", "006", "007", "008")
}

// TestDropFromLog: of what is only in the log the oldest go without being read, one for one.
func TestDropFromLog(t *testing.T) {
	disk := vfs.NewDisk()
	s, _ := open(t, disk, small)
	defer func() { closeStore(t, s) }()
	x := create(t, s, queue.SessionOptions{RingMessages: 16, Limits: queue.Limits{Messages: 200}})
	reads := 0
	disk.HookReads(func(vfs.Op) error { reads++; return nil })
	for n := range 999 {
		publish(t, s, six(n), at(x, 1))
		if n%10 == 0 {
			commit(t, s)
		}
		if want := min(n+1, 200); x.Stats().Messages != uint64(want) {
			t.Fatalf("%d messages wait after %d", x.Stats().Messages, n+1)
		}
	}
	if reads > 0 {
		t.Errorf("%d reads", reads)
	}
	disk.HookReads(nil)
	defer run(t, s)()
	x.Resume(0)
	want := 999 - 200
	drain(t, x, 200, func(d queue.Delivery) {
		if string(d.Message.Payload) != fmt.Sprintf("%03d", want) {
			t.Fatalf("%s, want %03d", d.Message.Payload, want)
		}
		want++
	})
	if st := x.Stats(); st.Messages != 0 || st.Bytes != 0 {
		t.Errorf("drained: %+v", st)
	}
}

// TestDropBytesFromLog: bytes of unread messages are counted by segment, so that a queue of messages of two very
// different sizes holds about what it may.
func TestDropBytesFromLog(t *testing.T) {
	const most = 200_000
	s, _ := open(t, vfs.NewDisk(), queue.Options{SlotSize: 64 << 10, BlockSize: 1024})
	defer closeStore(t, s)
	stop := run(t, s)
	x := create(t, s, queue.SessionOptions{RingMessages: 16, Limits: queue.Limits{Bytes: most}})
	var last queue.Receipt
	for n := range 3000 {
		m := message("%0*d", 10+1000*(n/500%2), n) // 500 small ones, 500 large ones, and so on
		last = publish(t, s, m, at(x, 1))
		if n%50 == 0 {
			if err := s.Wait(t.Context(), last); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := s.Wait(t.Context(), last); err != nil {
		t.Fatal(err)
	}
	st := x.Stats()
	x.Resume(0)
	var bytes uint64
	drain(t, x, int(st.Messages), func(d queue.Delivery) { bytes += uint64(3 + len(d.Message.Payload)) })
	if bytes > most+64<<10 || bytes < most-64<<10 {
		t.Errorf("%d bytes waited, limit %d", bytes, most)
	}
	if next := x.Stats(); next.Messages != 0 || next.Bytes != 0 {
		t.Errorf("drained: %+v", next)
	}
	stop()
}

// TestDropMaybeSent: QoS 2 deliveries that were sent before a restart, and are only in the log after it, are dropped
// without being read: PUBREL frees the packet id of each that the receiver may hold.
func TestDropMaybeSent(t *testing.T) {
	disk := vfs.NewDisk()
	s, _ := open(t, disk, small)
	x := create(t, s, queue.SessionOptions{RingMessages: 4, Window: 4})
	x.Resume(0)
	for n := range 10 {
		publish(t, s, six(n), at(x, 2))
	}
	commit(t, s)
	sent := next(t, x, "000", "001", "002", "003")
	x.Suspend()
	closeStore(t, s)

	s, _ = open(t, disk, small)
	x = s.Session(x.Number())
	x.SetLimits(queue.Limits{Messages: 3})
	for n := 10; n < 13; n++ {
		publish(t, s, six(n), at(x, 2))
	}
	if got := dropped(x); got != "messages 10 " {
		t.Errorf("dropped: %s", got)
	}
	check := func() {
		t.Helper()
		x.Resume(0)
		x.Next(nil, 0)
		commit(t, s)
		freed := map[uint16]bool{}
		var rest []string
		for round := 0; round < 40; round++ {
			for _, d := range x.Next(nil, 1) {
				if !d.Release {
					rest = append(rest, string(d.Message.Payload))
					continue
				}
				freed[d.PacketID] = true
				ack(t, x, d)
				commit(t, s)
			}
		}
		for _, d := range sent {
			if !freed[d.PacketID] {
				t.Errorf("packet id %d is never freed", d.PacketID)
			}
		}
		if !slices.Equal(rest, numbers(10, 12)) {
			t.Errorf("delivered %q", rest)
		}
	}
	commit(t, s)
	closeStore(t, s)
	s, _ = open(t, disk, small) // what PUBREL is left of survives
	defer closeStore(t, s)
	x = s.Session(x.Number())
	check()
}

// TestHopeless: a message that would not fit an empty queue drops nothing but itself.
func TestHopeless(t *testing.T) {
	s, _ := open(t, vfs.NewDisk(), small)
	defer closeStore(t, s)
	x := create(t, s, limit(queue.Limits{Bytes: 18}))
	publish(t, s, six(1), at(x, 1))
	publish(t, s, message("%020d", 0), at(x, 1))
	x.Resume(0)
	next(t, x, "001")
}

// TestLimitsOfBatch: nobody can be told that a message of a batch was refused, so it is dropped.
func TestLimitsOfBatch(t *testing.T) {
	for _, policy := range []queue.Policy{queue.DropNewest, queue.Reject} {
		s, _ := open(t, vfs.NewDisk(), small)
		x := create(t, s, limit(queue.Limits{Messages: 1, WhenFull: policy}))
		x.Resume(0)
		b := s.NewBatch()
		b.Publish(six(1), []queue.Target{at(x, 1)})
		b.Publish(six(2), []queue.Target{at(x, 1)})
		b.Put(1, "fact", nil)
		apply(t, s, b)
		next(t, x, "001")
		if got := dropped(x); got != "messages 1 " {
			t.Errorf("%v: dropped: %s", policy, got)
		}
		closeStore(t, s)
	}
}

// TestSetLimits: new limits hold from the next message on.
func TestSetLimits(t *testing.T) {
	s, _ := open(t, vfs.NewDisk(), small)
	defer closeStore(t, s)
	x := create(t, s, queue.SessionOptions{})
	for n := range 5 {
		publish(t, s, six(n), at(x, 1))
	}
	x.SetLimits(queue.Limits{Messages: 2})
	publish(t, s, six(5), at(x, 1))
	x.Resume(0)
	next(t, x, "004", "005")
}
