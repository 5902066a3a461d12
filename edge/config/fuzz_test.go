package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"skerry/edge/config"
)

// FuzzLoad: whatever stands in a file, Load returns a Config that is whole, or errors that have a place and a text.
func FuzzLoad(f *testing.F) {
	archives, _ := filepath.Glob("testdata/wrong/*.txtar")
	for _, path := range archives {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, one := range archive.Files {
			f.Add(one.Data)
		}
	}
	examples, _ := filepath.Glob("../../docs/examples/*.yaml")
	for _, path := range append(examples, "testdata/language.yaml") {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := config.LoadBytes("station.yaml", data, testKinds())
		if err == nil {
			checkWhole(t, c)
			return
		}
		wrong, ok := errors.AsType[config.Errors](err)
		if !ok || c != nil {
			t.Fatalf("got %v, %v", c, err)
		}
		lines := 1 // as YAML counts
		for _, end := range []string{"\n", "\r", "\u0085", "\u2028", "\u2029"} {
			lines += strings.Count(string(data), end)
		}
		for _, e := range wrong {
			here := e.File == "station.yaml" // or in the scenario that it names
			if e.Problem == "" || here && e.Line > lines+1 || strings.ContainsAny(e.Error(), "\n\x1b") {
				t.Errorf("error %q in %d lines", e, lines)
			}
		}
	})
}

// checkWhole checks what consumers rely on.
func checkWhole(t *testing.T, c *config.Config) {
	topics := map[string]bool{}
	claim := func(topic string) {
		if topic == "" {
			return
		}
		if topics[topic] || strings.ContainsAny(topic, "+#") {
			t.Errorf("topic %q", topic)
		}
		topics[topic] = true
	}
	for _, s := range c.Sensors {
		if s.Kind.Name == "" || s.Every <= 0 || len(s.Values) == 0 || s.Payload == "" {
			t.Errorf("sensor %+v", s)
		}
		claim(s.Topic)
		for _, v := range s.Values {
			if v.Multiply == 0 || v.Topic == "" && s.Topic == "" || v.Payload == config.Formatted && v.Topic != "" && v.Template == nil ||
				v.Derive.Text != "" != slices.Contains(s.Derived, v.Name) || v.Derive.Text != "" && v.Derive.Formula == nil {
				t.Errorf("value %+v of %s", v, s.Name)
			}
			claim(v.Topic)
		}
	}
	for _, a := range c.Alarms {
		if a.When.Condition == nil || a.Clear.Text != "" && a.Clear.Condition == nil {
			t.Errorf("alarm %+v", a)
		}
		claim(a.Topic)
	}
	for _, u := range c.Uplinks {
		if len(u.Servers) == 0 || u.ClientID == "" || len(u.Carry) == 0 || u.Retry.Min <= 0 || u.KeepAlive.Min <= 0 || len(u.Links) == 0 {
			t.Errorf("uplink %+v", u)
		}
	}
	if c.Gateway.ID == "" || c.Gateway.Site == "" || c.Storage.Path == "" || len(c.Streams) == 0 {
		t.Errorf("config %+v", c)
	}
}
