// Package stack has goroutines begin with the stack that they are going to need.
//
// A goroutine begins with 2 KiB. A stack that is full is copied to one of twice the size, and for each function that is on it then
// the runtime looks into three tables of the program. With every look at a new place the kernel maps 64 KiB of the file, and there they
// stay: half of what a station had in memory of these tables at rest had been looked at for that alone. A stack that grows at once, while
// nothing is on it, costs one look, and is copied once instead of two or three times.
//
// It is for goroutines that are known to come to that size. Those that wait in great numbers keep their 2 KiB.
//
// Limits: the collector takes a stack back of which less than a quarter is in use.
package stack

// Grow gives the calling goroutine a stack of 8 KiB.
//
//go:noinline
func Grow() {
	var room [5 << 10]byte
	touch(room[:])
}

// GrowLarge gives the calling goroutine a stack of 32 KiB: for parsers that call themselves.
//
//go:noinline
func GrowLarge() {
	var room [20 << 10]byte
	touch(room[:])
}

// touch keeps the compiler from leaving the room out.
//
//go:noinline
func touch([]byte) {}
