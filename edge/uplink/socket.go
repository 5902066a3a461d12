package uplink

import (
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"skerry/edge/uplink/watchdog"
)

// unsent is how many bytes wait in the socket before a write blocks, in bytes. What is there cannot be overtaken any more.
const unsent = 8 << 10

// socket is the connection of TCP below a stream.
type socket struct{ syscall.RawConn }

// socketOf finds it below TLS and whatever else; false if there is none.
func socketOf(stream any) (socket, bool) {
	for {
		inner, ok := stream.(interface{ NetConn() net.Conn })
		if !ok {
			break
		}
		stream = inner.NetConn()
	}
	tcp, ok := stream.(*net.TCPConn)
	if !ok {
		return socket{}, false
	}
	raw, err := tcp.SyscallConn()
	return socket{raw}, err == nil
}

// prepare has little wait in the socket, and has the kernel give up a dead connection by itself some time after we would have.
func (s socket) prepare(dead time.Duration) error {
	var err error
	control := s.Control(func(fd uintptr) {
		if err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsent); err == nil {
			err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int((2 * dead).Milliseconds()))
		}
	})
	if control != nil {
		return control
	}
	return err
}

// path is what the kernel knows of the way to the Server; false if it does not tell.
func (s socket) path() (watchdog.Path, bool) {
	var info *unix.TCPInfo
	var err error
	if s.Control(func(fd uintptr) { info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) }) != nil || err != nil {
		return watchdog.Path{}, false
	}
	return watchdog.Path{
		Waiting: info.Unacked > 0 || info.Notsent_bytes > 0,
		Silent:  time.Duration(info.Last_ack_recv) * time.Millisecond,
	}, true
}
