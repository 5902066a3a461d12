package queue_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"skerry/queue"
	"skerry/queue/vfs"
)

// peeked are the payloads that Peek shows, with a mark of their state.
func peeked(x *queue.Session, most int) (all []string) {
	for w := range x.Peek() {
		text := "release"
		if w.Message != nil {
			text = string(w.Message.Payload)
		}
		if w.InFlight {
			text += " in flight"
		}
		if all = append(all, text); len(all) == most {
			break
		}
	}
	return all
}

// TestPeek shows what is in flight, in the ring, on the disk and on its way there, in this order, and takes nothing.
func TestPeek(t *testing.T) {
	s, _ := open(t, vfs.NewDisk(), small)
	defer closeStore(t, s)
	x := create(t, s, queue.SessionOptions{RingMessages: 4, Window: 3})
	var want []string
	for i := range 30 {
		publish(t, s, message("%d", i), at(x, byte(1+i%2)))
		want = append(want, fmt.Sprint(i))
		if i < 25 {
			commit(t, s)
		}
	}
	if got := peeked(x, 100); !slices.Equal(got, want) {
		t.Errorf("before: %q", got)
	}
	x.Resume(0)
	commit(t, s)
	ds := x.Next(nil, 3)
	if _, ok := x.Received(ds[1].PacketID); !ok {
		t.Fatal("no PUBREC")
	}
	ack(t, x, ds[0])
	want = append([]string{"release in flight", "2 in flight"}, want[3:]...)
	for range 2 {
		if got := peeked(x, 100); !slices.Equal(got, want) {
			t.Errorf("in the middle: %q, not %q", got, want)
		}
	}
	if got := peeked(x, 4); !slices.Equal(got, want[:4]) {
		t.Errorf("the first four: %q", got)
	}
	commit(t, s)
	if got := len(x.Next(nil, 100)); got != 1 { // the window is three
		t.Errorf("%d deliveries behind a peek", got)
	}
}

// TestPeekAfterRestart: what waits is all on the disk then, and says that it may have been sent.
func TestPeekAfterRestart(t *testing.T) {
	disk := vfs.NewDisk()
	s, _ := open(t, disk, small)
	x := create(t, s, queue.SessionOptions{})
	publish(t, s, message("a"), at(x, 1))
	publish(t, s, message("b"), at(x, 2))
	closeStore(t, s)
	s, _ = open(t, disk, small)
	defer closeStore(t, s)
	for w := range s.Session(1).Peek() {
		if w.InFlight || !w.Dup || w.Age < 0 || w.PacketID == 0 {
			t.Errorf("%+v", w)
		}
	}
	if got := peeked(s.Session(1), 10); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("%q", got)
	}
}

// TestPurge drops what waits, wherever it is; QoS 2 ends as it must, also behind a restart.
func TestPurge(t *testing.T) {
	for _, connected := range []bool{true, false} {
		t.Run(fmt.Sprintf("connected %v", connected), func(t *testing.T) {
			disk := vfs.NewDisk()
			s, _ := open(t, disk, small)
			x := create(t, s, queue.SessionOptions{RingMessages: 4, Window: 3})
			other := create(t, s, queue.SessionOptions{})
			for i := range 40 {
				publish(t, s, message("%d", i), at(x, byte(1+i%2)), at(other, 1))
				if i < 30 {
					commit(t, s)
				}
			}
			x.Resume(0)
			commit(t, s)
			ds := x.Next(nil, 3) // 0 and 2 at QoS 1, 1 at QoS 2
			if len(ds) != 3 {
				t.Fatalf("%q", texts(ds))
			}
			if !connected {
				x.Suspend()
			}
			messages, bytes, r, err := x.Purge()
			if err != nil || r == 0 {
				t.Fatal(err)
			}
			want := uint64(40)
			if connected {
				want = 37
			}
			if st := x.Stats(); messages != want || bytes == 0 || st.Messages != 40-want || st.Dropped[queue.DroppedPurged] != want {
				t.Errorf("%d messages of %d bytes purged; %+v", messages, bytes, st)
			}
			if again, _, _, err := x.Purge(); again != 0 || err != nil {
				t.Errorf("%d more, %v", again, err)
			}
			if connected {
				if got := peeked(x, 100); !slices.Equal(got, []string{"0 in flight", "1 in flight", "2 in flight"}) {
					t.Errorf("%q", got)
				}
				ack(t, x, ds[0], ds[2])
				if _, ok := x.Received(ds[1].PacketID); !ok {
					t.Error("no PUBREC")
				}
				ack(t, x, ds[1])
			}
			commit(t, s)
			if !connected {
				x.Resume(0)
				if rest := x.Next(nil, 100); !slices.Equal(texts(rest), []string{"release"}) || rest[0].PacketID != ds[1].PacketID {
					t.Fatalf("%q", texts(rest)) // PUBREL of what was in flight
				}
			}
			closeStore(t, s)

			s, _ = open(t, disk, small)
			defer closeStore(t, s)
			x = s.Session(1)
			x.Resume(0)
			publish(t, s, message("new"), at(x, 2))
			commit(t, s)
			got := texts(x.Next(nil, 100))
			if got = slices.DeleteFunc(got, func(s string) bool { return s == "release" }); !slices.Equal(got, []string{"new"}) {
				t.Errorf("behind a restart: %q", got)
			}
			if n := s.Session(2).Stats().Messages; n != 40 {
				t.Errorf("%d messages for the other", n)
			}
		})
	}
}

