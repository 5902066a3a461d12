package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"skerry/scripts/link/emulate"
)

// userTimeout is the TCP_USER_TIMEOUT of the connections of figure kernel.
const userTimeout = 20 * time.Second

// abandoned is what the kernel made of a dead link.
type abandoned struct {
	again time.Duration // until it first sent something again; 0: it has not
	heard time.Duration // what TCP_INFO then said of the last acknowledgement
	ended time.Duration // until the connection ended by TCP_USER_TIMEOUT; 0: it has not
}

// kernel measures how long TCP itself takes for a dead link on which something is sent now and then, without any MQTT: how soon it sends
// again, and when TCP_USER_TIMEOUT ends the connection.
func (s *settings) kernel(ctx context.Context, t *table) error {
	cases := []struct{ trip, every time.Duration }{
		{60 * time.Millisecond, time.Second}, {600 * time.Millisecond, time.Second}, {600 * time.Millisecond, 5 * time.Second},
	}
	results, errs := make([]abandoned, len(cases)), make([]error, len(cases))
	var wg sync.WaitGroup
	for i, c := range cases {
		wg.Go(func() { results[i], errs[i] = abandon(ctx, c.trip, c.every) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	t.title("kernel: TCP alone on a link that dies without a word, TCP_USER_TIMEOUT %v", userTimeout)
	for i, c := range cases {
		t.note(fmt.Sprintf("100 B every %v, %v round trip", c.every, c.trip), "sends again after %4.1f s (last acknowledgement %4.1f s ago); ended after %4.1f s",
			results[i].again.Seconds(), results[i].heard.Seconds(), results[i].ended.Seconds())
	}
	return nil
}

// abandon lets a link die under a connection on which 100 bytes leave each time.
func abandon(ctx context.Context, trip, every time.Duration) (a abandoned, err error) {
	w, err := emulate.NewWorld()
	if err != nil {
		return a, err
	}
	defer w.Close()
	way := emulate.Conditions{Delay: trip / 2}
	link, err := w.Join(emulate.Options{Up: way, Down: way})
	if err != nil {
		return a, err
	}
	conn, err := talk(ctx, w)
	if err != nil {
		return a, err
	}
	defer conn.Close()
	over := make(chan struct{})
	go func() {
		defer close(over)
		_, _ = io.Copy(io.Discard, conn)
	}()
	piece := make([]byte, 100)
	for range 6 {
		if _, err := conn.Write(piece); err != nil {
			return a, err
		}
		if err := pause(ctx, every); err != nil {
			return a, err
		}
	}
	link.BlackHole(true)
	began, next := time.Now(), time.Now()
	for time.Since(began) < 2*time.Minute {
		if now := time.Now(); now.After(next) {
			next = next.Add(every)
			_, _ = conn.Write(piece) // its end is seen below
		}
		if info := tcpInfo(conn); a.again == 0 && info.Retransmits > 0 {
			a.again, a.heard = time.Since(began), time.Duration(info.Last_ack_recv)*time.Millisecond
		}
		select {
		case <-ctx.Done():
			return a, context.Cause(ctx)
		case <-over:
			a.ended = time.Since(began)
			return a, nil
		case <-time.After(20 * time.Millisecond):
		}
	}
	return a, nil
}

// talk connects to a server that answers each piece with 4 bytes, as PUBACK has.
func talk(ctx context.Context, w *emulate.World) (*net.TCPConn, error) {
	l, err := w.Far.Listen(":7000")
	if err != nil {
		return nil, err
	}
	go func() {
		defer l.Close()
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(5 * time.Minute)) // this end is never told
		b := make([]byte, 4096)
		for {
			if _, err := c.Read(b); err != nil {
				return
			}
			if _, err := c.Write(b[:4]); err != nil {
				return
			}
		}
	}()
	d := net.Dialer{KeepAlive: -1, Timeout: 30 * time.Second, Control: limit}
	conn, err := w.Near.Dial(ctx, d, emulate.Server+":7000")
	if err != nil {
		l.Close()
		return nil, err
	}
	return conn.(*net.TCPConn), nil
}

// limit sets the TCP_USER_TIMEOUT of a socket.
func limit(_, _ string, raw syscall.RawConn) error {
	var refused error
	err := raw.Control(func(fd uintptr) {
		refused = os.NewSyscallError("setsockopt", unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(userTimeout.Milliseconds())))
	})
	return errors.Join(err, refused)
}

// tcpInfo is what the kernel says of a connection; nothing of one that is closed.
func tcpInfo(conn *net.TCPConn) (info unix.TCPInfo) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return info
	}
	_ = raw.Control(func(fd uintptr) {
		if i, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
			info = *i
		}
	})
	return info
}
