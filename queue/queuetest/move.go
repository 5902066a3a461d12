package queuetest

import (
	"bytes"
	"context"

	"skerry/queue"
	"skerry/queue/vfs"
)

// move exports the store, now and then, and goes on with an import of it on another disk.
func (w *world) move() {
	if !w.Moves || w.r.IntN(2) == 0 || w.err != nil {
		return
	}
	s, _, err := queue.Open(w.disk, "q", w.options())
	if err != nil {
		w.breaks("open to be exported: %w", err)
		return
	}
	var lines bytes.Buffer
	sent, err := s.Export(context.Background(), true, func(line []byte) error {
		lines.Write(line)
		return nil
	})
	if err != nil {
		w.breaks("export: %w", err)
	}
	if err := s.Close(); err != nil {
		w.breaks("close after export: %w", err)
	}
	disk := vfs.NewDisk()
	came, err := queue.Import(disk, "q", &lines, w.options())
	if err != nil || came != sent {
		w.breaks("import: %+v of %+v: %w", came, sent, err)
		return
	}
	w.trace("moved: %+v", came)
	disk.SetCapacity(w.Capacity)
	w.disk = disk
	w.result.Moved += came.Messages
}
