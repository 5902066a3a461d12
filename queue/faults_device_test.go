package queue_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"skerry/queue"
	"skerry/queue/vfs"
)

// everything takes and acknowledges all that a session is owed, and gives what was a message.
func everything(t *testing.T, s *queue.Store, number uint64) (all []queue.Delivery) {
	t.Helper()
	x := s.Session(number)
	if x == nil {
		t.Fatalf("session %d is gone", number)
	}
	x.Resume(0)
	for idle := 0; idle < 3; idle++ {
		ds := x.Next(nil, 10_000)
		ack(t, x, ds...)
		commit(t, s)
		if len(ds) > 0 {
			idle = 0
		}
		all = append(all, slices.DeleteFunc(ds, func(d queue.Delivery) bool { return d.Release })...)
	}
	if n := x.Unfinished(); n > 0 {
		t.Errorf("%d deliveries are owed, and nothing comes", n)
	}
	return all
}

// numbered counts from one to another.
func numbered(from, to int) (all []string) {
	for i := from; i <= to; i++ {
		all = append(all, fmt.Sprintf("%0100d", i))
	}
	return all
}

func publishNumbers(t *testing.T, s *queue.Store, x *queue.Session, from, to int) {
	t.Helper()
	for i := from; i <= to; i++ {
		publish(t, s, message("%0100d", i), at(x, byte(1+i%2)))
	}
}

// TestTornTail cuts the power in the write of a group of many blocks: of each block that was under way any part may be
// there, or rubbish. What was durable before is complete, what follows is not damaged by what is left.
func TestTornTail(t *testing.T) {
	torn := 0
	for seed := range uint64(40) {
		disk := vfs.NewDisk()
		s, _ := open(t, disk, small)
		x := create(t, s, queue.SessionOptions{})
		publishNumbers(t, s, x, 1, 20)
		commit(t, s)
		publishNumbers(t, s, x, 21, 200) // about twenty blocks
		disk.CutAt(disk.Ops() + 1 + int(seed%3))
		if s.Commit() == nil {
			continue
		}
		disk = disk.Crash(rand.New(rand.NewPCG(seed, 1)), vfs.Garbling)
		s, r := open(t, disk, small)
		torn += r.Report.TornBlocks
		if r.Report.Damaged != 0 || r.Report.LostRecords != 0 || len(r.Report.Quarantined) != 0 {
			t.Fatalf("seed %d: a torn group is taken for damage: %+v", seed, r.Report)
		}
		got := texts(everything(t, s, x.Number()))
		if len(got) < 20 || !slices.Equal(got, numbered(1, len(got))) {
			t.Fatalf("seed %d: %d messages, not the first of all", seed, len(got))
		}
		publishNumbers(t, s, s.Session(x.Number()), len(got)+1, 300)
		closeStore(t, s)
		s, r = open(t, disk, small)
		if r.Report.Damaged != 0 {
			t.Errorf("seed %d: the next start: %+v", seed, r.Report)
		}
		if again := texts(everything(t, s, x.Number())); !slices.Equal(again, numbered(len(got)+1, 300)) {
			t.Errorf("seed %d: after the next start %d messages, %d were published", seed, len(again), 300-len(got))
		}
		closeStore(t, s)
	}
	if torn == 0 {
		t.Error("no group was torn")
	}
}

