package queue_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/bbolt"

	"skerry/queue"
	"skerry/queue/vfs"
)

var checkpoints = []string{"q/ckpt-a.db", "q/ckpt-b.db"}

// fillSegments publishes to a session until the log has so many segments more.
func fillSegments(t *testing.T, s *queue.Store, segments int, to ...queue.Target) (n int) {
	t.Helper()
	for until := s.Stats().Segments + segments; s.Stats().Segments < until; n++ {
		publish(t, s, message("%04d%0*d", n, 396, 0), to...)
		commit(t, s)
	}
	return n
}

// rest lets the checkpointer of a running store do all that it will do.
func rest(t *testing.T) {
	t.Helper()
	time.Sleep(time.Minute) // of the false clock
	synctest.Wait()
}

// copied is the disk as it is, all of it durable.
func copied(disk *vfs.Disk) *vfs.Disk {
	return disk.Crash(rand.New(rand.NewPCG(1, 1)), vfs.Fate{Whole: 1})
}

// TestReopeningIsBounded: what Open replays does not grow with the backlog, and without checkpoints everything is still
// there as long as no segment was freed.
func TestReopeningIsBounded(t *testing.T) {
	disk := vfs.NewDisk()
	s, _ := open(t, disk, small)
	x := create(t, s, queue.SessionOptions{})
	n := fillSegments(t, s, 12, at(x, 1))
	perSegment := n / 12
	if st := s.Stats(); st.Checkpoints < 10 || st.Covered < 10 || st.CheckpointFailures != 0 {
		t.Errorf("stats %+v", st)
	}
	for _, c := range []struct {
		without []string
		most    int
		used    bool
	}{
		{nil, 2 * perSegment, true},
		{checkpoints[:1], 3 * perSegment, true},
		{checkpoints[1:], 3 * perSegment, true},
		{checkpoints, n + 10, false},
	} {
		disk := copied(disk)
		for _, name := range c.without {
			if err := disk.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
		s, r := open(t, disk, small)
		if r.Report.Records > c.most || (r.Report.Checkpoint != "") != c.used {
			t.Errorf("without %q: %d records were replayed, at most %d: %+v", c.without, r.Report.Records, c.most, r.Report)
		}
		if got := s.Session(x.Number()).Stats(); got.Messages != uint64(n) || got.Bytes != uint64(n*403) {
			t.Errorf("without %q: %+v, want %d messages", c.without, got, n)
		}
		drainAll(t, s, x.Number(), n, 0)
	}
}

// drainAll takes messages numbered from first on and acknowledges them.
func drainAll(t *testing.T, s *queue.Store, number uint64, n, first int) {
	t.Helper()
	stop := run(t, s)
	i := first
	x := s.Session(number)
	x.Resume(0)
	drain(t, x, n, func(d queue.Delivery) {
		if !strings.HasPrefix(string(d.Message.Payload), fmt.Sprintf("%04d", i)) {
			t.Fatalf("got %.4s, want %d", d.Message.Payload, i)
		}
		i++
	})
	stop()
}

// TestSpaceComesBack: after a drain less than three slots are left, and what is published then survives.
func TestSpaceComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := vfs.NewDisk()
		s, _ := open(t, disk, small)
		x := create(t, s, queue.SessionOptions{})
		n := fillSegments(t, s, 12, at(x, 1))
		stop := run(t, s)
		x.Resume(0)
		drain(t, x, n, func(queue.Delivery) {})
		rest(t)
		if st := s.Stats(); st.Slots > 2 || st.Freed < 11 || st.Damaged != 0 {
			t.Errorf("stats after the drain: %+v", st)
		}
		publish(t, s, message("after"), at(x, 2))
		rest(t)
		stop()
		disk = copied(disk)
		closeStore(t, s)
		s, r := open(t, disk, small)
		if r.Report.Damaged != 0 || r.Report.Checkpoint == "" {
			t.Errorf("report %+v", r.Report)
		}
		_, left := resumed(t, s, x.Number())
		if got := texts(left); !slices.Equal(got, []string{"after"}) {
			t.Errorf("got %q", got)
		}
	})
}

