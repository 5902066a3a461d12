package checkpoint_test

import (
	"os"
	"path/filepath"
	"testing"
)

// TestPrivate: a checkpoint holds retained messages and names of users.
func TestPrivate(t *testing.T) {
	name := filepath.Join(t.TempDir(), "ckpt")
	create(t, name, round(1))
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}
