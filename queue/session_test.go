package queue_test

import (
	"fmt"
	"testing"
	"time"

	"skerry/queue"
	"skerry/queue/vfs"
)

func TestWindowAndReceiveMaximum(t *testing.T) {
	for _, c := range []struct {
		name           string
		window         int
		receiveMaximum uint16
		want           int
	}{
		{"window", 3, 0, 3},
		{"receive maximum", 10, 2, 2},
		{"no limit", 0, 0, 9},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _ := open(t, vfs.NewDisk(), small)
			x := s.NewVolatile(queue.SessionOptions{Window: c.window})
			x.Resume(c.receiveMaximum)
			for i := range 9 {
				publish(t, s, message("%d", i), at(x, 1))
			}
			ds := x.Next(nil, 100)
			if len(ds) != c.want || x.Waiting() {
				t.Fatalf("%d in flight, want %d", len(ds), c.want)
			}
			ack(t, x, ds[0])
			if len(x.Next(nil, 100)) != min(1, 9-c.want) {
				t.Error("an acknowledgement does not make room for one more")
			}
		})
	}
}

// TestSetWindow: a durable session may be given a wider window, as wide as it has packet ids, and each id in it names one delivery.
func TestSetWindow(t *testing.T) {
	const ids = 2500
	s, _ := open(t, vfs.NewDisk(), small)
	x := create(t, s, queue.SessionOptions{PacketIDs: queue.Range{First: 1, Count: ids}})
	x.SetWindow(5000, 8<<20)
	x.Resume(0)
	if n := x.NextOrdinal(); n != 1 {
		t.Errorf("the first ordinal is %d", n)
	}
	for i := range 3000 {
		publish(t, s, message("%d", i), at(x, 1))
	}
	seen := map[uint16]bool{}
	for _, d := range x.Next(nil, 5000) {
		seen[d.PacketID] = true
	}
	if len(seen) != ids || x.NextOrdinal() != 3001 {
		t.Errorf("%d ids in flight, want %d; the next ordinal is %d", len(seen), ids, x.NextOrdinal())
	}
}

func TestPacketIDsAreDerivedAndUnique(t *testing.T) {
	s, _ := open(t, vfs.NewDisk(), small)
	x := s.NewVolatile(queue.SessionOptions{PacketIDs: queue.Range{First: 10, Count: 4}})
	x.Resume(0)
	for i := range 6 {
		publish(t, s, message("%d", i), at(x, 1))
	}
	ds := next(t, x, "0", "1", "2", "3")
	for i, d := range ds {
		if d.PacketID != uint16(10+i) || d.Ordinal != uint64(1+i) {
			t.Errorf("delivery %d has packet id %d, ordinal %d", i, d.PacketID, d.Ordinal)
		}
	}
	ack(t, x, ds[1]) // the lowest is still there: its id is next
	next(t, x)
	ack(t, x, ds[0])
	if ds := next(t, x, "4", "5"); ds[0].PacketID != 10 || ds[1].PacketID != 11 {
		t.Errorf("packet ids %d, %d after a turn", ds[0].PacketID, ds[1].PacketID)
	}
	for _, id := range []uint16{0, 9, 14, 65535} {
		if x.Ack(id) {
			t.Errorf("packet id %d was never given out", id)
		}
	}
}

// What a receiver says has to be what the delivery waits for; else nothing is done.
func TestAckAs(t *testing.T) {
	s, _ := open(t, vfs.NewDisk(), small)
	x := s.NewVolatile(queue.SessionOptions{})
	x.Resume(0)
	publish(t, s, message("one"), at(x, 1))
	publish(t, s, message("two"), at(x, 2))
	ds := next(t, x, "one", "two")
	one, two := ds[0].PacketID, ds[1].PacketID
	type said struct {
		id            uint16
		qos           byte
		afterReceived bool
		known, fits   bool
	}
	try := func(all ...said) {
		t.Helper()
		for _, a := range all {
			if known, fits := x.AckAs(a.id, a.qos, a.afterReceived); known != a.known || fits != a.fits {
				t.Errorf("%+v: known %t, fits %t", a, known, fits)
			}
		}
	}
	try(said{one, 2, false, true, false}, said{one, 2, true, true, false}, said{two, 1, false, true, false},
		said{two, 2, true, true, false}, said{9, 1, false, false, true})
	if _, ok := x.Received(one); ok || !x.InFlight(one) || !x.InFlight(two) || x.InFlight(9) {
		t.Error("a delivery is not in flight any more, or Received took QoS 1")
	}
	x.Received(two)
	try(said{two, 2, false, true, false}, said{two, 2, true, true, true}, said{one, 1, false, true, true}, said{one, 1, false, false, true})
	if x.InFlight(one) || x.Unfinished() != 0 {
		t.Error("a delivery that was acknowledged is still owed")
	}
}

