package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"skerry/drivers/all"
	"skerry/edge/config"
)

// TestLanguage loads a file with every key of the language.
func TestLanguage(t *testing.T) {
	dir := files(t)
	writeCertificate(t, dir, "device")
	for from, to := range map[string]string{"lan.crt": "ca.crt", "users": "acl"} {
		if err := os.Link(filepath.Join(dir, from), filepath.Join(dir, to)); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile("testdata/language.yaml")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "language.yaml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "scenario"), []byte("speed: 360\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Load(path, all.Kinds()); err != nil {
		t.Error(err)
	}
}
