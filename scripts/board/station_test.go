package main

import (
	"path/filepath"
	"testing"

	"skerry/drivers/all"
	"skerry/edge/config"
)

// A machine takes minutes to tell that its daemon refuses its configuration.
func TestConfigurations(t *testing.T) {
	with := 0
	for _, m := range machines(t.TempDir()) {
		if m.station == "" {
			continue
		}
		with++
		for _, name := range append([]string{m.station}, m.others...) {
			if _, err := config.Load(filepath.Join("station", name), all.Kinds()); err != nil {
				t.Errorf("%s: %v", m.name, err)
			}
		}
	}
	if with != 5 {
		t.Errorf("%d machines have the daemon", with)
	}
}