// TestSessionsKeepOrdinalsThroughDamage destroys blocks in the middle: every message that is left keeps its packet id, the lost ones
// are counted, the slot is copied, and new messages go on behind.
func TestSessionsKeepOrdinalsThroughDamage(t *testing.T) {
	disk := vfs.NewDisk()
	s, _ := open(t, disk, kernel(1))
	x, y := create(t, s, queue.SessionOptions{}), create(t, s, queue.SessionOptions{})
	for i := range 300 {
		publish(t, s, message("%0100d", i), at(x, 2), at(y, byte(i%2)))
		if i%10 == 9 {
			commit(t, s)
		}
	}
	closeStore(t, s)
	ids := map[string]uint16{}
	s, _ = open(t, disk.Crash(rand.New(rand.NewPCG(1, 1)), vfs.Fate{Whole: 1}), kernel(1))
	for _, d := range slices.Concat(everything(t, s, x.Number()), everything(t, s, y.Number())) {
		ids[fmt.Sprint(d.QoS, string(d.Message.Payload))] = d.PacketID
	}
	damaged := slots(t, disk)["q/log/slot-0000"]
	copy(damaged[12<<10:], bytes.Repeat([]byte{0xa5}, 4<<10))
	overwrite(t, disk, "q/log/slot-0000", 12<<10, damaged[12<<10:16<<10])

	s, r := open(t, disk, kernel(1))
	if r.Report.Damaged == 0 || r.Report.LostRecords < 25 || r.Report.LostRecords > 40 || len(r.Report.Quarantined) != 1 {
		t.Fatalf("report %+v", r.Report)
	}
	if !bytes.Equal(slots(t, disk)[r.Report.Quarantined[0]], damaged) {
		t.Errorf("%s is no copy of the damaged slot", r.Report.Quarantined[0])
	}
	left := 0
	for _, d := range slices.Concat(everything(t, s, x.Number()), everything(t, s, y.Number())) {
		left++
		if want := ids[fmt.Sprint(d.QoS, string(d.Message.Payload))]; d.PacketID != want {
			t.Errorf("message %s has packet id %d, and had %d", d.Message.Payload, d.PacketID, want)
		}
	}
	if lost := len(ids) - left; lost < 35 || lost > 60 {
		t.Errorf("%d of %d deliveries are left", left, len(ids))
	}
	publish(t, s, message("after"), at(s.Session(x.Number()), 2))
	closeStore(t, s)
	s, _ = open(t, disk, kernel(1))
	if got := texts(everything(t, s, x.Number())); got[len(got)-1] != "after" {
		t.Errorf("the last is %q", got[len(got)-1])
	}
}

// TestIDsOfLostMessagesAreFreed destroys the last messages of a log that was closed: nothing tells how many there were, and the
// receiver holds their packet ids, which PUBREL has to free before other messages get them.
func TestIDsOfLostMessagesAreFreed(t *testing.T) {
	disk := vfs.NewDisk()
	s, _ := open(t, disk, kernel(1))
	x := create(t, s, queue.SessionOptions{PacketIDs: queue.Range{First: 1, Count: 100}})
	x.Resume(0)
	held := map[uint16]bool{}
	for i := range 10 {
		publish(t, s, message("%s", strings.Repeat(string('a'+rune(i)), 900)), at(x, 2))
		commit(t, s)
		for _, d := range x.Next(nil, 10) {
			held[d.PacketID] = true
		}
	}
	b := s.NewBatch()
	b.Put(1, "what follows", make([]byte, 3000))
	apply(t, s, b)
	closeStore(t, s)
	slot := slots(t, disk)["q/log/slot-0000"]
	for _, lost := range []string{"ggg", "hhh", "iii", "jjj"} {
		for i := range len(slot) / small.BlockSize {
			if at := i * small.BlockSize; bytes.Contains(slot[at:at+small.BlockSize], []byte(lost)) {
				overwrite(t, disk, "q/log/slot-0000", int64(at), make([]byte, small.BlockSize))
			}
		}
	}
	s, r := open(t, disk, kernel(1))
	if r.Report.Unclean || r.Report.Damaged == 0 {
		t.Fatalf("report %+v", r.Report)
	}
	x = s.Session(x.Number())
	for range 120 {
		publish(t, s, message("new"), at(x, 2))
	}
	x.Resume(0)
	for range 200 {
		for _, d := range x.Next(nil, 10) {
			switch {
			case d.Release:
				delete(held, d.PacketID)
			case held[d.PacketID] && string(d.Message.Payload) == "new":
				t.Fatalf("a new message has packet id %d, which the receiver holds", d.PacketID)
			default:
				x.Received(d.PacketID)
			}
			x.Ack(d.PacketID)
			delete(held, d.PacketID)
		}
		commit(t, s)
	}
	if n := x.Unfinished(); n > 0 {
		t.Errorf("%d are owed for ever", n)
	}
}

