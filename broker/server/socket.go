package server

import (
	"syscall"
	"unsafe"
)

// The calls of the hot path on a socket that does not block.
//
// The usual ones tell the scheduler that a thread may be away for long, which wakes its watchdog thread when that
// sleeps. Where messages come one at a time everything sleeps between two of them, and the watchdog, woken only to find
// nothing, was a third of what a message cost. These calls come back at once, so it need not know.
//
// It has to know of a connection whose input does not end: only the watchdog takes the processor away from it, and on a
// board with one core nobody else would get it. So each read takes from a calm that waiting for input restores, and
// who has none left reads in the usual way.
const (
	calmest  = 4 << 10 // bytes
	callCost = 512     // bytes that a read stands for, however little it brings

	smallWrite = 1 << 10
)

// calm is how far a connection is from having input without end, -calmest..calmest bytes. After a flood it needs two waits.
type calm int32

func (c *calm) spend(n int) { *c = max(*c-calm(n)-callCost, -calmest) }
func (c *calm) restore()    { *c = min(*c+calmest, calmest) }

// read reads once from a socket that does not block.
func (c *calm) read(fd int, b []byte) (n int, err error) {
	for {
		if *c > 0 {
			n, err = readSocket(fd, b)
		} else {
			n, err = syscall.Read(fd, b)
		}
		switch err {
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			c.restore()
		default:
			c.spend(max(n, 0))
		}
		return max(n, 0), err
	}
}

// writeOnce writes once to a socket that does not block. A large write may take long.
func writeOnce(fd int, b []byte) (int, error) {
	if len(b) <= smallWrite {
		return writeSocket(fd, b)
	}
	return syscall.Write(fd, b)
}

func readSocket(fd int, b []byte) (int, error) {
	n, _, errno := syscall.RawSyscall(syscall.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
	if errno != 0 {
		return -1, errno
	}
	return int(n), nil
}

func writeSocket(fd int, b []byte) (int, error) {
	n, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
	if errno != 0 {
		return -1, errno
	}
	return int(n), nil
}
