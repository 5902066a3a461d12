package canary_test

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"skerry/queue/canary"
	"skerry/queue/vfs"
)

const small = 256 << 10

// write writes a round on a disk until its power goes, and returns what was confirmed.
func write(t *testing.T, d *vfs.Disk, r *rand.Rand, steps int) (confirmed uint64) {
	t.Helper()
	round, err := canary.Begin(d, "test", canary.Options{Size: small, Boot: "a"})
	if err != nil {
		if errors.Is(err, vfs.ErrPower) {
			return 0
		}
		t.Fatal(err)
	}
	defer round.Close()
	for range steps {
		n, err := round.Step(1 + r.IntN(16))
		if err != nil {
			if !errors.Is(err, vfs.ErrPower) {
				t.Fatal(err)
			}
			break
		}
		confirmed = n
	}
	return confirmed
}

// TestHonest: whatever is torn or garbled in what was being written, an honest device passes.
func TestHonest(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		d := vfs.NewDisk()
		d.CutAt(30 + r.IntN(300))
		confirmed := write(t, d, r, 1000)
		for _, fate := range []vfs.Fate{vfs.Honest, vfs.Garbling} {
			after := d.Crash(r, fate)
			for _, told := range []uint64{confirmed, confirmed - min(confirmed, 5), 0} {
				v, err := canary.Check(after, "test", told, "b")
				if err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				if !v.Kept() || v.Found < told || !v.Restarted {
					t.Fatalf("seed %d, %d confirmed, told %d: %+v", seed, confirmed, told, v)
				}
			}
		}
	}
}

// TestLie: flushes that did nothing are found as soon as something of them is missing.
func TestLie(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 2))
		d := vfs.NewDisk()
		from := 60 + r.IntN(200)
		d.LieFrom(from)
		d.CutAt(from + 12 + r.IntN(100))
		confirmed := write(t, d, r, 1000)
		v, err := canary.Check(d.Crash(r, vfs.Fate{Dropped: 1}), "test", confirmed, "b")
		if err != nil {
			t.Fatal(err)
		}
		if !v.Lied() || v.Harmed() || v.Found >= confirmed || v.Lost+v.Shorter == 0 {
			t.Fatalf("seed %d, %d confirmed: %+v", seed, confirmed, v)
		}
	}
}

// TestHarm: rubbish where nobody was writing is found wherever it is.
func TestHarm(t *testing.T) {
	d := vfs.NewDisk()
	r := rand.New(rand.NewPCG(3, 3))
	confirmed := write(t, d, r, 40)
	for name, c := range map[string]struct {
		file  string
		at    int64
		still int
	}{
		"never written again": {"ring", 8*4096 + 700, 1},
		"the end":             {"ring", small - 1, 1},
		"written again":       {"ring", 4096, 0},
		"grown":               {"grow-000001", 5000, 0},
	} {
		t.Run(name, func(t *testing.T) {
			after := d.Crash(r, vfs.Honest)
			f, err := after.Open(filepath.Join("test", c.file))
			if err != nil {
				t.Fatal(err)
			}
			b := make([]byte, 1)
			if _, err := f.ReadAt(b, c.at); err != nil {
				t.Fatal(err)
			}
			if b[0]++; b[0] == 0 { // nothing is there that may be missing
				b[0]++
			}
			if _, err := f.WriteAt(b, c.at); err != nil {
				t.Fatal(err)
			}
			v, err := canary.Check(after, "test", confirmed, "b")
			if err != nil || v.Garbled != 1 || v.Still != c.still || v.Lied() || v.Kept() {
				t.Errorf("%+v, %v", v, err)
			}
		})
	}
	for _, name := range []string{"ring", "round", "grow-000001"} {
		t.Run("without "+name, func(t *testing.T) {
			after := d.Crash(r, vfs.Honest)
			if err := after.Remove(filepath.Join("test", name)); err != nil {
				t.Fatal(err)
			}
			v, err := canary.Check(after, "test", confirmed, "b")
			if err != nil || !v.Lied() {
				t.Errorf("%+v, %v", v, err)
			}
		})
	}
}

// TestRounds: each round is checked once before the next begins.
func TestRounds(t *testing.T) {
	d := vfs.NewDisk()
	r := rand.New(rand.NewPCG(4, 4))
	if _, err := canary.Check(d, "test", 0, "b"); !errors.Is(err, canary.ErrNoRound) {
		t.Fatal(err)
	}
	for n := range 3 {
		confirmed := write(t, d, r, 2000) // many enough that the growing file has successors
		if _, err := canary.Begin(d, "test", canary.Options{Size: small}); !errors.Is(err, canary.ErrUnchecked) {
			t.Fatal(err)
		}
		d = d.Crash(r, vfs.Honest)
		v, err := canary.Check(d, "test", confirmed, "b")
		if err != nil || !v.Kept() || v.Round != n+1 {
			t.Fatalf("%+v, %v", v, err)
		}
		if err := v.Keep(d, "test"); err != nil {
			t.Fatal(err)
		}
		if _, err := canary.Check(d, "test", confirmed, "b"); !errors.Is(err, canary.ErrNoRound) {
			t.Fatal(err)
		}
	}
	done, err := canary.Results(d, "test")
	if err != nil || len(done) != 3 {
		t.Fatalf("%+v, %v", done, err)
	}
}

