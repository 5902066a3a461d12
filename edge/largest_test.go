package edge_test

import (
	"testing"

	"skerry/queue"
	"skerry/queue/vfs"
)

// TestLargestPacket: what the configuration lets clients send fits into the log.
func TestLargestPacket(t *testing.T) {
	cfg := configure(t, "broker: {limits: {packet: 960KiB}}")
	store, _, err := queue.Open(vfs.NewDisk(), "data", queue.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if int(cfg.Broker.Limits.Packet) > store.MaxMessage() {
		t.Errorf("packets of %v are let in, and the log takes %d bytes", cfg.Broker.Limits.Packet, store.MaxMessage())
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}
