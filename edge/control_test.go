package edge_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"skerry/edge"
	"skerry/edge/control"
)

const noSensors = `
storage: {path: $DATA}
broker: {listeners: {local: {tcp: "127.0.0.1:0", anonymous: true}}}
`

// TestControl looks into a station while it runs. What it looks through is gone when the station is.
func TestControl(t *testing.T) {
	leavesNothing(t)
	c := configure(t, noSensors)
	s := start(t, c, edge.Options{})
	d, err := control.Open(c.Storage.Path, false)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if !d.Live() {
		t.Fatal("it was opened as if nothing ran on it")
	}
	for up := 0.0; up == 0 && !t.Failed(); { // the first milliseconds are shown as none
		err = control.Rows(t.Context(), d, control.Request{Do: control.Stats}, func(n control.Numbers) error {
			if up = n.Uptime; !n.Live || up < 0 || n.Log == nil {
				t.Errorf("%+v", n)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	s.stop()
	if _, err := os.Lstat(filepath.Join(c.Storage.Path, "control")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket was left behind: %v", err)
	}
}

// TestControlInTheWay: a station that cannot be looked into runs all the same, and says so.
func TestControlInTheWay(t *testing.T) {
	leavesNothing(t)
	c := configure(t, noSensors)
	if err := os.MkdirAll(filepath.Join(c.Storage.Path, "control", "mine"), 0o755); err != nil {
		t.Fatal(err)
	}
	s := start(t, c, edge.Options{})
	if log := s.log.String(); !strings.Contains(log, "`skerry queue` cannot look into the running station") {
		t.Errorf("log\n%s", log)
	}
}