// TestGrowth: the growing file begins anew when it is full, and that costs nothing that was confirmed.
func TestGrowth(t *testing.T) {
	d := vfs.NewDisk()
	r := rand.New(rand.NewPCG(5, 5))
	round, err := canary.Begin(d, "test", canary.Options{Size: small})
	if err != nil {
		t.Fatal(err)
	}
	defer round.Close()
	var confirmed uint64
	for range 3*(4<<20)/4096 + 10 {
		if confirmed, err = round.Step(1); err != nil {
			t.Fatal(err)
		}
	}
	var grown []string
	for _, name := range d.Files() {
		if strings.Contains(name, "grow-") {
			grown = append(grown, name)
		}
	}
	if len(grown) != 2 {
		t.Errorf("%q", grown)
	}
	v, err := canary.Check(d.Crash(r, vfs.Honest), "test", confirmed, "b")
	if err != nil || !v.Kept() {
		t.Errorf("%+v, %v", v, err)
	}
}

// FuzzCheck: whatever a card makes of the files, a check ends.
func FuzzCheck(f *testing.F) {
	f.Add([]byte(`{"id":"00112233445566778899aabbccddeeff","round":1,"blocks":16,"boot":"a"}`), make([]byte, 64<<10), []byte("SKCANARY"), uint64(7))
	f.Add([]byte(`{"id":"00","round":1,"blocks":18446744073709551615}`), []byte{}, []byte{}, uint64(0))
	f.Fuzz(func(t *testing.T, round, ring, grow []byte, confirmed uint64) {
		d := vfs.NewDisk()
		for name, content := range map[string][]byte{"round": round, "ring": ring, "grow-000001": grow, "result-000001": round} {
			file, err := d.Create(filepath.Join("test", name))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := file.WriteAt(content, 0); err != nil {
				t.Fatal(err)
			}
		}
		v, err := canary.Check(d, "test", confirmed, "b")
		if err == nil && confirmed > 0 && v.Kept() {
			t.Errorf("%+v", v)
		}
	})
}

// closed is a file system of somebody else.
type closed struct{ vfs.FS }

func (closed) Open(name string) (vfs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
}

// TestNotAllowed: what the one who checks may not read is not lost.
func TestNotAllowed(t *testing.T) {
	d := vfs.NewDisk()
	confirmed := write(t, d, rand.New(rand.NewPCG(1, 1)), 20)
	if v, err := canary.Check(closed{d}, "test", confirmed, "b"); v != nil || !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "hint: check as the user who wrote") {
		t.Errorf("%+v, %v", v, err)
	}
}

// TestCheckOnReadOnlyMedia: a file system that is mounted for reading only can be checked as well.
func TestCheckOnReadOnlyMedia(t *testing.T) {
	dir := t.TempDir()
	round, err := canary.Begin(vfs.OS{}, dir, canary.Options{Size: small, Boot: "a"})
	if err != nil {
		t.Fatal(err)
	}
	confirmed, err := round.Step(7)
	if err := errors.Join(err, round.Close()); err != nil {
		t.Fatal(err)
	}
	if v, err := canary.Check(vfs.ReadOnly{}, dir, confirmed, "b"); err != nil || !v.Kept() {
		t.Errorf("%+v, %v", v, err)
	}
}

// TestForgottenOverwrites: of two files the overwritten one alone is as it was before the last steps.
func TestForgottenOverwrites(t *testing.T) {
	dir := t.TempDir()
	round, err := canary.Begin(vfs.OS{}, dir, canary.Options{Size: small, Boot: "a"})
	if err != nil {
		t.Fatal(err)
	}
	defer round.Close()
	var before []byte
	for i := range 10 {
		if i == 8 {
			if before, err = os.ReadFile(filepath.Join(dir, "ring")); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := round.Step(5); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "ring"), before, 0o600); err != nil {
		t.Fatal(err)
	}
	for told, want := range map[uint64]uint64{50: 10, 43: 3, 40: 0} {
		v, err := canary.Check(vfs.ReadOnly{}, dir, told, "b")
		if err != nil || v.Lost != want || v.Lied() != (want > 0) || v.Harmed() || v.Found != 40 || want > 0 && v.FirstLost != 41 {
			t.Errorf("told %d: %+v, %v", told, v, err)
		}
	}
}