// TestNothingIsWrittenTwiceAfterAnError fails each write and each sync of a run, one after the other, and watches the offsets: what a
// failed operation may have left half done, with its pages marked clean, is never written again, and nothing is lost.
func TestNothingIsWrittenTwiceAfterAnError(t *testing.T) {
	const messages = 30
	failed := 0
	for fail := 1; ; fail++ {
		disk := vfs.NewDisk()
		s, _ := open(t, disk, small)
		x := create(t, s, queue.SessionOptions{})
		commit(t, s)
		w := &watch{t: t, fail: fail, sincesync: map[string][][2]int64{}, never: map[string][][2]int64{}}
		disk.Hook(w.operation)
		for i := range messages {
			publish(t, s, message("%0500d", i), at(x, 1))
			if err := s.Commit(); err != nil {
				t.Fatalf("operation %d failed, and the store is down: %v", fail, err)
			}
		}
		disk.Hook(nil)
		_ = s.Close()
		if !w.failed {
			break
		}
		failed++
		s, r := open(t, disk.Crash(rand.New(rand.NewPCG(1, 1)), vfs.Fate{Dropped: 1}), small)
		if got := everything(t, s, x.Number()); len(got) != messages || r.Report.Damaged != 0 {
			t.Errorf("operation %d failed: %d messages, %+v", fail, len(got), r.Report)
		}
	}
	if failed < 2*messages {
		t.Errorf("%d operations were made to fail", failed)
	}
}

// watch fails one write or sync of slots, and looks at what is written after that.
type watch struct {
	t         *testing.T
	n, fail   int
	failed    bool
	sincesync map[string][][2]int64
	never     map[string][][2]int64
}

func (w *watch) operation(op vfs.Op) error {
	if !strings.Contains(op.Name, "slot-") || op.Kind != vfs.OpWrite && op.Kind != vfs.OpSync {
		return nil
	}
	span := [2]int64{op.Offset, op.Offset + int64(op.Length)}
	if op.Kind == vfs.OpWrite {
		for _, bad := range w.never[op.Name] {
			if span[0] < bad[1] && bad[0] < span[1] && span[0] > 0 {
				w.t.Errorf("operation %d failed, and %s is written again at %v", w.fail, op.Name, span)
			}
		}
		w.sincesync[op.Name] = append(w.sincesync[op.Name], span)
	}
	if w.n++; w.n == w.fail {
		w.failed = true
		w.never[op.Name] = append(w.never[op.Name], w.sincesync[op.Name]...)
		return syscall.EIO
	}
	if op.Kind == vfs.OpSync {
		delete(w.sincesync, op.Name)
	}
	return nil
}

// TestReadOnlyRemount is what a kernel does to a file system with errors: the store goes down, what needs no disk goes on, a
// restart says why it cannot open, and when the disk can be written again everything is there.
func TestReadOnlyRemount(t *testing.T) {
	disk := vfs.NewDisk()
	s, _ := open(t, disk, small)
	x, v := create(t, s, queue.SessionOptions{}), s.NewVolatile(queue.SessionOptions{})
	publishNumbers(t, s, x, 1, 50)
	commit(t, s)
	disk.SetReadOnly(true)
	publishNumbers(t, s, x, 51, 51)
	if err := s.Commit(); err == nil {
		t.Error("a commit to a read-only disk")
	}
	if _, err := s.Publish(message("refused"), []queue.Target{at(x, 1)}); err == nil {
		t.Error("taken, although nothing can be made durable")
	}
	v.Resume(0)
	publish(t, s, &queue.Message{TopicName: "q0", Payload: []byte("flows")}, at(v, 0))
	next(t, v, "flows")
	_ = s.Close()
	if s, _, err := queue.Open(disk, "q", small); err == nil {
		t.Error("opened on a read-only disk")
		_ = s.Close()
	} else if !strings.Contains(err.Error(), "read-only") {
		t.Errorf("the error does not say why: %v", err)
	}
	disk.SetReadOnly(false)
	s, r := open(t, disk, small)
	if got := texts(everything(t, s, x.Number())); len(got) < 50 || !slices.Equal(got[:50], numbered(1, 50)) || r.Report.Damaged != 0 {
		t.Errorf("%d messages, report %+v", len(got), r.Report)
	}
}

