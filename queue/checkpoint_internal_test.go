package queue

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"skerry/queue/vfs"
)

// dump is everything that Open found, in words. Two dumps are equal if no caller could tell the stores apart.
func dump(s *Store, rec *Recovery) string {
	var b strings.Builder
	fmt.Fprintf(&b, "boot %d session %d skipped %t unclean %t lost %t end %v\n", s.boot, s.sessionNumber.Load(), s.skipped, rec.Report.Unclean, rec.Report.PowerLost, s.log.End())
	for _, u := range s.runs {
		fmt.Fprintf(&b, "run %+v\n", u)
	}
	for x := range s.Sessions() {
		fmt.Fprintf(&b, "session %d %+v next %d pulled %d want %d spilled %t cursor %v\n", x.number, *x.o, x.next, x.pulled, x.want, x.spilled, x.cursor)
		fmt.Fprintf(&b, "  complete %v released %v sweeps %v second %t hurt %t\n", x.complete, x.released, x.sweeps, x.second, x.hurt)
		fmt.Fprintf(&b, "  held %v load %v logged %v drops %v cleared %v\n", slices.Sorted(maps.Keys(x.held)), x.load, x.logged, x.drops, x.cleared)
		for _, k := range x.marks {
			fmt.Fprintf(&b, "  mark %+v\n", k)
		}
	}
	for _, space := range slices.Sorted(maps.Keys(s.facts)) {
		for _, key := range slices.Sorted(maps.Keys(s.facts[space])) {
			fmt.Fprintf(&b, "fact %d %.40q %x\n", space, key, s.facts[space][key])
		}
	}
	for _, m := range rec.Retained {
		fmt.Fprintf(&b, "retained %+v\n", *m)
	}
	return b.String()
}

// TestCheckpointChangesNothing plays random work over many starts, and opens the same medium with its checkpoints and
// without them each time.
func TestCheckpointChangesNothing(t *testing.T) {
	used, seeds := 0, 12
	if testing.Short() {
		seeds = 3
	}
	for seed := range uint64(seeds) {
		used += playTwins(t, seed)
	}
	if used < seeds {
		t.Errorf("only %d starts began with a checkpoint", used)
	}
}

func playTwins(t *testing.T, seed uint64) (used int) {
	r := rand.New(rand.NewPCG(seed, 7))
	disk := vfs.NewDisk()
	for boot := range byte(6) {
		o := Options{SlotSize: 16 << 10, BlockSize: 1024}
		o.Boot = Boot{ID: [16]byte{1 + boot/2}, Clock: func() time.Duration { return time.Duration(boot) * time.Hour }}
		s, rec, err := Open(disk, "q", o)
		if err != nil {
			t.Fatal(err)
		}
		if rec.Report.Checkpoint != "" {
			used++
		}
		s.pin() // the twin needs the whole log
		w := &twin{r: r, s: s}
		for range 400 {
			w.step()
		}
		if r.IntN(2) == 0 {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		disk = disk.Crash(r, vfs.Honest)
		compareTwins(t, fmt.Sprintf("seed %d boot %d", seed, boot), disk, o)
	}
	return used
}

// compareTwins compares what each of the two checkpoints leads to with what the whole log says.
func compareTwins(t *testing.T, what string, disk *vfs.Disk, o Options) {
	t.Helper()
	const ckptA, ckptB = "q/ckpt-a.db", "q/ckpt-b.db"
	want, _ := openWithout(t, disk, o, ckptA, ckptB)
	for _, without := range [][]string{{}, {ckptA}, {ckptB}} {
		got, rec := openWithout(t, disk, o, without...)
		if len(rec.Report.UnreadableCheckpoints) > 0 {
			t.Errorf("%s: %q", what, rec.Report.UnreadableCheckpoints)
		}
		if got != want {
			t.Fatalf("%s: with checkpoint %s of segment %d:\n%s\nwithout:\n%s", what, rec.Report.Checkpoint, rec.Report.Covered, got, want)
		}
	}
}

// openWithout opens a copy of a disk that has lost some files.
func openWithout(t *testing.T, disk *vfs.Disk, o Options, lost ...string) (string, *Recovery) {
	t.Helper()
	disk = disk.Crash(rand.New(rand.NewPCG(1, 1)), vfs.Honest) // nothing waits to be written: a copy
	for _, name := range lost {
		_ = disk.Remove(name)
	}
	s, rec, err := Open(disk, "q", o)
	if err != nil {
		t.Fatal(err)
	}
	return dump(s, rec), rec
}

// twin does random work.
type twin struct {
	r *rand.Rand
	s *Store
}

func (w *twin) pick() *Session {
	all := slices.SortedFunc(w.s.Sessions(), func(a, b *Session) int { return cmp.Compare(a.number, b.number) })
	if len(all) == 0 {
		return nil
	}
	return all[w.r.IntN(len(all))]
}

func (w *twin) message() *Message {
	m := &Message{TopicName: fmt.Sprint("t", w.r.IntN(5)), Payload: make([]byte, w.r.IntN(300)), QoS: byte(w.r.IntN(3)), Retain: w.r.IntN(5) == 0}
	if w.r.IntN(20) == 0 {
		m.TopicName = strings.Repeat("long", 700)
	}
	return m
}

func (w *twin) targets() (to []Target) {
	for range w.r.IntN(4) {
		if x := w.pick(); x != nil && !slices.ContainsFunc(to, func(t Target) bool { return t.Session == x }) {
			to = append(to, Target{Session: x, QoS: byte(1 + w.r.IntN(2))})
		}
	}
	return to
}

func (w *twin) step() {
	x := w.pick()
	switch n := w.r.IntN(40); {
	case x == nil || n == 0 && x.number < 8:
		b := w.s.NewBatch()
		y := b.Create(SessionOptions{PacketIDs: Range{1, uint16(40 + w.r.IntN(100))}, Window: 1 + w.r.IntN(30)})
		b.Put(1, fmt.Sprint(y.number), []byte{1})
		_, _ = w.s.Apply(b)
		y.Resume(0)
	case n == 1:
		b := w.s.NewBatch()
		b.Put(byte(w.r.IntN(3)), strings.Repeat("k", w.r.IntN(2)*2000+w.r.IntN(4)), bytes.Repeat([]byte{2}, w.r.IntN(50)))
		b.Delete(byte(w.r.IntN(3)), strings.Repeat("k", w.r.IntN(2)*2000+w.r.IntN(4)))
		b.Publish(w.message(), w.targets())
		_, _ = w.s.Apply(b)
	case n == 2 && w.r.IntN(8) == 0:
		b := w.s.NewBatch()
		b.End(x)
		_, _ = w.s.Apply(b)
	case n < 18:
		_, _ = w.s.Publish(w.message(), w.targets())
	case n < 21:
		_, _ = x.Receive(uint16(1+w.r.IntN(9)), w.message(), w.targets())
	case n < 23:
		x.Release(uint16(1 + w.r.IntN(9)))
	case n < 24:
		x.ForgetHeld()
	case n < 32:
		w.answer(x)
	case n < 33:
		x.Suspend()
	default:
		_ = w.s.Commit()
	}
}

// answer takes some deliveries and acknowledges some of what is in flight.
func (w *twin) answer(x *Session) {
	if !x.connected {
		x.Resume(0)
	}
	for _, d := range x.Next(nil, 1+w.r.IntN(10)) {
		switch {
		case d.QoS == 0 || w.r.IntN(3) == 0:
		case d.QoS == 2 && !d.Release:
			x.Received(d.PacketID)
		default:
			x.Ack(d.PacketID)
		}
	}
}
