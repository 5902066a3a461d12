package edge

import (
	"context"
	"time"

	"skerry/queue"
)

// lastWait is how long it is at most between two attempts to open the data directory.
const lastWait = 20 * time.Second

// attemptAfter bounds a wait so that the service manager, which is fed at each attempt, is fed in time.
func attemptAfter(wait, timeout time.Duration) time.Duration {
	if timeout > 0 {
		wait = min(wait, timeout/3)
	}
	return min(wait, lastWait)
}

// awaitStore opens the store. Under a service manager it waits until that can be done: a card that is full or read-only, or a disk that
// comes late, would have the program started in vain again and again. No store and no error: ctx has ended before.
func (g *Gateway) awaitStore(ctx context.Context) (*queue.Store, *queue.Recovery, error) {
	store, recovery, err := g.openStore()
	if err == nil || g.options.Service == nil {
		return store, recovery, err
	}
	g.log.Error("nothing is served until the data directory can be opened; that is tried again and again", "error", err)
	g.options.Service.Ready("waits for its data directory: " + err.Error()) // who has started the program is not to wait as well
	begun, said := time.Now(), err.Error()
	for wait := time.Second; err != nil; wait *= 2 {
		_ = g.options.Service.Feed()
		wait = attemptAfter(wait, g.options.Service.Timeout())
		select {
		case <-ctx.Done():
			return nil, nil, nil
		case <-time.After(wait):
		}
		store, recovery, err = g.openStore()
		if err != nil && err.Error() != said {
			said = err.Error()
			g.log.Error("the data directory cannot be opened yet", "error", err)
			g.options.Service.Status("waits for its data directory: " + said)
		}
	}
	g.log.Info("the data directory could be opened", "waited", time.Since(begun).Round(time.Second))
	return store, recovery, nil
}