// TestSlowSessionKeepsOnlyWhatItNeeds: segments are freed around those that one session still needs, and its cursor
// goes from one to the other.
func TestSlowSessionKeepsOnlyWhatItNeeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := vfs.NewDisk()
		s, _ := open(t, disk, small)
		slow, fast := create(t, s, queue.SessionOptions{}), create(t, s, queue.SessionOptions{})
		stop := run(t, s)
		fast.Resume(0)
		for i := range 5 {
			publish(t, s, message("%04d", i), at(slow, 1))
			drain(t, fast, fillSegments(t, s, 4, at(fast, 1)), func(queue.Delivery) {})
		}
		rest(t)
		if st := s.Stats(); st.Segments > 7 || st.Freed < 12 {
			t.Errorf("stats %+v", st)
		}
		if st := slow.Stats(); st.Messages != 5 || st.Oldest < time.Minute {
			t.Errorf("the slow session: %+v", st)
		}
		stop()
		disk = copied(disk)
		closeStore(t, s)
		for _, without := range []int{-1, 0, 1} {
			disk := copied(disk)
			if without >= 0 {
				_ = disk.Remove(checkpoints[without])
			}
			s, r := open(t, disk, small)
			if r.Report.Damaged != 0 || r.Report.LostRecords != 0 || r.Report.Lied {
				t.Errorf("report %+v", r.Report)
			}
			drainAll(t, s, slow.Number(), 5, 0)
			closeStore(t, s)
		}
	})
}

// TestEndedSessionIsNeededUntilItsEndIsDurable: a power cut may bring it back.
func TestEndedSessionIsNeededUntilItsEndIsDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := vfs.NewDisk()
		s, _ := open(t, disk, small)
		x, other := create(t, s, queue.SessionOptions{}), create(t, s, queue.SessionOptions{})
		n := fillSegments(t, s, 4, at(x, 1))
		b := s.NewBatch()
		b.End(x)
		b.MayWait()
		var held atomic.Bool
		held.Store(true)
		disk.Hook(func(op vfs.Op) error { // no commit can end while the checkpointer goes on
			for held.Load() && op.Kind == vfs.OpSync && strings.HasPrefix(filepath.Base(op.Name), "slot") {
				time.Sleep(time.Second)
			}
			return nil
		})
		stop := run(t, s)
		apply(t, s, b)
		publish(t, s, message("other"), at(other, 1))
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if st := s.Stats(); st.Freed != 0 {
			t.Errorf("%d segments were freed", st.Freed)
		}
		left, _ := open(t, disk.Crash(rand.New(rand.NewPCG(1, 1)), vfs.Fate{Dropped: 1}), small)
		if got := left.Session(x.Number()).Stats().Messages; got != uint64(n) {
			t.Errorf("%d of %d messages after a power cut", got, n)
		}
		held.Store(false)
		rest(t)
		if st := s.Stats(); st.Segments > 1 {
			t.Errorf("after the end: %+v", st)
		}
		stop()
		closeStore(t, s)
	})
}

// TestUnreadableCheckpoints: rubbish in one costs nothing, in both nothing but time, and they are made again.
func TestUnreadableCheckpoints(t *testing.T) {
	disk := vfs.NewDisk()
	s, _ := open(t, disk, small)
	x := create(t, s, queue.SessionOptions{})
	n := fillSegments(t, s, 6, at(x, 1))
	closeStore(t, s)
	for _, hurt := range [][]string{checkpoints[:1], checkpoints[1:], checkpoints} {
		disk := copied(disk)
		for _, name := range hurt {
			f, err := disk.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			size, err := f.Size()
			if err != nil {
				t.Fatal(err)
			}
			_, _ = f.WriteAt(bytes.Repeat([]byte{0xa5}, int(size)-8192), 8192) // all of it: some pages are free, and rubbish there is none
		}
		s, r := open(t, disk, small)
		if len(r.Report.UnreadableCheckpoints) != len(hurt) || (r.Report.Checkpoint == "") != (len(hurt) == 2) || r.Report.Damaged != 0 || r.Report.Forgotten {
			t.Errorf("rubbish in %q: %+v", hurt, r.Report)
		}
		more := fillSegments(t, s, 5, at(s.Session(x.Number()), 1))
		closeStore(t, s)
		s, r = open(t, copied(disk), small)
		if len(r.Report.UnreadableCheckpoints) != 0 || r.Report.Checkpoint == "" {
			t.Errorf("after rubbish in %q: %+v", hurt, r.Report)
		}
		if got := s.Session(x.Number()).Stats().Messages; got != uint64(n+more) {
			t.Errorf("after rubbish in %q: %d messages of %d", hurt, got, n+more)
		}
	}
}

