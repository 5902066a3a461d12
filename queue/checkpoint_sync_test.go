package queue_test

import (
	"strings"
	"testing"

	"skerry/queue"
	"skerry/queue/vfs"
)

// TestCheckpointsAreSyncedAtOpen: a checkpoint that was written before a kill may be in the page cache only. Segments are
// freed by what it says, so it is synced before it counts.
func TestCheckpointsAreSyncedAtOpen(t *testing.T) {
	disk := vfs.NewDisk()
	s, _ := open(t, disk, small)
	x := create(t, s, queue.SessionOptions{})
	for range 10_000 {
		if s.Stats().Checkpoints >= 4 {
			break
		}
		publish(t, s, message("%1000d", 1), at(x, 1))
		commit(t, s)
	}
	disk = disk.Killed()
	synced := map[string]bool{}
	disk.Hook(func(op vfs.Op) error {
		if op.Kind == vfs.OpSync && strings.Contains(op.Name, "ckpt-") {
			synced[op.Name] = true
		}
		return nil
	})
	s, r := open(t, disk, small)
	defer closeStore(t, s)
	if r.Report.Checkpoint == "" || len(synced) != 2 {
		t.Errorf("checkpoint %q, synced were %v", r.Report.Checkpoint, synced)
	}
}
