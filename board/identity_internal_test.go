package board

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestIdentity(t *testing.T) {
	root := t.TempDir()
	write := func(path, text string) {
		t.Helper()
		name := filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want := func(part string) {
		t.Helper()
		if got := identityIn(root); !bytes.Contains(got, []byte(part)) || part == "" && got != nil {
			t.Errorf("%q, want %q", got, part)
		}
	}
	want("")
	write("etc/machine-id", "3d1219c7c4c5404aaa1f6d2a48adfda4\n")
	want("3d1219c7")
	write("sys/firmware/devicetree/base/serial-number", "0000000000000000\x00")
	want("3d1219c7") // a blank is none
	write("sys/firmware/devicetree/base/serial-number", "10000000abcdef01\x00")
	want("10000000abcdef01")
	card := identityIn(root)
	write("etc/machine-id", "another")
	if !bytes.Equal(identityIn(root), card) {
		t.Error("what is on the card changes the identity of a board that has one")
	}
}
