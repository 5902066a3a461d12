package queue_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"skerry/queue"
	"skerry/queue/vfs"
)

// kernel gives a store options under which it runs on a machine that was started for the nth time.
func kernel(n byte) queue.Options {
	o := small
	o.Boot = queue.Boot{ID: [16]byte{n}, Clock: func() time.Duration { return 0 }}
	return o
}

// wire is what a client sees of deliveries: payload or "release", and packet id.
func wire(ds []queue.Delivery) (all []string) {
	for i, text := range texts(ds) {
		all = append(all, fmt.Sprint(text, " ", ds[i].PacketID))
	}
	return all
}

// resumed is everything a session gives to a new connection.
func resumed(t *testing.T, s *queue.Store, number uint64) (*queue.Session, []queue.Delivery) {
	t.Helper()
	x := s.Session(number)
	x.Resume(0)
	x.Next(nil, 0)
	commit(t, s) // reads the log
	return x, x.Next(nil, 1000)
}

// TestSweepAfterPowerLoss: after a loss of power a quarter of the packet ids is skipped, because receivers may hold them
// for messages that a lying disk has forgotten. Where QoS 2 was used PUBREL frees them, between the messages before and
// after; and the next starts know of it too, until it is acknowledged.
func TestSweepAfterPowerLoss(t *testing.T) {
	disk := vfs.NewDisk()
	s, _ := open(t, disk, kernel(1))
	ids := queue.SessionOptions{PacketIDs: queue.Range{First: 1, Count: 40}}
	x, y := create(t, s, ids), create(t, s, ids)
	publish(t, s, message("1"), at(x, 2), at(y, 1))
	publish(t, s, message("2"), at(x, 2), at(y, 1))
	commit(t, s)

	disk = disk.Crash(rand.New(rand.NewPCG(1, 1)), vfs.Honest)
	s, r := open(t, disk, kernel(2))
	if !r.Report.PowerLost {
		t.Fatalf("report %+v", r.Report)
	}
	publish(t, s, message("3"), at(s.Session(x.Number()), 2), at(s.Session(y.Number()), 1))
	commit(t, s)
	swept := []string{"1 1", "2 2"}
	for id := 3; id <= 12; id++ {
		swept = append(swept, fmt.Sprint("release ", id))
	}
	swept = append(swept, "3 13")
	unswept := []string{"1 1", "2 2", "3 13"}
	for _, start := range []string{"the first", "the next", "one more"} {
		_, ofX := resumed(t, s, x.Number())
		_, ofY := resumed(t, s, y.Number())
		if got := wire(ofX); !slices.Equal(got, swept) {
			t.Errorf("%s start, QoS 2: %q, want %q", start, got, swept)
		}
		if got := wire(ofY); !slices.Equal(got, unswept) {
			t.Errorf("%s start, QoS 1: %q, want %q", start, got, unswept)
		}
		closeStore(t, s)
		s, _ = open(t, disk, kernel(2))
	}

	x, all := resumed(t, s, x.Number())
	ack(t, x, all...)
	closeStore(t, s)
	s, _ = open(t, disk, kernel(2))
	if _, left := resumed(t, s, x.Number()); len(left) > 0 {
		t.Errorf("after all was acknowledged: %q", wire(left))
	}
}

// TestSweepsAreBounded: a session that is away while the power goes often, and gets a message each time, has PUBREL sent once
// for each packet id, and once more for those of its messages, not once for each loss of power.
func TestSweepsAreBounded(t *testing.T) {
	const losses, ids = 100, 400
	disk := vfs.NewDisk()
	s, _ := open(t, disk, kernel(0))
	x := create(t, s, queue.SessionOptions{PacketIDs: queue.Range{First: 1, Count: ids}})
	for n := range losses {
		publish(t, s, message("%d", n), at(x, 2))
		commit(t, s)
		disk = disk.Killed()
		s, _ = open(t, disk, kernel(byte(n+1)))
		x = s.Session(x.Number())
	}
	x.Resume(0)
	releases, texts := 0, 0
	for idle := 0; idle < 3; idle++ {
		for _, d := range x.Next(nil, 100) {
			idle = 0
			if d.Release {
				releases++
			} else if texts++; string(d.Message.Payload) != fmt.Sprint(texts-1) {
				t.Fatalf("message %s after %d", d.Message.Payload, texts-1)
			}
			ack(t, x, d)
		}
		commit(t, s)
	}
	if texts != losses || releases < ids/4 || releases > ids+losses {
		t.Errorf("%d messages, and PUBREL for %d of %d packet ids", texts, releases, ids)
	}
}

// TestLoansInDoubt: a member of a share that has skipped packet ids, and has no message in the log, sweeps before its first
// loan. When it did so at the first message of its own, PUBREL ended the loans that were in flight.
func TestLoansInDoubt(t *testing.T) {
	disk := vfs.NewDisk()
	s, _ := open(t, disk, kernel(1))
	member := create(t, s, queue.SessionOptions{PacketIDs: queue.Range{First: 1, Count: 8}})
	x := create(t, s, queue.SessionOptions{PacketIDs: queue.Range{First: 1, Count: 1}, Shared: true})
	commit(t, s)

	disk = disk.Crash(rand.New(rand.NewPCG(1, 1)), vfs.Honest)
	s, r := open(t, disk, kernel(2))
	if !r.Report.PowerLost {
		t.Fatalf("report %+v", r.Report)
	}
	member, x = s.Session(member.Number()), s.Session(x.Number())
	x.SetShared()
	x.Resume(0)
	member.Resume(0)
	give := func(text string, qos byte) {
		t.Helper()
		m := message("%s", text)
		m.QoS = qos
		publish(t, s, m, at(x, 1))
		commit(t, s)
		x.Next(nil, 0)
		if got := x.Give(member, &queue.Share{QoS: 2}); got != queue.Gave {
			t.Fatalf("Give %s: %d", text, got)
		}
		commit(t, s)
	}
	for _, step := range []struct {
		text string
		qos  byte
		want []string
	}{
		{"lent", 1, []string{"release 1", "release 2", "lent 3"}},
		{"bound", 2, []string{"bound 4"}},
	} {
		give(step.text, step.qos)
		if got := wire(member.Next(nil, 100)); !slices.Equal(got, step.want) {
			t.Errorf("%q, want %q", got, step.want)
		}
	}
}
