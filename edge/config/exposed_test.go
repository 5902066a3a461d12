package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"skerry/edge/config"
)

// What others on the machine can reach is named once, whatever names it.
func TestExposed(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"users": 0o644, "acl": 0o644, "open.acl": 0o666, "scram": 0o640, "own": 0o602, "cloud.pw": 0o604, "config": 0o664} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if name == "config" {
			text := `
storage: {path: ` + dir + `}
broker:
  users_file: users
  acl_file: acl
  scram_file: scram
  listeners:
    a: {tcp: "127.0.0.1:0", acl_file: open.acl}
    b: {tcp: "127.0.0.1:0", scram_file: own}
streams: {all: {match: ["#"]}}
uplinks: {cloud: {mqtt: "mqtts://broker.example.org", user: u, password_file: cloud.pw, carry: [all]}}
`
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chmod(path, mode); err != nil { // the umask does not count
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "cloud.pw"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(filepath.Join(dir, "config"), nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range cfg.Exposed() {
		got = append(got, fmt.Sprintf("%s %s", e.May, strings.TrimPrefix(e.Path, dir+"/")))
	}
	slices.Sort(got)
	if want := []string{"read cloud.pw", "read users", "write open.acl", "write own"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