// TestBothCheckpointsLost after segments were freed: the store opens, says so, and gives no number of a session to
// another one.
func TestBothCheckpointsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := vfs.NewDisk()
		s, _ := open(t, disk, small)
		first, second := create(t, s, queue.SessionOptions{}), create(t, s, queue.SessionOptions{})
		stop := run(t, s)
		first.Resume(0)
		second.Resume(0)
		n := fillSegments(t, s, 6, at(first, 1), at(second, 1))
		drain(t, first, n, func(queue.Delivery) {})
		drain(t, second, n, func(queue.Delivery) {})
		rest(t)
		publish(t, s, message("left"), at(second, 1))
		rest(t)
		stop()
		closeStore(t, s)
		disk = copied(disk)
		for _, name := range checkpoints {
			_ = disk.Remove(name)
		}
		s, r := open(t, disk, small)
		if r.Report.Damaged == 0 || r.Report.Checkpoint != "" || !r.Report.Forgotten {
			t.Errorf("report %+v", r.Report)
		}
		told := false
		_, err := s.Verify(t.Context(), func(f queue.Finding) error {
			told = told || f.Bad && f.Where == "checkpoints"
			return nil
		})
		if err != nil || !told {
			t.Errorf("Verify does not say that checkpoints are missing; %v", err)
		}
		if x := create(t, s, queue.SessionOptions{}); x.Number() <= second.Number() {
			t.Errorf("session %d is new, and %d was in use", x.Number(), second.Number())
		}
		closeStore(t, s)
	})
}

// TestNewerCheckpointIsLeftAlone: a store whose checkpoint is of a newer format is refused, untouched.
func TestNewerCheckpointIsLeftAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "q")
	s, _, err := queue.Open(vfs.OS{}, dir, small)
	if err != nil {
		t.Fatal(err)
	}
	fillSegments(t, s, 2, at(create(t, s, queue.SessionOptions{}), 1))
	closeStore(t, s)
	name := filepath.Join(dir, "ckpt-b.db")
	db, err := bbolt.Open(name, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	format := []byte("SKERRYC\x00\x01\x00\x00\x00\x01\x00\x00\x00")
	format = binary.LittleEndian.AppendUint32(format, crc32.Checksum(format, crc32.MakeTable(crc32.Castagnoli)))
	err = db.Update(func(tx *bbolt.Tx) error { return tx.Bucket([]byte("meta")).Put([]byte("format"), format) })
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	before := content(t, dir)
	if _, _, err := queue.Open(vfs.OS{}, dir, small); !errors.Is(err, queue.ErrFormat) || !strings.Contains(err.Error(), name) {
		t.Errorf("open: %v", err)
	}
	if after := content(t, dir); before != after {
		t.Error("the store was touched")
	}
}

// content is all files of a directory and their bytes.
func content(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		fmt.Fprintf(&all, "%s %d %08x\n", path, len(b), crc32.ChecksumIEEE(b))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// TestCheckpointThatFails: it is logged once, nothing is freed, nothing else suffers, and it is tried again.
func TestCheckpointThatFails(t *testing.T) {
	for _, failure := range []error{syscall.ENOSPC, syscall.EIO} {
		t.Run(failure.Error(), func(t *testing.T) {
			disk := vfs.NewDisk()
			o := small
			var text bytes.Buffer
			o.Log = slog.New(slog.NewTextHandler(&text, nil))
			s, _ := open(t, disk, o)
			x := create(t, s, queue.SessionOptions{})
			x.Resume(0)
			n := fillSegments(t, s, 4, at(x, 1))
			covered := s.Stats().Covered
			disk.Hook(func(op vfs.Op) error {
				if strings.Contains(op.Name, "ckpt") {
					return failure
				}
				return nil
			})
			n += fillSegments(t, s, 4, at(x, 1))
			if st := s.Stats(); st.CheckpointFailures < 2 || st.Covered > covered {
				t.Errorf("while they fail: %+v", st)
			}
			disk.Hook(nil)
			n += fillSegments(t, s, 4, at(x, 1))
			if st := s.Stats(); st.Covered < covered+4 {
				t.Errorf("afterwards: %+v", st)
			}
			if got := strings.Count(text.String(), "could not be written"); got != 1 {
				t.Errorf("logged %d times:\n%s", got, &text)
			}
			if !strings.Contains(text.String(), "can be written again") {
				t.Errorf("no word of the recovery:\n%s", &text)
			}
			s, r := open(t, copied(disk), small)
			if len(r.Report.UnreadableCheckpoints) != 0 || s.Session(x.Number()).Stats().Messages != uint64(n) {
				t.Errorf("report %+v", r.Report)
			}
		})
	}
}