func TestResumeDeliversAgain(t *testing.T) {
	for _, durable := range []bool{false, true} {
		t.Run(fmt.Sprint("durable=", durable), func(t *testing.T) {
			s, _ := open(t, vfs.NewDisk(), small)
			x := s.NewVolatile(queue.SessionOptions{})
			if durable {
				x = create(t, s, queue.SessionOptions{})
			}
			x.Resume(0)
			publish(t, s, message("zero"), at(x, 0))
			publish(t, s, message("one"), at(x, 1))
			publish(t, s, message("two"), at(x, 2))
			publish(t, s, message("three"), at(x, 2))
			commit(t, s)
			ds := next(t, x, "zero", "one", "two", "three")
			r, ok := x.Received(ds[2].PacketID)
			if again, _ := x.Received(ds[2].PacketID); !ok || again != r {
				t.Fatalf("PUBREC: receipt %d, then %d", r, again)
			}
			x.Suspend()
			publish(t, s, message("late zero"), at(x, 0))
			next(t, x)
			x.Resume(1)
			if durable {
				next(t, x, "one")
				x.Resume(0)
				next(t, x, "one") // the PUBREC is not durable yet, and the order holds
				commit(t, s)
				ds = next(t, x, "release", "three")
			} else {
				x.Resume(0)
				ds = next(t, x, "one", "release", "three")[1:]
			}
			if !ds[1].Dup || ds[0].Dup || ds[0].QoS != 2 {
				t.Errorf("DUP flags of %+v", ds)
			}
		})
	}
}

func TestVolatileRingDropsQoS0First(t *testing.T) {
	s, _ := open(t, vfs.NewDisk(), small)
	x := s.NewVolatile(queue.SessionOptions{RingMessages: 4})
	x.Resume(0)
	for i, qos := range []byte{0, 1, 0, 1, 0, 1, 1, 1} {
		publish(t, s, message("%d", i), at(x, qos))
	}
	next(t, x, "1", "3", "5", "6")
	if n := s.Stats().Dropped; n != 4 {
		t.Errorf("%d dropped", n)
	}
}

func TestSuspendForgetsQoS0(t *testing.T) {
	s, _ := open(t, vfs.NewDisk(), small)
	x := create(t, s, queue.SessionOptions{})
	x.Resume(0)
	publish(t, s, message("zero"), at(x, 0))
	publish(t, s, message("one"), at(x, 1))
	x.Suspend()
	if x.Waiting() || x.Queued() != 1 {
		t.Errorf("waiting %t, queued %d", x.Waiting(), x.Queued())
	}
	x.Resume(0)
	next(t, x, "one")
}

func TestQoS2WaitsForTheDisk(t *testing.T) {
	s, _ := open(t, vfs.NewDisk(), small)
	x := create(t, s, queue.SessionOptions{})
	commit(t, s)
	a := newAlarm()
	x.SetWaker(a)
	x.Resume(0)
	publish(t, s, message("one"), at(x, 1))
	publish(t, s, message("two"), at(x, 2))
	publish(t, s, message("three"), at(x, 1))
	next(t, x, "one")
	if x.Waiting() || a.n.Load() != 0 {
		t.Fatal("a QoS 2 message went out before it was durable")
	}
	commit(t, s)
	if a.n.Load() != 1 {
		t.Errorf("woken %d times", a.n.Load())
	}
	next(t, x, "two", "three")
}

