package queue_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"

	"skerry/queue"
	"skerry/queue/vfs"
)

// TestDiskThatForgot: a checkpoint that knows more than the log is believed, the lie is reported, and packet ids of what is
// lost are swept, those after it skipped, as after a loss of power.
func TestDiskThatForgot(t *testing.T) {
	disk := vfs.NewDisk()
	s, _ := open(t, disk, kernel(1))
	x := create(t, s, queue.SessionOptions{PacketIDs: queue.Range{First: 1, Count: 4000}})
	n := fillSegments(t, s, 3, at(x, 2))
	early := copied(disk)
	for s.Stats().Checkpoints < 12 {
		b := s.NewBatch()
		b.Put(1, fmt.Sprint("before ", n), nil)
		apply(t, s, b)
		n += fillSegments(t, s, 1, at(x, 2))
	}
	for _, name := range checkpoints {
		transplant(t, early, disk, name)
	}
	s, r := open(t, early, kernel(1))
	if !r.Report.Lied || r.Report.Checkpoint == "" || !s.Stats().Lied {
		t.Fatalf("report %+v", r.Report)
	}
	known := maps.Collect(s.Facts(1))
	publish(t, s, message("new"), at(s.Session(x.Number()), 2))
	fillSegments(t, s, 4, at(create(t, s, queue.SessionOptions{}), 1))
	closeStore(t, s)
	for _, name := range checkpoints {
		early := copied(early)
		_ = early.Remove(name)
		s, _ := open(t, early, kernel(1))
		if facts := maps.Collect(s.Facts(1)); len(facts) != len(known) || len(facts) == 0 {
			t.Errorf("without %s %d facts are left of the %d that a checkpoint knew", name, len(facts), len(known))
		}
	}
	s, r = open(t, copied(early), kernel(1))
	if r.Report.Lied || r.Report.Unclean {
		t.Errorf("the next start: %+v", r.Report)
	}
	stop := run(t, s)
	x = s.Session(x.Number())
	x.Resume(0)
	seen, last, wanted := 0, uint64(0), newAlarm()
	x.SetWaker(wanted)
	for done := false; !done; {
		ds := x.Next(nil, 100)
		if len(ds) == 0 {
			wanted.wait(t)
		}
		for _, d := range ds {
			if d.Ordinal != last+1 {
				t.Fatalf("ordinal %d after %d: its packet id would be used again", d.Ordinal, last)
			}
			last = d.Ordinal
			done = !d.Release && string(d.Message.Payload) == "new"
			if !d.Release {
				seen++
				x.Received(d.PacketID)
			}
			ack(t, x, d)
		}
	}
	if seen < 100 || seen >= n || last < uint64(n)+1000 {
		t.Errorf("%d messages of %d were left, the new one has ordinal %d", seen, n, last)
	}
	stop()
}

// transplant copies a file from one disk to another.
func transplant(t *testing.T, to, from *vfs.Disk, name string) {
	t.Helper()
	f, err := from.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	size, _ := f.Size()
	b := make([]byte, size)
	_, err = f.ReadAt(b, 0)
	_ = to.Remove(name)
	g, created := to.Create(name)
	if err := errors.Join(err, created); err != nil {
		t.Fatal(err)
	}
	_, err = g.WriteAt(b, 0)
	if err := errors.Join(err, g.Sync(), to.SyncDir(filepath.Dir(name))); err != nil {
		t.Fatal(err)
	}
}

// TestDamageMetWhileReading: a block of an old segment rots while the store runs. What can be read is delivered, the
// rest is counted and set aside, and the packet ids of QoS 2 deliveries that may have been sent are freed with PUBREL.
func TestDamageMetWhileReading(t *testing.T) {
	disk := vfs.NewDisk()
	s, _ := open(t, disk, small)
	x := create(t, s, queue.SessionOptions{})
	n := fillSegments(t, s, 4, at(x, 2))
	closeStore(t, s)
	s, _ = open(t, disk, small)
	f, err := disk.Open("q/log/slot-0001")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = f.WriteAt(bytes.Repeat([]byte{0xa5}, 1024), 20*1024)
	stop := run(t, s)
	x = s.Session(x.Number())
	woken := newAlarm()
	x.SetWaker(woken)
	x.Resume(0)
	messages, releases := 0, 0
	for messages+releases < n {
		ds := x.Next(nil, 100)
		if len(ds) == 0 {
			woken.wait(t)
		}
		for _, d := range ds {
			if d.Ordinal != uint64(messages+releases+1) {
				t.Fatalf("ordinal %d after %d", d.Ordinal, messages+releases)
			}
			if d.Release {
				releases++
			} else {
				messages++
				x.Received(d.PacketID)
			}
			ack(t, x, d)
		}
	}
	st := s.Stats()
	if releases == 0 || releases > 40 || st.Damaged != 1 || st.Quarantined != 1 || st.LostRecords == 0 {
		t.Errorf("%d messages, %d releases, %+v", messages, releases, st)
	}
	stop()
	closeStore(t, s)
	if !slices.Contains(disk.Files(), "q/quarantine/segment-2") {
		t.Errorf("no copy of the damaged slot: %q", disk.Files())
	}
}