// TestUnreadableBlocks lets reads of one slot fail while the store opens and while it delivers: that is damage, not a reason to
// stop.
func TestUnreadableBlocks(t *testing.T) {
	const n = 400
	disk := vfs.NewDisk()
	s, _ := open(t, disk, small)
	x := create(t, s, queue.SessionOptions{RingMessages: 10})
	for i := range n {
		publish(t, s, message("%0500d", i), at(x, 1))
		if i%10 == 9 {
			commit(t, s)
		}
	}
	closeStore(t, s)
	bad := func(op vfs.Op) error {
		if op.Name == "q/log/slot-0001" && op.Offset < 20<<10 && op.Offset+int64(op.Length) > 10<<10 {
			return syscall.EIO
		}
		return nil
	}
	t.Run("while opening", func(t *testing.T) {
		d := disk.Crash(rand.New(rand.NewPCG(1, 1)), vfs.Fate{Whole: 1})
		d.HookReads(bad)
		s, r := open(t, d, small)
		got := everything(t, s, x.Number())
		if len(got) < n-40 || len(got) == n || r.Report.Damaged == 0 && s.Stats().Damaged == 0 {
			t.Errorf("%d messages, report %+v, %+v", len(got), r.Report, s.Stats())
		}
		if string(got[len(got)-1].Message.Payload) != fmt.Sprintf("%0500d", n-1) {
			t.Error("the last message is not there")
		}
	})
	t.Run("while delivering", func(t *testing.T) {
		d := disk.Crash(rand.New(rand.NewPCG(1, 1)), vfs.Fate{Whole: 1})
		s, _ := open(t, d, small)
		d.HookReads(bad)
		got := everything(t, s, x.Number())
		if len(got) < n-40 || len(got) == n || s.Stats().Damaged == 0 {
			t.Errorf("%d messages, %+v", len(got), s.Stats())
		}
		if lost := s.Stats().LostRecords; lost != uint64(n-len(got)) {
			t.Errorf("%d of %d messages came, and %d records are counted as lost", len(got), n, lost)
		}
	})
}

// TestUnreadableOnce has the last messages of a session unreadable at one start and readable from then on, or from the
// next start: nothing that was acknowledged after it is lost, although the packet ids that were skipped then are others.
func TestUnreadableOnce(t *testing.T) {
	for _, qos := range []byte{1, 2} {
		for _, healed := range []bool{false, true} {
			t.Run(fmt.Sprintf("QoS %d, healed %t", qos, healed), func(t *testing.T) { unreadableOnce(t, qos, healed) })
		}
	}
}

func unreadableOnce(t *testing.T, qos byte, healed bool) {
	disk := vfs.NewDisk()
	s, _ := open(t, disk, kernel(1))
	x, y := create(t, s, queue.SessionOptions{PacketIDs: queue.Range{First: 1, Count: 2000}}), create(t, s, queue.SessionOptions{})
	for i := range 30 {
		publishTen(t, s, fmt.Sprint("early ", i), at([]*queue.Session{x, y}[min(i/12, 1)], qos))
	}
	disk = disk.Killed()
	disk.HookReads(func(op vfs.Op) error {
		if op.Name == "q/log/slot-0000" && op.Offset < 30<<10 && op.Offset+int64(op.Length) > 10<<10 {
			return syscall.EIO
		}
		return nil
	})
	s, r := open(t, disk, kernel(2))
	if r.Report.Damaged == 0 {
		t.Fatalf("report %+v", r.Report)
	}
	if healed {
		disk.HookReads(nil)
	}
	for i := range 30 {
		publishTen(t, s, fmt.Sprint("later ", i), at(s.Session(x.Number()), qos))
	}
	disk = disk.Killed()
	s, _ = open(t, disk, kernel(2))
	got := texts(everything(t, s, x.Number()))
	later := 0
	for _, text := range got {
		if strings.HasPrefix(text, "later") {
			later++
		}
	}
	if later != 300 {
		t.Errorf("%d of 300 messages came, and %d of before", later, len(got)-later)
	}
}

func publishTen(t *testing.T, s *queue.Store, what string, to queue.Target) {
	t.Helper()
	for i := range 10 {
		publish(t, s, message("%-100s%d", what, i), to)
	}
	commit(t, s)
}

