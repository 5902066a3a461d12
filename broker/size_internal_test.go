package broker

import (
	"testing"
	"unsafe"
)

// TestIdleSize holds the size of what stands for each session to a size class of Go's allocator.
func TestIdleSize(t *testing.T) {
	if size := unsafe.Sizeof(session{}); size > 352 {
		t.Errorf("a session has %d bytes, more than 352", size)
	}
}
