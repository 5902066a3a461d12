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

// prepare has little wait in the socket, and has the kernel give up a dead connection by itself after a while.
func (s socket) prepare(patience time.Duration) error {
	if err := s.set(unix.TCP_NOTSENT_LOWAT, unsent); err != nil {
		return err
	}
	return s.giveUp(patience)
}

// giveUp says after what silence the kernel ends the connection.
func (s socket) giveUp(after time.Duration) error {
	return s.set(unix.TCP_USER_TIMEOUT, int(after.Milliseconds()))
}

// net is how long the kernel waits for an answer: longer than the watchdog, which knows more, and than the Server has to answer a PINGREQ in the
// worst signal, so that it is not the one who decides.
func (w *way) net(dead time.Duration) time.Duration {
	return max(2*dead, 2*max(answerTime, w.kind.DeadFloor)+10*time.Second)
}

func (s socket) set(option, value int) error {
	var err error
	if control := s.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, option, value) }); control != nil {
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
