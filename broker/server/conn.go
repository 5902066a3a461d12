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
	"skerry/broker/watch"
	"skerry/queue"
)

// conn is one Network Connection. Its goroutine reads and handles packets; who writes is whoever has the turn. There may be
// thousands that do nothing: a test holds its size to 512 bytes, a size class of the allocator.
type conn struct {
	server   *Server
	listener *listener
	nc       net.Conn
	inner    net.Conn        // below TLS; closing it never blocks
	raw      syscall.RawConn // nil: not a socket of its own (TLS, a pipe)
	tryRead  func(fd uintptr) bool
	tryWrite func(fd uintptr) bool

	// Of the reader alone.
	in        *input           // nil while there is nothing to read
	kept      []byte           // the beginning of a packet, while in is nil
	small     *[smallSize]byte // what a connection without raw parks in; nil: nothing yet
	calm      calm
	need      int32         // length of the packet that is to be completed, 0 = not known
	readErr   error         // of the last readReady
	silence   time.Duration // 1.5 times the Keep Alive, 0 = may be silent for ever
	heard     time.Duration // when the last packet came (Server.now)
	paces     *paces        // nil: it may send as fast as it can
	held      bool          // handling stopped before a packet, because of these
	aliases   map[uint16]string
	auth      *authentication // nil: the Client named no Authentication Method
	userName  string          // in log lines
	aliasSize int32           // bytes of the names in aliases
	expiry    uint32          // Session Expiry Interval of CONNECT

	// Set before the turn is given back for the first time, then only read.
	clientID      string
	session       *broker.Session
	guard         *guard   // nil: it may do everything
	gateway       *gateway // nil: it is none
	login         *login   // nil: by nothing that could be taken back
	maxPacketSize uint32   // of the Client, 0 = no limit
	version       packet.Version
	outplaced     bool                        // its place has been given away; guarded by Server.mu
	noProblems    bool                        // Request Problem Information is 0
	trace         atomic.Pointer[watch.Trace] // nil: nobody watches; set at any time

	turn        turn
	end         atomic.Uint32          // why the connection is to end, see ending
	closing     atomic.Bool            // no more deliveries
	stalled     atomic.Bool            // the reader waits until acknowledgements have left
	subscribing atomic.Int32           // SUBSCRIBE packets whose SUBACK has not left: messages wait for it
	inflight    atomic.Int32           // PUBLISH exchanges of the Client that have not ended
	kick        kick                   // wakes the reader when it does not read
	pong        atomic.Pointer[[]byte] // owed for a ping of WebSocket; nil: none

	mu    sync.Mutex
	acks  *ackQueue // nil while there is none
	pings int32     // PINGRESP packets owed; they wait for no disk

	// Of the one who has the turn.
	greeted  bool          // CONNACK has been put into out: other packets may follow [MQTT-3.2.0-1]. Written with mu held
	broken   bool          // a write has failed
	out      *output       // nil while nothing is to be written
	sent     *sentAliases  // nil: the Client wants no Topic Aliases
	notified queue.Receipt // the committer has been asked to wake us at this receipt
	wrote    int           // bytes that the last tryWrite wrote
	writeErr error
	until    time.Duration // the write deadline that is set
	gave     watch.Meter   // what the Client has been sent

	// For those who look from outside. What both goroutines need for each message stands close together above.
	got   watch.Meter  // what the Client has sent
	since atomic.Int64 // when it was let in (Server.now); 0: not yet. What is only read from then on may be read by anybody
	drain drain        // of the one who calls Server.Look
	slow  atomic.Bool  // as seen by that

	// Of the reader again, in the room that is left.
	full bool                              // the last read of a connection without raw filled its buffer
	told struct{ publish, subscribe bool } // the first refusal has been logged
}

// kick wakes a goroutine that waits for something else than input. Its channel is made by the first wait: an idle connection has
// none. wait is for one goroutine, and is called before what is waited for is looked at: else a wake gets lost.
type kick struct{ made atomic.Pointer[chan struct{}] }

func (k *kick) wait() <-chan struct{} {
	if made := k.made.Load(); made != nil {
		return *made
	}
	made := make(chan struct{}, 1)
	k.made.Store(&made)
	return made
}

func (k *kick) wake() {
	made := k.made.Load()
	if made == nil {
		return
	}
	select {
	case *made <- struct{}{}:
	default: // it has been woken already
	}
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
	c := &conn{server: s, listener: l, nc: nc, inner: nc, paces: s.limits.newPaces()}
	c.turn.take() // until there is a session
	if config := l.tls(); config != nil {
		c.nc = tls.Server(nc, config)
	}
	if l.WebSocket != nil {
		c.nc = &stream{Conn: c.nc, excuse: c.excuseLater, pinged: c.pinged, anybody: l.Anonymous && !l.secure()}
	}
	if c.nc != nc {
		return c
	}
	if sc, ok := nc.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			c.raw, c.tryRead, c.tryWrite = raw, c.readReady, c.writeReady
		}
	}
	return c
}

