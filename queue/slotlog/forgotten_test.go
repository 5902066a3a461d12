package slotlog_test

import (
	"math/rand/v2"
	"syscall"
	"testing"

	"skerry/queue/slotlog"
	"skerry/queue/vfs"
)

// written commits groups of one record into one segment. From a group on the device confirms flushes that it does not do.
func written(t *testing.T, groups, lieFrom int) *vfs.Disk {
	t.Helper()
	disk := vfs.NewDisk()
	l, _, _ := open(t, disk)
	for n := range groups {
		if n == lieFrom {
			disk.LieFrom(disk.Ops() + 1)
		}
		var g slotlog.Group
		g.Append(1, make([]byte, 150))
		if err := l.Commit(&g); err != nil {
			t.Fatal(err)
		}
	}
	if n := l.Segments(); n != 1 {
		t.Fatalf("%d segments", n)
	}
	return disk
}

// TestForgottenBlocks: of what the device confirmed and did not write, blocks that came later tell. If all is lost from some
// moment on, nothing does.
func TestForgottenBlocks(t *testing.T) {
	for _, c := range []struct {
		name        string
		fate        vfs.Fate
		least, most int // of 100 cuts
	}{
		{"each write by chance", vfs.Fate{Dropped: 1, Whole: 1}, 80, 100},
		{"nothing after the lie", vfs.Fate{Dropped: 1}, 0, 0},
		{"everything after the lie", vfs.Fate{Whole: 1}, 0, 0},
	} {
		noticed, lost := 0, 0
		for seed := range uint64(100) {
			disk := written(t, 60, 20).Crash(rand.New(rand.NewPCG(seed, 1)), c.fate)
			l := openWith(t, disk, "log", small)
			if l.Lied() {
				noticed++
			}
			rep := l.Replay(func(slotlog.Record) {})
			if rep.Damaged > 0 {
				lost++
			}
			if rep.Damaged > 0 && !l.Lied() && c.fate.Torn == 0 {
				t.Errorf("%s, seed %d: damage, and no rubbish: %+v", c.name, seed, rep)
			}
		}
		t.Logf("%s: %d noticed, %d with damage", c.name, noticed, lost)
		if noticed < c.least || noticed > c.most {
			t.Errorf("%s: %d of 100 lies were noticed, want %d to %d", c.name, noticed, c.least, c.most)
		}
	}
}

// TestRotIsNoLie: blocks that rot, or cannot be read, say nothing of the device's word: nor do torn groups of an honest one.
func TestRotIsNoLie(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 2))
		disk := written(t, 60, -1)
		l, _ := slotlog.Open(disk, "log", small)
		if l.Replay(func(slotlog.Record) {}); r.IntN(2) == 0 {
			var g slotlog.Group
			g.Append(1, make([]byte, 1+r.IntN(3000)))
			disk.CutAt(disk.Ops() + 1 + r.IntN(5))
			_ = l.Commit(&g)
		}
		disk = disk.Crash(r, vfs.Garbling)
		f, _ := disk.Open("log/slot-0000")
		bad := map[int64]bool{}
		for range r.IntN(12) {
			at := int64(1+r.IntN(15)) * int64(small.BlockSize)
			if bad[at] = r.IntN(2) == 0; !bad[at] {
				_, _ = f.WriteAt([]byte{byte(r.Uint32() | 1), 1, 2, 3}, at+int64(r.IntN(60)))
			}
		}
		disk.HookReads(func(op vfs.Op) error {
			for at, is := range bad {
				if is && op.Name == "log/slot-0000" && op.Offset < at+int64(small.BlockSize) && at < op.Offset+int64(op.Length) {
					return syscall.EIO
				}
			}
			return nil
		})
		if l := openWith(t, disk, "log", small); l.Lied() {
			t.Errorf("seed %d: the device is accused", seed)
		}
	}
}
