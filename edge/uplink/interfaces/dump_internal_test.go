package interfaces

import (
	"encoding/binary"
	"errors"
	"syscall"
	"testing"
)

// head is a netlink message without content.
func head(kind, flags uint16) []byte {
	b := make([]byte, syscall.NLMSG_HDRLEN)
	binary.NativeEndian.PutUint32(b, uint32(len(b)))
	binary.NativeEndian.PutUint16(b[4:], kind)
	binary.NativeEndian.PutUint16(b[6:], flags)
	return b
}

// TestInterruptedDump: a list that has changed while the kernel told it may lack what was there all the time. It is asked for anew.
func TestInterruptedDump(t *testing.T) {
	for flags, want := range map[uint16]error{syscall.NLM_F_MULTI: nil, syscall.NLM_F_MULTI | 0x10: errAgain} {
		told := 0
		w := &watcher{kernel: newKernel(), asked: len(dumps) - 1, changed: func(Table) { told++ }}
		if err := w.take(parse(head(syscall.NLMSG_DONE, flags))); !errors.Is(err, want) || (told == 0) != (want != nil) {
			t.Errorf("flags %#x: %v, told %d times", flags, err, told)
		}
	}
}

// TestChangesWereLost: what is asked after that is asked on a new socket, on which no answer to an earlier question can come.
func TestChangesWereLost(t *testing.T) {
	lost, asked := []error{syscall.ENOBUFS, errAgain, syscall.ENOBUFS, syscall.EPERM}, 0
	err := untilTold(func() error { asked++; return again(lost[asked-1]) })
	if !errors.Is(err, syscall.EPERM) || asked != 4 {
		t.Errorf("%v after %d", err, asked)
	}
}
