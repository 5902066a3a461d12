package server

import (
	"testing"
	"unsafe"
)

// TestIdleSize holds the size of what stands for each connection to a size class of Go's allocator: one word more costs 32 bytes for each.
func TestIdleSize(t *testing.T) {
	if size := unsafe.Sizeof(conn{}); size > 512 {
		t.Errorf("a connection has %d bytes, more than 512", size)
	}
}