// TestUnreadableEnd: what cannot be read at the end of the log may have been acknowledged, and no block behind it tells.
// It is reported, and receivers release the packet ids that they may hold for it before others get them.
func TestUnreadableEnd(t *testing.T) {
	disk := vfs.NewDisk()
	s, _ := open(t, disk, kernel(1))
	x := create(t, s, queue.SessionOptions{})
	for i := range 10 {
		publishTen(t, s, fmt.Sprint(i), at(x, 2))
	}
	x.Resume(0)
	held := map[uint16]bool{}
	for _, d := range x.Next(nil, 1000) {
		held[d.PacketID] = true
	}
	if len(held) != 100 {
		t.Fatalf("%d were received", len(held))
	}
	disk = disk.Killed()
	disk.HookReads(func(op vfs.Op) error {
		if op.Name == "q/log/slot-0000" && op.Offset+int64(op.Length) > 10<<10 {
			return syscall.EIO
		}
		return nil
	})
	s, r := open(t, disk, kernel(1))
	if r.Report.Damaged != 1 || len(r.Report.Quarantined) != 1 {
		t.Errorf("report %+v", r.Report)
	}
	publish(t, s, message("after"), at(s.Session(x.Number()), 2))
	commit(t, s)
	x = s.Session(x.Number())
	x.Resume(0)
	for idle := 0; idle < 5; idle++ {
		for _, d := range x.Next(nil, 1000) {
			switch {
			case d.Release:
				delete(held, d.PacketID)
			case string(d.Message.Payload) == "after" && held[d.PacketID]:
				t.Errorf("packet id %d is taken for a message of before", d.PacketID)
			case string(d.Message.Payload) == "after":
				return
			}
			ack(t, x, d)
			idle = 0
		}
		commit(t, s)
	}
	t.Error("the message did not come")
}

// TestYoungSessionIsSwept: a session of which the log knows no message may have had some that a lying disk forgot. Before its first
// message PUBREL frees the packet ids that were skipped.
func TestYoungSessionIsSwept(t *testing.T) {
	disk := vfs.NewDisk()
	s, _ := open(t, disk, kernel(1))
	x := create(t, s, queue.SessionOptions{PacketIDs: queue.Range{First: 1, Count: 40}})
	commit(t, s)
	lied := disk.Crash(rand.New(rand.NewPCG(1, 1)), vfs.Fate{Whole: 1}) // what is published from here on is forgotten
	for i := range 3 {
		publish(t, s, message("%d", i), at(x, 2))
	}
	commit(t, s)
	s, _ = open(t, lied, kernel(2))
	x = s.Session(x.Number())
	publish(t, s, message("first"), at(x, 2))
	commit(t, s)
	x.Resume(0)
	freed := map[uint16]bool{}
	for _, d := range x.Next(nil, 100) {
		if d.Release {
			freed[d.PacketID] = true
		} else if d.PacketID <= 3 && !freed[d.PacketID] {
			t.Errorf("packet id %d is used again", d.PacketID)
		}
	}
	if !freed[1] || !freed[2] || !freed[3] {
		t.Errorf("freed: %v", freed)
	}
}

// TestReserveDrains fills a file system that says that it has room and makes no more files, as with a quota or without inodes, and
// then takes everything out, with a commit for each few acknowledgements: room for those must be left.
func TestReserveDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := small
		o.Limits.WhenFull = queue.Reject
		disk, made := vfs.NewDisk(), 0
		disk.Hook(func(op vfs.Op) error {
			if op.Kind != vfs.OpCreate || !strings.Contains(op.Name, "slot-") {
				return nil
			}
			if made++; made > 5 {
				return syscall.ENOSPC
			}
			return nil
		})
		s, _ := open(t, disk, o)
		stop := run(t, s)
		x := create(t, s, queue.SessionOptions{RingMessages: 8})
		published := 0
		for ; ; published++ {
			_, err := s.Publish(message("%0700d", published), []queue.Target{at(x, 1)})
			if errors.Is(err, queue.ErrFull) {
				break
			}
			must(t, err)
			synctest.Wait()
		}
		if published < 200 { // three slots of five
			t.Errorf("full after %d messages", published)
		}
		x.Resume(0)
		for taken := 0; taken < published; {
			synctest.Wait()
			ds := x.Next(nil, 1)
			ack(t, x, ds...)
			taken += len(ds)
			time.Sleep(10 * time.Second) // each acknowledgement has a commit of its own
		}
		must(t, s.Err())
		publish(t, s, message("there is room again"), at(x, 1))
		stop()
		closeStore(t, s)
	})
}