// TestLogLost: the slots are gone and the checkpoints are there. What they know is kept, the rest is reported as a lie of the
// disk, and the numbers of the log go on behind what they cover.
func TestLogLost(t *testing.T) {
	disk := vfs.NewDisk()
	s, _ := open(t, disk, kernel(1))
	x := create(t, s, queue.SessionOptions{})
	b := s.NewBatch()
	b.Put(1, "k", []byte("v"))
	apply(t, s, b)
	n := fillSegments(t, s, 5, at(x, 2))
	boot := s.Now().Boot
	closeStore(t, s)
	for _, name := range disk.Files() {
		if filepath.Dir(name) == "q/log" {
			if err := disk.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 3 {
		s, r := open(t, disk, kernel(2))
		if v, ok := s.Fact(1, "k"); !ok || string(v) != "v" || r.Report.Checkpoint == "" {
			t.Fatalf("fact %q, report %+v", v, r.Report)
		}
		if s.Now().Boot <= boot {
			t.Errorf("boot %d again", s.Now().Boot)
		}
		boot = s.Now().Boot
		y := create(t, s, queue.SessionOptions{})
		if y.Number() <= x.Number() {
			t.Errorf("session %d again", y.Number())
		}
		publish(t, s, message("new %d", n), at(s.Session(x.Number()), 2))
		fillSegments(t, s, 2, at(y, 1))
		closeStore(t, s)
	}
	s, r := open(t, disk, kernel(2))
	if r.Report.Damaged != 0 || r.Report.Lied || len(r.Report.UnreadableCheckpoints) > 0 {
		t.Errorf("the last start: %+v", r.Report)
	}
	stop := run(t, s)
	x = s.Session(x.Number())
	x.Resume(0)
	woken := newAlarm()
	x.SetWaker(woken)
	last := uint64(0)
	for got := 0; got < 3; {
		ds := x.Next(nil, 100)
		if len(ds) == 0 {
			woken.wait(t)
		}
		for _, d := range ds {
			if d.Ordinal <= last {
				t.Fatalf("ordinal %d after %d", d.Ordinal, last)
			}
			if last = d.Ordinal; !d.Release {
				got++
				x.Received(d.PacketID)
			}
			ack(t, x, d)
		}
	}
	stop()
}

// TestCheckpointsRotWhileRunning: one is made again from the other; when both are gone, and only they knew what was in segments
// that are free, nothing is made in their place that would pass for whole, and the store goes on.
func TestCheckpointsRotWhileRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := vfs.NewDisk()
		o := small
		var text bytes.Buffer
		o.Log = slog.New(slog.NewTextHandler(&text, nil))
		s, _ := open(t, disk, o)
		x := create(t, s, queue.SessionOptions{})
		stop := run(t, s)
		x.Resume(0)
		turnOver := func() {
			drain(t, x, fillSegments(t, s, 3, at(x, 1)), func(queue.Delivery) {})
			rest(t)
		}
		turnOver()
		b := s.NewBatch()
		b.Put(1, "k", nil)
		apply(t, s, b)
		turnOver()
		rot := func(name string) {
			f, err := disk.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = f.WriteAt(bytes.Repeat([]byte{0xa5}, 2*4096), 0)
		}
		for _, name := range checkpoints {
			rot(name)
			turnOver()
			if st := s.Stats(); st.CheckpointFailures != 0 || st.Slots > 3 {
				t.Fatalf("after %s: %+v\n%s", name, st, &text)
			}
			turnOver() // the other one is looked at too
		}
		for _, name := range checkpoints {
			rot(name)
		}
		freed := s.Stats().Freed
		turnOver()
		if st := s.Stats(); st.CheckpointFailures == 0 || st.Freed > freed || !bytes.Contains(text.Bytes(), []byte("both have become unreadable")) {
			t.Errorf("after both: %+v\n%s", st, &text)
		}
		stop()
		closeStore(t, s)
		s, r := open(t, copied(disk), o)
		if r.Report.Damaged == 0 || len(r.Report.UnreadableCheckpoints) == 0 {
			t.Errorf("report %+v", r.Report)
		}
		closeStore(t, s)
	})
}
