package linktest

import (
	"context"
	"net"
	"os"
	"syscall"
	"time"

	"skerry/edge/config"
)

// synRetries is how often the kernel repeats a SYN; the first wait is a second, and it doubles.
const synRetries = 6

// Dial connects to the server, whatever its address is; where that asks for TLS it is the caller's. It takes a round trip. In a black hole
// it takes as long as ctx allows, 127 s at most.
func (l *Link) Dial(ctx context.Context, _ config.Server) (net.Conn, error) {
	l.mu.Lock()
	l.dials++
	l.mu.Unlock()
	for try := range synRetries + 1 {
		conn, wait, err := l.syn()
		if err != nil {
			return nil, refusal(err)
		}
		if conn != nil {
			if err := sleep(ctx, wait); err != nil {
				conn.Close()
				return nil, refusal(err)
			}
			if err := l.established(conn); err != nil {
				return nil, refusal(err)
			}
			return conn, nil
		}
		if err := sleep(ctx, time.Second<<try); err != nil {
			return nil, refusal(err)
		}
	}
	return nil, refusal(os.NewSyscallError("connect", syscall.ETIMEDOUT))
}

// syn sends a SYN. It gives a connection that stands after a wait, or nothing if there is no answer.
func (l *Link) syn() (*end, time.Duration, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.isDown {
		return nil, 0, os.NewSyscallError("connect", syscall.ENETUNREACH)
	}
	l.up.sent(0, handshake)
	now := time.Now()
	there := l.up.leaves(now, handshake).Sub(now) + l.up.c.Delay
	if l.hole || l.stalled || l.up.c.Loss > 0 && l.chance.Float64() < l.up.c.Loss {
		l.up.count.Lost++
		return nil, 0, nil
	}
	return l.newPair().near, there + l.down.c.Delay, nil
}

// established ends the handshake, and offers the other end to whoever accepts.
func (l *Link) established(e *end) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	pair := e.out.pair
	if l.refuses || l.closed {
		e.closed, pair.far.closed = true, true
		pair.over()
		l.down.sent(0, headers-12)
		return os.NewSyscallError("connect", syscall.ECONNREFUSED)
	}
	l.down.sent(0, handshake)
	l.up.sent(0, headers)
	pair.used = time.Now()
	l.waiting = append(l.waiting, pair.far)
	l.changed.Broadcast()
	return nil
}

func refusal(err error) error {
	return &net.OpError{Op: "dial", Net: "tcp", Addr: address("far"), Err: err}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Listener is where the server accepts. Close has dialling refused; connections stay.
func (l *Link) Listener() net.Listener { return listener{l} }

type listener struct{ link *Link }

func (l listener) Accept() (net.Conn, error) {
	k := l.link
	k.mu.Lock()
	defer k.mu.Unlock()
	for len(k.waiting) == 0 && !k.closed {
		k.changed.Wait()
	}
	if k.closed {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Addr: l.Addr(), Err: net.ErrClosed}
	}
	e := k.waiting[0]
	k.waiting = k.waiting[1:]
	return e, nil
}

func (l listener) Close() error {
	l.link.with(func() { l.link.closed = true })
	return nil
}

func (l listener) Addr() net.Addr { return address("far") }
