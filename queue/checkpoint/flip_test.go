package checkpoint_test

import (
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"skerry/queue/checkpoint"
)

// TestFlippedBits turns single bits of a file: whatever they were, nothing else is read than what was written. The device
// has checksums of its own, but memory on the way to it has not.
func TestFlippedBits(t *testing.T) {
	dir := t.TempDir()
	name, hurt := filepath.Join(dir, "c.db"), filepath.Join(dir, "hurt.db")
	create(t, name, round(1))
	update(t, name, round(2))
	_, want, err := read(name)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	noticed := 0
	r := rand.New(rand.NewPCG(3, 4))
	for range 400 {
		at := r.IntN(len(whole))
		for try := 0; whole[at] == 0 && try < 30; try++ { // most of a file is empty
			at = r.IntN(len(whole))
		}
		whole[at] ^= 1 << (at % 8)
		if err := os.WriteFile(hurt, whole, 0o600); err != nil {
			t.Fatal(err)
		}
		whole[at] ^= 1 << (at % 8)
		_, got, err := read(hurt)
		switch {
		case errors.Is(err, checkpoint.ErrUnreadable), errors.Is(err, checkpoint.ErrFormat):
			noticed++
		case err != nil:
			t.Fatalf("byte %d: %v", at, err)
		case !maps.Equal(got, want) && at >= 2*4096: // an older meta page is a good one
			t.Fatalf("byte %d: other pairs, and no error", at)
		}
	}
	if noticed < 100 {
		t.Errorf("%d bits were noticed", noticed)
	}
}
