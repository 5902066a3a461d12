package server

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/queue"
)

// conn is one Network Connection. Its goroutine reads and handles packets; who writes is whoever has the turn.
type conn struct {
	server   *Server
	listener *listener
	nc       net.Conn
	inner    net.Conn        // below TLS; closing it never blocks
	raw      syscall.RawConn // nil: not a socket of its own (TLS, a pipe)
	tryRead  func(fd uintptr) bool
	tryWrite func(fd uintptr) bool

	// Of the reader alone.
	in        *input        // nil while there is nothing to read
	kept      []byte        // the beginning of a packet, while in is nil
	small     []byte        // what a connection without raw parks in
	full      bool          // the last read of such a connection filled its buffer
	need      int           // length of the packet that is to be completed, 0 = not known
	readErr   error         // of the last readReady
	silence   time.Duration // 1.5 times the Keep Alive, 0 = may be silent for ever
	heard     time.Duration // when the last packet came (Server.now)
	aliases   map[uint16]string
	aliasSize int    // bytes of the names in aliases
	expiry    uint32 // Session Expiry Interval of CONNECT

	// Set before the turn is given back for the first time, then only read.
	version       packet.Version
	clientID      string
	session       *broker.Session
	maxPacketSize uint32 // of the Client, 0 = no limit

	turn        turn
	end         atomic.Uint32 // why the connection is to end, see ending
	closing     atomic.Bool   // no more deliveries
	stalled     atomic.Bool   // the reader waits until acknowledgements have left
	subscribing atomic.Int32  // SUBSCRIBE packets whose SUBACK has not left: messages wait for it
	inflight    atomic.Int32  // PUBLISH exchanges of the Client that have not ended
	kick        chan struct{} // wakes the reader when it does not read

	mu    sync.Mutex
	acks  *ackQueue // nil while there is none
	pings int       // PINGRESP packets owed; they wait for no disk

	// Of the one who has the turn.
	out      *output       // nil while nothing is to be written
	greeted  bool          // CONNACK has been put into out: other packets may follow [MQTT-3.2.0-1]
	notified queue.Receipt // the committer has been asked to wake us at this receipt
	broken   bool          // a write has failed
	wrote    int           // bytes that the last tryWrite wrote
	writeErr error
	until    time.Duration // the write deadline that is set
}

// ending is why a connection is to end, as told from outside of the reader: a Reason Code with endingTold set, or
// endingLost.
const (
	endingTold uint32 = 1 << 8
	endingLost uint32 = 1 << 9 // a write has failed
)

// longAgo makes every read fail that is under way.
var longAgo = time.Unix(1, 0)

// errLost means that the Client cannot be reached any more.
var errLost = errors.New("write to the client failed")

func newConn(s *Server, l *listener, nc net.Conn) *conn {
	c := &conn{server: s, listener: l, nc: nc, inner: nc, kick: make(chan struct{}, 1)}
	c.turn.take() // until there is a session
	if l.TLS != nil {
		c.nc = tls.Server(nc, l.TLS)
		return c
	}
	if sc, ok := nc.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			c.raw, c.tryRead, c.tryWrite = raw, c.readReady, c.writeReady
		}
	}
	return c
}

// serve is the life of the connection.
func (c *conn) serve(ctx context.Context) {
	err := c.open(ctx)
	if c.session == nil {
		c.refused(err)
	} else {
		if err == nil {
			err = c.receive()
		}
		c.finish(err)
	}
	if c.in != nil {
		c.server.giveInput(c.in)
	}
}

// receive reads and handles packets until the connection is to end, and says why.
func (c *conn) receive() error {
	for {
		if err := c.handleInput(); err != nil {
			return err
		}
		if err := c.waitForRoom(); err != nil {
			return err
		}
		if err := c.fill(c.need); err != nil {
			if err := c.excuse(err); err != nil {
				return err
			}
		}
	}
}

// handleInput handles every complete packet that has been read. Then, once for all of them, it lets go what they
// gave rise to: deliveries to others, answers to the Client.
func (c *conn) handleInput() error {
	if c.in == nil {
		return nil
	}
	before := c.in.r
	err := c.handlePackets()
	if c.in.r > before {
		c.heard = c.server.now()
	}
	c.in.touched.Flush()
	c.Flush()
	return err
}

