package server

import (
	"syscall"
	"testing"
)

func TestCalm(t *testing.T) {
	var fds [2]int
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fds[0])
	var c calm
	b := make([]byte, 64<<10)
	give := func(n int) {
		t.Helper()
		if got, err := writeSocket(fds[1], b[:n]); got != n || err != nil {
			t.Fatalf("write of %d bytes: %d, %v", n, got, err)
		}
		if got, err := c.read(fds[0], b); got != n || err != nil {
			t.Fatalf("read of %d bytes: %d, %v", n, got, err)
		}
	}
	wait := func() {
		t.Helper()
		if n, err := c.read(fds[0], b); n != 0 || err != syscall.EAGAIN {
			t.Fatalf("read of nothing: %d, %v", n, err)
		}
	}
	is := func(want bool, after string) {
		t.Helper()
		if got := c > 0; got != want {
			t.Errorf("after %s: calm is %v, want %v (%d)", after, got, want, c)
		}
	}
	is(false, "the start")
	wait()
	is(true, "a wait")
	give(100)
	is(true, "one small read")
	wait()
	for range 2 * calmest / callCost {
		give(1)
	}
	is(false, "small reads without a wait")
	wait()
	is(false, "the first wait after a flood")
	wait()
	is(true, "the second")
	give(32 << 10)
	is(false, "a large read")
	wait()
	is(false, "the wait after it")
	give(100)
	wait()
	is(true, "a small read and a wait")

	syscall.Close(fds[1])
	if n, err := c.read(fds[0], b); n != 0 || err != nil {
		t.Errorf("end of input: %d, %v; want 0 and no error", n, err)
	}
	if n, err := writeSocket(fds[0], b[:1]); n != -1 || err != syscall.EPIPE {
		t.Errorf("write to nobody: %d, %v", n, err)
	}
}
