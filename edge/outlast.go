package edge

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"
	"time"

	"skerry/broker"
	"skerry/queue/vfs"
)

const (
	// A restart may heal storage that has failed: what is bad is set aside when it is opened. firstProbe is how long the station goes
	// on without storage until it tries whether there is hope; each time in vain doubles that, up to lastProbe.
	firstProbe = time.Minute
	lastProbe  = time.Hour
	// enoughRoom must be free for a restart after the disk was full: the log takes a slot at a time.
	enoughRoom = 8 << 20
)

// outlast keeps the station up after its storage has failed: QoS 0 and sessions that end with their connection go on, and what would
// have to survive is refused by the store. It returns the failure when ctx ends; or earlier, when the data directory can be written
// again, so that the station ends and the service manager starts it anew. A card that has become read-only would only have it start in
// vain again and again.
func (g *Gateway) outlast(ctx context.Context, failure error) error {
	failure = storageFailure(failure)
	g.log.Error("storage has failed: QoS 1 and 2 to sessions that last are refused, and uplinks rest; all else goes on", "error", failure)
	g.tellStatus()
	for wait := firstProbe; ; wait = min(2*wait, lastProbe) {
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return failure
		case <-t.C:
		}
		err := probe(g.options.FS, g.config.Storage.Path, failure)
		if err == nil {
			g.log.Warn("the data directory can be written again: ending, to be started anew")
			return failure
		}
		g.log.Info("the data directory cannot be written yet", "again_in", min(2*wait, lastProbe), "error", err)
	}
}

// probe tells whether a restart has hope: a file can be made in dir, written and synced.
func probe(files vfs.FS, dir string, failure error) error {
	if errors.Is(failure, syscall.ENOSPC) {
		if free, err := files.Free(dir); err != nil || free < enoughRoom {
			return errors.Join(err, fmt.Errorf("%d bytes are free, and %d are needed", free, enoughRoom))
		}
	}
	name := filepath.Join(dir, "probe")
	if err := files.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) { // of one that was broken off
		return err
	}
	f, err := files.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Allocate(4<<10), f.Sync(), f.Close(), files.SyncDir(dir), files.Remove(name))
}

// rests lets a layer end that cannot go on without storage, whose failure is told already.
func rests(b *broker.Broker, run func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		err := run(ctx)
		if b.Err() != nil {
			return nil
		}
		return err
	}
}