// TestPurgeGivesSpaceBack: what nobody is owed needs no slots.
func TestPurgeGivesSpaceBack(t *testing.T) {
	disk := vfs.NewDisk()
	s, _ := open(t, disk, small)
	defer closeStore(t, s)
	x := create(t, s, queue.SessionOptions{})
	for i := range 2000 {
		publish(t, s, message("%d %200d", i, i), at(x, 1))
		if i%50 == 0 {
			commit(t, s)
		}
	}
	commit(t, s)
	before := s.Stats().Segments
	if _, _, _, err := x.Purge(); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(time.Minute)
	for s.Stats().Segments > 3 && time.Now().Before(deadline) {
		publish(t, s, message("a"), at(x, 1))
		commit(t, s)
		if _, _, _, err := x.Purge(); err != nil {
			t.Fatal(err)
		}
	}
	if after := s.Stats().Segments; before < 5 || after > 3 {
		t.Errorf("%d segments before, %d after", before, after)
	}
}

func verify(t testing.TB, s *queue.Store) (v queue.Verified, bad []string) {
	t.Helper()
	v, err := s.Verify(t.Context(), func(f queue.Finding) error {
		if f.Bad {
			bad = append(bad, f.Where+": "+f.What)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return v, bad
}

// TestVerify: a sound store is sound, and every kind of damage is found where it is.
func TestVerify(t *testing.T) {
	clean := midway(t)
	s, _ := open(t, clean, small)
	v, bad := verify(t, s)
	if len(bad) > 0 || v.Deliveries < 500 || v.Missing > 0 || v.Messages < 300 || v.Checkpoints != 2 || v.Slots < 3 {
		t.Errorf("%+v %q", v, bad)
	}
	closeStore(t, s)
	for name, c := range map[string]struct {
		file  string
		at    int64
		where string
	}{
		"a block":                {"q/log/slot-0001", 5000, "slot-0001"},
		"the first copy":         {"q/log/slot-0001", 90, "slot-0001: its header"},
		"the second copy":        {"q/log/slot-0001", 512 + 90, "slot-0001: its header"},
		"a checkpoint":           {"q/ckpt-a.db", 9000, "ckpt-a.db: unreadable"},
		"the other checkpoint":   {"q/ckpt-b.db", 9000, "ckpt-b.db: unreadable"},
		"the end of the log":     {"q/log/slot-0002", 1100, "slot-0002"},
		"all of a slot's header": {"q/log/slot-0001", -1, "slot-0001: its header"},
	} {
		t.Run(name, func(t *testing.T) {
			disk := clean.Crash(rand.New(rand.NewPCG(1, 1)), vfs.Fate{Whole: 1})
			f, err := disk.Open(c.file)
			if err != nil {
				t.Fatal(err)
			}
			rubbish := []byte("rubbish")
			if strings.Contains(c.file, "ckpt") { // some of its pages are free
				rubbish = bytes.Repeat(rubbish, 4000)
			}
			if c.at < 0 {
				rubbish, c.at = make([]byte, 1024), 0
			}
			if _, err := f.WriteAt(rubbish, c.at); err != nil {
				t.Fatal(err)
			}
			s, _ := open(t, disk, small)
			defer closeStore(t, s)
			if _, bad := verify(t, s); !slices.ContainsFunc(bad, func(b string) bool { return strings.HasPrefix(b, c.where) }) {
				t.Errorf("%q", bad)
			}
		})
	}
}

// TestVerifyLive reads beside a station that is busy, and takes nothing for damage.
func TestVerifyLive(t *testing.T) {
	s, _ := open(t, vfs.NewDisk(), small)
	stop := run(t, s)
	x := create(t, s, queue.SessionOptions{})
	x.Resume(0)
	if err := s.Wait(t.Context(), publish(t, s, message("it runs"), at(x, 1))); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 3000 {
			if _, err := s.Publish(message("%d %200d", i, i), []queue.Target{at(x, 1)}); err != nil {
				return
			}
			for _, d := range x.Next(nil, 10) {
				x.Ack(d.PacketID)
			}
		}
	}()
	for more := true; more; {
		select {
		case <-done:
			more = false
		default:
		}
		v, bad := verify(t, s)
		if len(bad) > 0 || !v.Live {
			t.Fatalf("%+v %q", v, bad)
		}
	}
	stop()
	closeStore(t, s)
}

// TestVerifyStops with those who asked.
func TestVerifyStops(t *testing.T) {
	s, _ := open(t, midway(t), small)
	defer closeStore(t, s)
	gone := errors.New("gone")
	if _, err := s.Verify(t.Context(), func(queue.Finding) error { return gone }); !errors.Is(err, gone) {
		t.Errorf("%v", err)
	}
}
