//go:build linux && (amd64 || arm64)

// The device is there on these only.

package cardtest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"skerry/queue/canary"
	"skerry/queue/vfs"
	"skerry/scripts/cutdisk"
)

// TestMain runs the test in namespaces of its own, where that can be.
func TestMain(m *testing.M) {
	if code, was := cutdisk.Served(); was {
		os.Exit(code)
	}
	if cutdisk.Able() == nil {
		code, done, err := cutdisk.Isolate()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		if done || err != nil {
			os.Exit(code)
		}
	}
	os.Exit(m.Run())
}

const (
	diskSize = 64 << 20
	steps    = 300
)

// told is a confirmed number, and the last op of the device when it was.
type told struct {
	op        int
	confirmed uint64
}

// recorded is a round on a device, without any cut.
type recorded struct {
	trace *cutdisk.Trace
	told  []told // the first is that of the canaries laid down
}

func record(t *testing.T) *recorded {
	t.Helper()
	disk, err := cutdisk.Open(t.TempDir(), cutdisk.Options{Size: diskSize, Trace: true})
	if err != nil {
		t.Fatal(err)
	}
	defer disk.Close()
	round, err := canary.Begin(vfs.OS{}, filepath.Join(disk.Folder, "test"), canary.Options{Size: 1 << 20, Boot: "before"})
	if err != nil {
		t.Fatal(err)
	}
	r := &recorded{told: []told{{disk.Op(), 0}}}
	chance := rand.New(rand.NewPCG(1, 1))
	for range steps {
		n, err := round.Step(1 + chance.IntN(16))
		if err != nil {
			t.Fatal(err)
		}
		r.told = append(r.told, told{disk.Op(), n})
	}
	if err := round.Close(); err != nil {
		t.Fatal(err)
	}
	if err := disk.Close(); err != nil {
		t.Fatal(err)
	}
	if r.trace, err = disk.Trace(); err != nil {
		t.Fatal(err)
	}
	return r
}

// confirmed is what somebody elsewhere knew when the power went.
func (r *recorded) confirmed(cut int) (n uint64) {
	for _, k := range r.told {
		if k.op <= cut {
			n = k.confirmed
		}
	}
	return n
}

func TestCards(t *testing.T) {
	if err := cutdisk.Able(); err != nil {
		if os.Getenv("SKERRY_NO_SKIP") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	r := record(t)
	points := 50
	if testing.Short() {
		points = 16
	}
	for _, card := range []struct {
		name   string
		garble bool
		lies   int
		found  int // at so many points at least a lie is found
	}{
		{name: "honest"},
		{name: "garbling", garble: true},
		{name: "lying", lies: 8, found: points / 2},
	} {
		t.Run(card.name, func(t *testing.T) {
			scratch, err := cutdisk.NewScratch(diskSize)
			if err != nil {
				t.Fatal(err)
			}
			defer scratch.Close()
			cutter := r.trace.NewCutter(card.lies)
			chance := rand.New(rand.NewPCG(2, uint64(card.lies)))
			first := r.told[0].op
			lied, unmountable := 0, 0
			for i := range points {
				cut := first + (r.trace.Len()-first)*i/points + chance.IntN(max(1, (r.trace.Len()-first)/points)) // rising
				cutter.Cut(scratch.Disk, cut, card.garble, chance)
				v, err := check(t, scratch, r.confirmed(cut))
				switch {
				case err != nil && card.lies > 0:
					unmountable++
				case err != nil:
					t.Fatalf("cut after op %d: %v", cut, err)
				case card.lies > 0:
					if v.Lied() {
						lied++
					} else if v.Found < v.Confirmed {
						t.Errorf("cut after op %d: a lie was not noticed: %+v", cut, v)
					}
				case !v.Kept():
					t.Errorf("cut after op %d: %+v", cut, v)
				}
				if err == nil && v.Harmed() && len(v.Missing) == 0 {
					t.Errorf("cut after op %d: nobody harmed what was not being written: %+v", cut, v)
				}
			}
			t.Logf("%d points, a lie found at %d, no file system left at %d", points, lied, unmountable)
			if lied < card.found {
				t.Errorf("a lie was found at %d of %d points", lied, points)
			}
		})
	}
}

// check looks at what a cut has left. The error is that the file system cannot be mounted.
func check(t *testing.T, scratch *cutdisk.Scratch, confirmed uint64) (*canary.Verdict, error) {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := scratch.Mount(folder); err != nil {
		return nil, err
	}
	defer func() {
		if err := cutdisk.Unmount(folder); err != nil {
			t.Error(err)
		}
	}()
	return canary.Check(vfs.OS{}, filepath.Join(folder, "test"), confirmed, "after")
}
