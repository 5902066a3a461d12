package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"skerry/drivers/all"
	"skerry/edge/config"
)

// TestLanguage loads a file with every key of the language: what does not work yet must say so, and nothing else is wrong.
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
	_, err = config.Load(path, all.Kinds())
	wrong, ok := errors.AsType[config.Errors](err)
	if !ok {
		t.Fatalf("Load: %v, want Errors: planned keys are in the file", err)
	}
	for _, e := range wrong {
		if !strings.HasSuffix(e.Problem, "not supported yet") {
			t.Error(e)
		}
	}
	if key := "streams.telemetry.encode"; !strings.Contains(wrong.Error(), " "+key+": ") {
		t.Errorf("no error for planned key %s", key)
	}
}
