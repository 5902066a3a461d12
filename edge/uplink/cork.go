package uplink

import (
	"net"
	"sync"
	"time"
)

// corkTime is how long the end of a handshake waits for what is said first. CONNECT follows within milliseconds, unless the connection stands
// ready for a session that is still on another link.
const corkTime = 500 * time.Millisecond

// cork is the stream below TLS. What TLS writes leaves when it waits for an answer, so that the last thing of a handshake in which the
// client speaks last waits for what is written after it: both go in one packet of the network, which saves its headers of 52 bytes. It is
// transparent from then on.
type cork struct {
	net.Conn

	mu    sync.Mutex
	held  []byte
	err   error // of a write that nobody waited for
	over  bool  // the handshake is
	open  bool  // nothing is held any more
	timer *time.Timer
}

// newCork begins to hold back.
func newCork(conn net.Conn) *cork { return &cork{Conn: conn} }

// NetConn is the connection below.
func (c *cork) NetConn() net.Conn { return c.Conn }

// ended says that the handshake has been successful: the next write goes with what is held.
func (c *cork) ended() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
}

func (c *cork) Write(p []byte) (int, error) {
	c.mu.Lock()
	if c.open && c.err == nil {
		c.mu.Unlock()
		return c.Conn.Write(p)
	}
	defer c.mu.Unlock()
	if c.err != nil {
		return 0, c.err
	}
	c.held = append(c.held, p...)
	if c.over {
		c.open = true
		if c.flush(); c.err != nil {
			return 0, c.err
		}
		return len(p), nil
	}
	if c.timer == nil {
		c.timer = time.AfterFunc(corkTime, c.late)
	} else {
		c.timer.Reset(corkTime)
	}
	return len(p), nil
}

// late is called when nothing was written after what is held.
func (c *cork) late() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flush()
}

// flush writes what is held.
func (c *cork) flush() {
	if c.timer != nil {
		c.timer.Stop()
	}
	if len(c.held) == 0 || c.err != nil {
		return
	}
	_, c.err = c.Conn.Write(c.held)
	c.held = nil
}

// Read asks for an answer: what is held leaves.
func (c *cork) Read(p []byte) (int, error) {
	c.mu.Lock()
	if !c.open {
		c.flush()
	}
	err := c.err
	c.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

// Close has the alert leave that says why a handshake has failed, unless somebody is writing.
func (c *cork) Close() error {
	if c.mu.TryLock() {
		c.flush()
		c.mu.Unlock()
	}
	return c.Conn.Close()
}