func (c *conn) handlePackets() error {
	for {
		h, err := c.nextPacket(c.in)
		if err != nil {
			return err
		}
		if h.Type == 0 {
			return nil
		}
		if err := c.handle(h); err != nil {
			return err
		}
	}
}

// nextPacket takes the first packet from in. Type 0: it is not complete, and need says how long it will be.
func (c *conn) nextPacket(in *input) (packet.Header, error) {
	n, need, err := packet.Next(in.unread(), uint32(c.server.limits.Packet))
	c.need = need
	if err != nil || n == 0 {
		return packet.Header{}, err
	}
	frame := in.buf[in.r : in.r+n]
	in.r += n
	return packet.Split(frame)
}

// excuse judges a failed read. It is no failure when only the deadline of watch has struck and the Client has been
// heard since that was set.
func (c *conn) excuse(err error) error {
	if ended := c.ended(); ended != nil {
		return ended
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) || c.silence == 0 {
		return err
	}
	return c.watch()
}

// watch sets the deadline for the next packet: 1.5 times the Keep Alive after the last one [MQTT-3.1.2-22]. It is
// called when the deadline strikes and not for each packet: a busy connection costs no timer operations.
func (c *conn) watch() error {
	c.nc.SetReadDeadline(time.Time{})
	if c.silence > 0 {
		left := c.heard + c.silence - c.server.now()
		if left <= 0 {
			return packet.KeepAliveTimeout
		}
		c.nc.SetReadDeadline(time.Now().Add(left))
	}
	return c.ended() // Close may have set its own deadline before ours
}

// ended tells why the connection is to end, nil if it is not.
func (c *conn) ended() error {
	switch end := c.end.Load(); {
	case end == 0:
		return nil
	case end&endingLost != 0:
		return errLost
	default:
		return packet.ReasonCode(end)
	}
}

// Close ends the connection for a reason that lies outside of it: taken over, shutting down. It only leaves word;
// the first word counts.
func (c *conn) Close(code packet.ReasonCode) { c.stop(endingTold | uint32(code)) }

func (c *conn) stop(end uint32) {
	if c.end.CompareAndSwap(0, end) {
		c.nc.SetReadDeadline(longAgo)
		c.wakeReader()
	}
}

func (c *conn) wakeReader() {
	select {
	case c.kick <- struct{}{}:
	default: // it has been woken already
	}
}

// waitForRoom holds up reading while the Client has more under way than it may: what it sent waits for the disk,
// or it does not read our answers.
func (c *conn) waitForRoom() error {
	if !c.crowded() {
		return c.ended()
	}
	c.parkInput()
	c.stalled.Store(true)
	defer c.stalled.Store(false)
	var silent <-chan time.Time
	if c.silence > 0 {
		t := time.NewTimer(c.heard + c.silence - c.server.now())
		defer t.Stop()
		silent = t.C
	}
	for c.crowded() && c.ended() == nil {
		select {
		case <-c.kick:
		case <-silent:
			return packet.KeepAliveTimeout
		}
	}
	return c.ended()
}

func (c *conn) crowded() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pings > mostPings || c.acks != nil && c.acks.cost > c.server.limits.Pending
}

// mostPings is how many PINGRESP packets are owed before reading stops: they are built in one piece when the Client reads
// again.
const mostPings = 1024

// waitForDisk holds up reading until a receipt is resolved, because there is no room for more before. What was read so far
// goes out first.
func (c *conn) waitForDisk(at queue.Receipt) error {
	c.in.touched.Flush()
	c.Flush()
	b := c.server.broker
	b.Notify(at, readerWaker{c})
	for b.Durable() < at && b.Err() == nil && c.ended() == nil {
		<-c.kick
	}
	return c.ended()
}

// readerWaker wakes the reader of a connection; the connection itself as a queue.Waker wakes its writer.
type readerWaker struct{ c *conn }

func (w readerWaker) Wake() { w.c.wakeReader() }
