package queue

import (
	"testing"
	"unsafe"
)

// TestItemSize holds the size of what is made for each message that is owed to the disk to a size class of Go's allocator.
func TestItemSize(t *testing.T) {
	if size := unsafe.Sizeof(item{}) + unsafe.Sizeof(logTarget{}); size > 128 {
		t.Errorf("an item with a target has %d bytes, more than 128", size)
	}
}

// TestIdleSize holds the size of what stands for each session to a size class of Go's allocator.
func TestIdleSize(t *testing.T) {
	if size := unsafe.Sizeof(Session{}); size > 256 {
		t.Errorf("a session has %d bytes, more than 256", size)
	}
	if x := new(Store).NewVolatile(SessionOptions{}); x.onDisk != nil {
		t.Error("a session in memory has what only those on the disk need")
	}
}