func TestAcknowledgementsOutOfOrderSurvive(t *testing.T) {
	disk := vfs.NewDisk()
	s, _ := open(t, disk, small)
	x := create(t, s, queue.SessionOptions{})
	x.Resume(0)
	for i := range 6 {
		publish(t, s, message("%d", i), at(x, byte(1+i%2)))
	}
	commit(t, s)
	ds := next(t, x, "0", "1", "2", "3", "4", "5")
	ack(t, x, ds[0], ds[2], ds[5])
	if _, ok := x.Received(ds[3].PacketID); !ok {
		t.Fatal("not in flight")
	}
	closeStore(t, s)
	for range 2 { // what replay learnt must get through another acknowledgement and another restart
		s, _ = open(t, disk, small)
		x = s.Session(x.Number())
		x.Resume(0)
		next(t, x)
		commit(t, s)
		next(t, x, "1", "release", "4")
		closeStore(t, s)
	}
	s, _ = open(t, disk, small)
	x = s.Session(x.Number())
	x.Resume(0)
	next(t, x)
	commit(t, s)
	ds = next(t, x, "1", "release", "4")
	ack(t, x, ds[2])
	closeStore(t, s)
	s, _ = open(t, disk, small)
	x = s.Session(x.Number())
	x.Resume(0)
	next(t, x)
	commit(t, s)
	next(t, x, "1", "release")
}

func TestExpiredIsNotDelivered(t *testing.T) {
	var now time.Duration
	o := small
	o.Boot = queue.Boot{ID: [16]byte{1}, Clock: func() time.Duration { return now }}
	disk := vfs.NewDisk()
	s, _ := open(t, disk, o)
	x := create(t, s, queue.SessionOptions{})
	for i, seconds := range []uint32{10, 100, 10, 0} {
		m := message("%d", i)
		m.Expiry, m.HasExpiry = seconds, seconds > 0
		publish(t, s, m, at(x, 1))
	}
	commit(t, s)
	crashed := disk.Killed()
	now += 11 * time.Second
	s, _ = open(t, crashed, o)
	x = s.Session(x.Number())
	x.Resume(0)
	next(t, x)
	commit(t, s)
	next(t, x, "1", "3")
	if n := s.Stats().Expired; n != 2 {
		t.Errorf("%d expired", n)
	}
}

func TestEndedSessionIsIgnored(t *testing.T) {
	disk := vfs.NewDisk()
	s, _ := open(t, disk, small)
	x := create(t, s, queue.SessionOptions{})
	other := create(t, s, queue.SessionOptions{})
	publish(t, s, message("before"), at(x, 1))
	b := s.NewBatch()
	b.End(x)
	apply(t, s, b)
	publish(t, s, message("after"), at(x, 1), at(other, 1))
	x.Resume(0)
	next(t, x)
	closeStore(t, s)
	s, _ = open(t, disk, small)
	if s.Session(x.Number()) != nil {
		t.Error("the session came back")
	}
	if n := create(t, s, queue.SessionOptions{}).Number(); n <= other.Number() {
		t.Errorf("number %d was used before", n)
	}
	v := s.NewVolatile(queue.SessionOptions{})
	v.Drop()
	v.Resume(0)
	publish(t, s, message("dropped"), at(v, 0))
	if v.Waiting() || v.Durable() {
		t.Error("a dropped session goes on")
	}
}

func TestUnfinished(t *testing.T) {
	o, disk := small, vfs.NewDisk()
	o.Boot = queue.Boot{ID: [16]byte{1}, Clock: func() time.Duration { return 0 }}
	s, _ := open(t, disk, o)
	x := create(t, s, queue.SessionOptions{RingMessages: 2})
	for i := range 5 {
		publish(t, s, message("%d", i), at(x, 1))
	}
	commit(t, s)
	want := func(n uint64) {
		t.Helper()
		if got := x.Unfinished(); got != n {
			t.Fatalf("%d unfinished, want %d", got, n)
		}
	}
	want(5)
	x.Resume(0)
	ack(t, x, next(t, x, "0", "1")[1])
	commit(t, s)
	want(4)
	o.Boot.ID[0] = 2 // a loss of power: ordinals are skipped
	s, _ = open(t, disk.Killed(), o)
	x = s.Session(x.Number())
	x.Resume(0)
	x.Next(nil, 0)
	for range 3 {
		commit(t, s)
		ack(t, x, x.Next(nil, 10)...)
	}
	want(0)
}
