package edge

import (
	"testing"
	"time"

	"skerry/queue"
	"skerry/queue/vfs"
)

type taking time.Duration

func (d taking) Acknowledged() time.Duration { return time.Duration(d) }

// TestWindows: the slowest uplink that is online counts, and none longer than a minute.
func TestWindows(t *testing.T) {
	const offline = taking(0)
	for _, c := range []struct {
		name    string
		window  time.Duration
		uplinks []acknowledged
		want    time.Duration
	}{
		{"none", 2 * time.Second, nil, 2 * time.Second},
		{"offline", 2 * time.Second, []acknowledged{offline}, 2 * time.Second},
		{"fast", 2 * time.Second, []acknowledged{taking(50 * time.Millisecond)}, 2 * time.Second},
		{"slow", 2 * time.Second, []acknowledged{taking(11 * time.Second)}, 11 * time.Second},
		{"the slowest", 2 * time.Second, []acknowledged{taking(5 * time.Second), taking(20 * time.Second), offline}, 20 * time.Second},
		{"too slow", 2 * time.Second, []acknowledged{taking(3 * time.Minute)}, time.Minute},
		{"configured longer", time.Hour, []acknowledged{taking(20 * time.Second)}, time.Hour},
	} {
		store, _, err := queue.Open(vfs.NewDisk(), "q", queue.Options{CommitWindow: c.window})
		if err != nil {
			t.Fatal(err)
		}
		w := windows{store: store, shrunk: c.window, uplinks: c.uplinks}
		w.update()
		if got := store.CommitWindow(); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		w.uplinks = nil
		if w.update(); store.CommitWindow() != c.window {
			t.Errorf("%s: %v when all are gone", c.name, store.CommitWindow())
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}
}
