package interfaces

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// groups are what the kernel tells of without being asked (linux/rtnetlink.h: RTMGRP_LINK, IPV4_IFADDR, IPV4_ROUTE, IPV6_IFADDR,
// IPV6_ROUTE).
const groups = 0x1 | 0x10 | 0x40 | 0x100 | 0x400

// dumps are what is asked for at the beginning, in this order: a message of a later one hangs on the ones before.
var dumps = [...]uint16{syscall.RTM_GETLINK, syscall.RTM_GETADDR, syscall.RTM_GETROUTE}

// Watch tells of the interfaces of this machine, first as they are and then of each change, until ctx ends; then its error is nil.
// changed is called in its goroutine, and keeps what it is given.
func Watch(ctx context.Context, changed func(Table)) error {
	var told Table
	return untilTold(func() error { return watch(ctx, changed, &told) })
}

// errAgain is why everything is asked for anew: the kernel says that its list has changed while it told it, or changes were lost.
var errAgain = errors.New("what the kernel has told is not whole")

// breath is how long interfaces that change all the time are left alone until they are asked for once more.
const breath = 50 * time.Millisecond

// again tells errAgain from other errors of a socket.
func again(err error) error {
	if errors.Is(err, syscall.ENOBUFS) {
		return errAgain
	}
	return err
}

// untilTold watches again and again while what the kernel tells is not whole, each time on a new socket: on the old one the end of an earlier
// list may still come.
func untilTold(watch func() error) (err error) {
	for err = watch(); errors.Is(err, errAgain); err = watch() {
		time.Sleep(breath)
	}
	return err
}

// watch is Watch on one socket. told is what was told last.
func watch(ctx context.Context, changed func(Table), told *Table) error {
	fd, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, syscall.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("open a netlink socket: %w", err)
	}
	if err := syscall.Bind(fd, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK, Groups: groups}); err != nil {
		syscall.Close(fd)
		return fmt.Errorf("bind a netlink socket: %w", err)
	}
	file := os.NewFile(uintptr(fd), "netlink")
	defer file.Close()
	defer context.AfterFunc(ctx, func() { file.Close() })()
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	w := &watcher{raw: raw, changed: changed, told: *told}
	if err := w.run(); ctx.Err() == nil {
		*told = w.told
		return err
	}
	return nil
}

type watcher struct {
	raw     syscall.RawConn
	changed func(Table)
	kernel  *kernel
	asked   int // how many of dumps have ended
	told    Table
}

func (w *watcher) run() error {
	if err := w.begin(); err != nil {
		return err
	}
	buf := make([]byte, 64<<10)
	for {
		n, from, err := w.receive(buf)
		switch {
		case err != nil:
			return fmt.Errorf("read from netlink: %w", again(err))
		case from != 0:
			continue // another program may send here too
		}
		if err := w.take(parse(buf[:n])); err != nil {
			return err
		}
	}
}

// begin asks for everything.
func (w *watcher) begin() error {
	w.kernel, w.asked = newKernel(), 0
	return w.ask()
}

func (w *watcher) ask() error {
	b := make([]byte, syscall.NLMSG_HDRLEN+syscall.SizeofRtGenmsg)
	binary.NativeEndian.PutUint32(b, uint32(len(b)))
	binary.NativeEndian.PutUint16(b[4:], dumps[w.asked])
	binary.NativeEndian.PutUint16(b[6:], syscall.NLM_F_DUMP|syscall.NLM_F_REQUEST)
	var failed error
	err := w.raw.Write(func(fd uintptr) bool {
		failed = syscall.Sendto(int(fd), b, 0, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK})
		return failed != syscall.EAGAIN
	})
	if err = errors.Join(err, failed); err != nil {
		return fmt.Errorf("ask the kernel for its interfaces: %w", err)
	}
	return nil
}

// receive reads one datagram, and says who has sent it: 0 is the kernel.
func (w *watcher) receive(buf []byte) (n int, from uint32, err error) {
	var failed error
	err = w.raw.Read(func(fd uintptr) bool {
		var a syscall.Sockaddr
		n, a, failed = syscall.Recvfrom(int(fd), buf, 0)
		if a, ok := a.(*syscall.SockaddrNetlink); ok {
			from = a.Pid
		}
		return failed != syscall.EAGAIN && failed != syscall.EINTR
	})
	return n, from, errors.Join(err, failed)
}

// take applies messages, and tells if that has changed something and everything is known.
func (w *watcher) take(list []message) error {
	for _, m := range list {
		switch {
		case m.interrupted:
			return errAgain
		case m.failed != 0:
			return fmt.Errorf("the kernel does not tell its interfaces: %w", m.failed)
		case !m.done:
			w.kernel.apply(m)
		case w.asked < len(dumps):
			if w.asked++; w.asked < len(dumps) {
				if err := w.ask(); err != nil {
					return err
				}
			}
		}
	}
	if w.asked < len(dumps) {
		return nil
	}
	if t := w.kernel.table(); w.told == nil || !t.equal(w.told) {
		w.told = t
		w.changed(t)
	}
	return nil
}
