package hass_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"skerry/drivers/all"
	"skerry/edge/config"
	"skerry/edge/hass"
)

var update = flag.Bool("update", false, "write the golden documents anew")

// load reads a configuration.
func load(t *testing.T, text string) *config.Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), "skerry.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(path, all.Kinds())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// plan plans a configuration that is right.
func plan(t *testing.T, text string) *hass.Plan {
	t.Helper()
	p, err := hass.New(load(t, text), "v1")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func readStation(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("testdata/station.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// upstream has Home Assistant at the broker upstream.
func upstream(text string) string { return strings.Replace(text, "to: local", "to: cloud", 1) }

// TestDocuments: what a station with several sensors announces, at its own broker and upstream.
func TestDocuments(t *testing.T) {
	text := readStation(t)
	for golden, text := range map[string]string{"local": text, "cloud": upstream(text)} {
		var got bytes.Buffer
		for _, a := range plan(t, text).Documents {
			got.WriteString(a.Topic + "\n")
			e := json.NewEncoder(&got)
			e.SetEscapeHTML(false)
			e.SetIndent("", " ")
			if err := e.Encode(a.Document); err != nil {
				t.Fatal(err)
			}
		}
		path := "testdata/" + golden + ".golden"
		if *update {
			if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%s: the documents are others now; look at them: go test ./edge/hass -run TestDocuments -update; git diff\n%s", path, got.Bytes())
		}
	}
}
