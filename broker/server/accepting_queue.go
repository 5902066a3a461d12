package server

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// mayWaitAt tells whether a connection to the address of a listener may wait to be accepted there. It need not have come to it: other sockets
// may share the address (SO_REUSEPORT), rules of the kernel may send it elsewhere, and another program may have put its own socket in the
// place of a Unix socket. That those take nobody is not mended by a new start.
func mayWaitAt(l net.Listener, conn net.Conn) bool {
	listens, ok := l.(syscall.Conn)
	if !ok {
		return true
	}
	switch conn := conn.(type) {
	case *net.TCPConn:
		waiting, ok := option(listens, queued)
		return !ok || waiting > 0
	case *net.UnixConn:
		theirs, ok := option(conn, listenerOf)
		ours, known := option(listens, listenerOf)
		return !ok || !known || theirs == ours
	}
	return true
}

// option asks a socket; false: it does not tell.
func option[T any](of syscall.Conn, ask func(fd int) (T, error)) (found T, ok bool) {
	raw, err := of.SyscallConn()
	if err != nil {
		return found, false
	}
	control := raw.Control(func(fd uintptr) { found, err = ask(int(fd)) })
	return found, control == nil && err == nil
}

// queued is how many connections wait at a TCP socket that listens: for such a one the kernel has their number where that of unacknowledged
// segments stands, and behind it how many may (tcp_get_info of Linux). Without the second the answer is not the kernel's own, as under qemu-user.
func queued(fd int) (uint32, error) {
	info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return 0, err
	}
	if info.Sacked == 0 {
		return 0, unix.ENOPROTOOPT
	}
	return info.Unacked, nil
}

// listenerOf is the process that had a Unix socket listen, asked of that or of a connection to it (unix(7), SO_PEERCRED).
func listenerOf(fd int) (pid int32, err error) {
	c, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return 0, err
	}
	return c.Pid, nil
}
