package checkpoint_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"skerry/queue/checkpoint"
	"skerry/queue/vfs"
)

// TestUnfinished: a file that was begun when the disk became full is told from one that rots.
func TestUnfinished(t *testing.T) {
	name := filepath.Join(t.TempDir(), "ckpt")
	_, err := checkpoint.Create(vfs.OS{}, name, func(*checkpoint.Tx) error { return syscall.ENOSPC })
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	begun, err := os.ReadFile(name)
	if err != nil || len(begun) == 0 {
		t.Fatalf("%d bytes, %v", len(begun), err)
	}
	create(t, name, round(1))
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	noMeta := append(make([]byte, 8192), whole[8192:]...)
	rotten := append([]byte(nil), whole...)
	copy(rotten[8192:], make([]byte, 4096*3))
	for what, c := range map[string]struct {
		content    []byte
		unfinished bool
	}{
		"nothing was written": {nil, true},
		"the first bytes":     {begun[:5000], true},
		"no transaction":      {begun, true},
		"only its length":     {make([]byte, 4*4096), true},
		"no meta pages":       {noMeta, false},
		"rot":                 {rotten, false},
	} {
		if err := os.WriteFile(name, c.content, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := checkpoint.ReadHead(vfs.OS{}, name)
		if !errors.Is(err, checkpoint.ErrUnreadable) || errors.Is(err, checkpoint.ErrUnfinished) != c.unfinished {
			t.Errorf("%s: %v", what, err)
		}
	}
}
