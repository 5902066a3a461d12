package main

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"skerry/broker/packet"
)

// A socket is one Network Connection without the runtime's poller: the clients of a cell share one epoll.
type socket struct {
	fd   int
	in   []byte
	r, w int
	out  []byte // not yet written
	busy bool   // the kernel takes no more: EPOLLOUT is asked for
}

// dial connects as a Client of MQTT 3.1.1 and waits for CONNACK. buffer is the size of its input, in bytes.
func dial(address, clientID string, clean bool, buffer int) (*socket, error) {
	fd, err := dialTCP(address)
	if err != nil {
		return nil, err
	}
	s := &socket{fd: fd, in: make([]byte, buffer)}
	s.out = (&packet.Connect{Version: packet.V311, CleanStart: clean, ClientID: []byte(clientID)}).Append(s.out)
	b, err := s.exchange(packet.CONNACK)
	if err == nil && b[3] != 0 {
		err = fmt.Errorf("refused with %d", b[3])
	}
	if err != nil {
		s.close()
		return nil, fmt.Errorf("connect %s: %w", clientID, err)
	}
	return s, nil
}

func dialTCP(address string) (fd int, err error) {
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		return 0, err
	}
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("socket: %w", err)
	}
	patience := unix.NsecToTimeval(int64(10 * time.Second)) // while it blocks; afterwards the cell has its own
	err = errors.Join(
		unix.Connect(fd, &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}),
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &patience))
	if err != nil {
		unix.Close(fd)
		return 0, fmt.Errorf("connect: %w", err)
	}
	return fd, nil
}

func (s *socket) close() { unix.Close(s.fd) }

func (s *socket) subscribe(filter string, qos packet.QoS) error {
	p := packet.Subscribe{PacketID: 1, Subscriptions: []packet.Subscription{{TopicFilter: []byte(filter), QoS: qos}}}
	s.out = p.Append(s.out, packet.V311)
	b, err := s.exchange(packet.SUBACK)
	if err == nil && b[4] != qos {
		err = fmt.Errorf("subscription answered with %#x", b[4])
	}
	return err
}

// exchange sends what waits and waits for the answer; only before the socket is non-blocking.
func (s *socket) exchange(t packet.Type) ([]byte, error) {
	if err := s.flush(); err != nil {
		return nil, err
	}
	for {
		b, err := s.next()
		if err != nil {
			return nil, err
		}
		if b != nil && packet.Type(b[0]>>4) != t {
			return nil, fmt.Errorf("%v came instead of %v", packet.Type(b[0]>>4), t)
		}
		if b != nil {
			return b, nil
		}
		if err := s.fill(); err != nil {
			return nil, err
		}
	}
}

// next is the next whole packet of the input, or nil.
func (s *socket) next() ([]byte, error) {
	n, _, err := packet.Next(s.in[s.r:s.w], 0)
	if n == 0 || err != nil {
		return nil, err
	}
	b := s.in[s.r : s.r+n]
	s.r += n
	return b, nil
}

// fill reads once.
func (s *socket) fill() error {
	s.w = copy(s.in, s.in[s.r:s.w])
	s.r = 0
	n, err := unix.Read(s.fd, s.in[s.w:])
	if err == unix.EAGAIN || err == unix.EINTR {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	if n == 0 {
		return fmt.Errorf("the broker closed the connection: %w", io.ErrUnexpectedEOF)
	}
	s.w += n
	return nil
}

// flush writes once, and keeps what the kernel does not take.
func (s *socket) flush() error {
	if len(s.out) == 0 {
		return nil
	}
	n, err := unix.Write(s.fd, s.out)
	if err == unix.EAGAIN || err == unix.EINTR {
		n, err = 0, nil
	}
	if err != nil {
		return fmt.Errorf("write: %w", err)
	}
	s.out = s.out[:copy(s.out, s.out[n:])]
	return nil
}
