package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"skerry/edge/config"
)

// TestDoubled: what two uplinks send to one server under the same topics is named.
func TestDoubled(t *testing.T) {
	for _, c := range []struct{ first, second, want string }{
		{`mqtt: "tcp://up:1883", client_id: a, carry: [all]`, `mqtt: "tcp://up:1883", client_id: b, carry: [all]`, "[{all [x y] tcp://up:1883}]"},
		{`mqtt: ["tcp://one:1883", "tcp://up:1883"], client_id: a, carry: [all]`, `mqtt: "tcp://up:1883", client_id: b, carry: [all]`, "[{all [x y] tcp://up:1883}]"},
		{`mqtt: "tcp://up:1883", client_id: a, prefix: p/, carry: [all]`, `mqtt: "tcp://up:1883", client_id: b, carry: [all]`, "[]"},
		{`mqtt: "tcp://up:1883", client_id: a, carry: [all]`, `mqtt: "tcp://up:1884", client_id: b, carry: [all]`, "[]"},
		{`mqtt: "tcp://up:1883", client_id: a, carry: [all]`, `mqtt: "tcp://up:1883", client_id: b, carry: [some]`, "[]"},
	} {
		path := filepath.Join(t.TempDir(), "skerry.yaml")
		text := "gateway: {id: g}\nstreams: {all: {match: [\"#\"]}, some: {match: [\"s/#\"]}}\nuplinks:\n  x: {" + c.first + "}\n  y: {" + c.second + "}\n"
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := config.Load(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(cfg.Doubled()); got != c.want {
			t.Errorf("%s and %s: %s, want %s", c.first, c.second, got, c.want)
		}
	}
}