// serve is the life of the connection. A Client that is let in goes on in another goroutine: CONNECT needs a deep stack,
// and an idle connection would keep it.
func (c *conn) serve(ctx context.Context) {
	err := c.open(ctx)
	if err == nil {
		err = c.handleInput() // CONNACK leaves here
	}
	if err != nil {
		c.part(err)
		return
	}
	c.server.work.Go(func() { c.part(c.receive()) })
}

// part ends the connection and gives back what it has held.
func (c *conn) part(err error) {
	if c.session == nil {
		c.refused(err)
	} else {
		c.finish(err)
		c.leavePaces()
	}
	if c.in != nil {
		c.server.giveInput(c.in)
	}
	if s, ok := c.nc.(*stream); ok {
		s.release()
	}
	c.server.forget(c)
}

// receive reads and handles packets until the connection is to end, and says why.
func (c *conn) receive() error {
	for {
		if err := c.waitForRoom(); err != nil {
			return err
		}
		waited, err := c.waitForPace()
		if err != nil {
			return err
		}
		if !waited {
			if err := c.fill(int(c.need)); err != nil {
				if err := c.excuse(err); err != nil {
					return err
				}
			}
		}
		if err := c.handleInput(); err != nil {
			return err
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
	err := c.handlePackets(c.trace.Load())
	if c.in.r > before {
		c.heard = c.server.now()
		c.in.batch.Bytes = uint64(c.in.r - before)
		c.got.Add(&c.in.batch)
	}
	c.in.touched.Flush()
	c.Flush()
	return err
}

func (c *conn) handlePackets(t *watch.Trace) error {
	for c.mayHandle() {
		at := c.in.r
		h, err := c.nextPacket(c.in)
		if err != nil {
			return err
		}
		if h.Type == 0 {
			return nil
		}
		c.in.batch.Packets++
		if t != nil {
			t.See(c.version, true, c.in.buf[at:c.in.r])
		}
		if err := c.handle(h); err != nil {
			return err
		}
	}
	return nil
}

// nextPacket takes the first packet from in. Type 0: it is not complete, and need says how long it will be.
func (c *conn) nextPacket(in *input) (packet.Header, error) {
	n, need, err := packet.Next(in.unread(), uint32(c.listener.limits.Packet))
	c.need = int32(need)
	if err != nil || n == 0 {
		return packet.Header{}, err
	}
	frame := in.buf[in.r : in.r+n]
	in.r += n
	c.paceBytes(n)
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

// excuseLater is excuse for what fails below a stream, where nothing may be tried again before the Client is in and
// after it is to go.
func (c *conn) excuseLater(err error) error {
	if c.session == nil || c.closing.Load() {
		return err
	}
	return c.excuse(err)
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
		c.kick.wake()
	}
}

// waitForRoom holds up reading while the Client has more under way than it may: what it sent waits for the disk,
// or it does not read our answers. That it is silent is held against it in the second case only.
func (c *conn) waitForRoom() error {
	if !c.crowded() {
		return c.ended()
	}
	c.parkInput()
	kicked := c.kick.wait()
	c.stalled.Store(true)
	defer c.stalled.Store(false)
	silent := time.NewTimer(c.heard + c.silence - c.server.now())
	defer silent.Stop()
	if c.silence == 0 {
		silent.Stop()
	}
	for c.crowded() && c.ended() == nil {
		select {
		case <-kicked:
		case <-silent.C:
			if !c.waitsForDisk() {
				return packet.KeepAliveTimeout
			}
			silent.Reset(c.silence)
		}
	}
	c.heard = c.server.now() // nobody has listened
	return c.ended()
}

// waitsForDisk tells whether it is the disk that holds up the next acknowledgement.
func (c *conn) waitsForDisk() bool {
	at, waiting := c.head()
	return waiting && at > c.server.broker.Durable()
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
	b, kicked := c.server.broker, c.kick.wait()
	b.Notify(at, readerWaker{c})
	for b.Durable() < at && b.Err() == nil && c.ended() == nil {
		<-kicked
	}
	return c.ended()
}

// readerWaker wakes the reader of a connection; the connection itself as a queue.Waker wakes its writer.
type readerWaker struct{ c *conn }

func (w readerWaker) Wake() { w.c.kick.wake() }
