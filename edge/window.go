package edge

import (
	"sync"
	"time"

	"skerry/queue"
)

const (
	// LongestWindow is how long a reading may wait for its commit at most while an uplink is online.
	LongestWindow = time.Minute
	// settledWindow is how long a retained reading may wait that everybody has: after a loss of power its topic has the value
	// before, until the next reading. A commit by itself costs far more than its blocks, because the file system notes the
	// time of it: 20 to 28 KB on ext4. With one each minute retained readings would be most of what a station writes.
	settledWindow = 5 * time.Minute
)

// windows stretches the commit window of the store to the time that the slowest uplink takes to get an acknowledgement, so
// that what it carries in time is never written; and takes it back as soon as no uplink is online. Who else is owed a
// reading and is away, the store sees itself: for such a message it does not wait.
//
// A commit_window of 0 stays 0: nothing is to be missing after a power cut.
type windows struct {
	store   *queue.Store
	shrunk  time.Duration
	uplinks []acknowledged // set before they run

	mu sync.Mutex // of several changes the last one counts
}

// acknowledged is what an uplink.Uplink tells.
type acknowledged interface{ Acknowledged() time.Duration }

// update is called when an uplink has changed, and now and then.
func (w *windows) update() {
	w.mu.Lock()
	defer w.mu.Unlock()
	slowest := time.Duration(0)
	for _, u := range w.uplinks {
		slowest = max(slowest, u.Acknowledged())
	}
	if slowest == 0 || w.shrunk == 0 {
		w.store.SetCommitWindow(0, 0)
		return
	}
	w.store.SetCommitWindow(min(slowest, LongestWindow), settledWindow)
}
