package modbus

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

// converter is a serial port at the other end of a TCP connection that only passes bytes on. The connection is made when it is
// needed, and anew after an error.
type converter struct {
	address string
	dial    func(ctx context.Context, address string) (net.Conn, error)

	mu     sync.Mutex
	conn   net.Conn // nil: none
	closed bool
}

func newConverter(address string, dial func(context.Context, string) (net.Conn, error)) *converter {
	return &converter{address: address, dial: dial}
}

// connect makes the connection if there is none.
func (c *converter) connect(ctx context.Context) error {
	if conn, err := c.current(); conn != nil || errors.Is(err, os.ErrClosed) {
		return err
	}
	conn, err := c.dial(ctx, c.address)
	if err != nil {
		return unreachable(ctx, err, "the port that the converter serves its line at")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		conn.Close()
		return os.ErrClosed
	}
	c.conn = conn
	return nil
}

// writeTimeout is how long a converter may take nothing.
const writeTimeout = time.Second

var errNoConnection = errors.New("the connection to the converter is lost")

func (c *converter) current() (net.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return nil, os.ErrClosed
	case c.conn == nil:
		return nil, errNoConnection
	}
	return c.conn, nil
}

// lost drops the connection after an error that is no deadline.
func (c *converter) lost(conn net.Conn, err error) error {
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == conn {
		conn.Close()
		c.conn = nil
	}
	return fmt.Errorf("%w (%w); it is made anew; many converters serve one client at a time", errNoConnection, err)
}

func (c *converter) Read(b []byte) (int, error) {
	conn, err := c.current()
	if err != nil {
		return 0, err
	}
	n, err := conn.Read(b)
	if n > 0 {
		return n, nil
	}
	return 0, c.lost(conn, err)
}

func (c *converter) Write(b []byte) (int, error) {
	conn, err := c.current()
	if err != nil {
		return 0, err
	}
	if err := conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return 0, c.lost(conn, err)
	}
	n, err := conn.Write(b)
	return n, c.lost(conn, err)
}

// SetReadDeadline holds for pending and coming calls of Read.
func (c *converter) SetReadDeadline(t time.Time) error {
	conn, err := c.current()
	if err != nil {
		return err
	}
	return c.lost(conn, conn.SetReadDeadline(t))
}

// Discard is not needed: a line reads until it is silent.
func (c *converter) Discard() error { return nil }

// Close ends the connection.
func (c *converter) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.conn == nil {
		return nil
	}
	conn := c.conn
	c.conn = nil
	return conn.Close()
}
