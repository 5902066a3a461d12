package modbus

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"syscall"
	"time"

	"skerry/drivers"
)

// connection is a device or gateway that speaks Modbus TCP. A reply names its request by a number, so a late one is told from the one
// that is waited for. The connection is made when it is needed, and anew after an error.
type connection struct {
	address string
	dial    func(ctx context.Context, address string) (net.Conn, error)
	turn    chan struct{}
	conn    net.Conn // nil: none
	id      uint16   // of the last request
	silent  int      // requests in a row without a reply
	counts  Counts
	open    []sent // requests without a reply on this connection
	units   map[byte]*drivers.Lateness
}

// sent is a request whose time is over.
type sent struct {
	id   uint16
	unit byte
	at   time.Time
}

const (
	headerSize = 7 // "MODBUS Messaging on TCP/IP V1.0b", 3.1.3: transaction, protocol, length, unit
	maxPDU     = 253
	giveUp     = 2 // after so many requests without a reply the connection is made anew
)

func newConnection(address string, dial func(context.Context, string) (net.Conn, error)) *connection {
	return &connection{address: address, dial: dial, turn: make(chan struct{}, 1), units: map[byte]*drivers.Lateness{}}
}

// Close ends the connection.
func (c *connection) Close() error {
	if c.conn == nil {
		return nil
	}
	conn := c.conn
	c.conn = nil
	return conn.Close()
}

func (c *connection) take(ctx context.Context) error   { return takeTurn(ctx, c.turn) }
func (c *connection) give()                            { <-c.turn }
func (c *connection) count() *Counts                   { return &c.counts }
func (c *connection) room(request, bool) time.Duration { return 0 }

func (c *connection) lateness(unit byte) drivers.Lateness { return *c.unit(unit) }

func (c *connection) unit(n byte) *drivers.Lateness {
	if c.units[n] == nil {
		c.units[n] = new(drivers.Lateness)
	}
	return c.units[n]
}

// late counts a reply whose request is not waited for any more. One that comes twice is counted once.
func (c *connection) late(id uint16, blind bool) {
	i := slices.IndexFunc(c.open, func(s sent) bool { return s.id == id })
	if i >= 0 {
		addLate(c.unit(c.open[i].unit), time.Since(c.open[i].at), blind)
		c.open = slices.Delete(c.open, i, i+1)
	}
}

// exchange sends a request and waits for the reply with its number. Where the other side hung up meanwhile, as many do when nobody
// asked for a while, it is sent on a new connection.
func (c *connection) exchange(ctx context.Context, r request, _ bool, t timing) (reply, error) {
	return c.converse(ctx, r.unit, r.appendPDU(nil), t, r.reply)
}

// converse sends a request, and gives what read makes of the reply; false: the reply is none to it.
func (c *connection) converse(ctx context.Context, unit byte, pdu []byte, t timing, read func(unit byte, pdu []byte) (reply, bool)) (reply, error) {
	used := c.conn != nil
	p, err := c.try(ctx, message(unit, pdu), t, read)
	if _, hungUp := errors.AsType[*hangUp](err); hungUp && used {
		c.Close()
		p, err = c.try(ctx, message(unit, pdu), t, read)
	}
	if missed, ok := errors.AsType[*silence](err); ok {
		c.counts.Timeouts++
		if missed.bytes > 0 {
			c.counts.Damaged++
		}
		if c.silent++; c.silent < giveUp && !missed.torn {
			return p, missed
		}
	}
	if err != nil {
		c.Close()
		return p, err
	}
	c.silent = 0
	return p, nil
}

// hangUps are the errors of a connection that is over.
var hangUps = []error{io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, syscall.ECONNRESET, syscall.EPIPE}

// hangUp is a connection that the other side closed.
type hangUp struct{ err error }

func (e *hangUp) Error() string {
	return "the other side closed the connection; many devices serve one or two clients at a time"
}
func (e *hangUp) Unwrap() error { return e.err }

func (c *connection) try(ctx context.Context, message []byte, t timing, read func(byte, []byte) (reply, bool)) (reply, error) {
	if c.conn == nil {
		conn, err := c.dial(ctx, c.address)
		if err != nil {
			return reply{}, unreachable(ctx, err, "that Modbus TCP is switched on in the device")
		}
		c.conn, c.silent, c.open = conn, 0, nil
	}
	stop := context.AfterFunc(ctx, c.interrupt(c.conn))
	defer stop()
	if err := c.conn.SetDeadline(time.Now().Add(t.timeout)); err != nil {
		return reply{}, c.explain(ctx, err, t)
	}
	if ctx.Err() != nil {
		return reply{}, ctx.Err()
	}
	c.id++
	c.counts.Requests++
	unit := message[headerSize-1]
	c.unit(unit).Asked++
	start := time.Now()
	binary.BigEndian.PutUint16(message, c.id)
	if n, err := c.conn.Write(message); err != nil {
		return reply{}, c.explain(ctx, &tornError{err: err, sent: n > 0}, t)
	}
	p, err := c.await(read, start)
	if err != nil {
		c.open = append(c.open, sent{c.id, unit, start}) // giveUp bounds them
		return reply{}, c.explain(ctx, err, t)
	}
	return p, nil
}

// tornError is a message of which a part is through, in one direction. What comes next on its connection would be taken for the rest, or the
// rest for a message of its own.
type tornError struct {
	err  error
	sent bool
	came int // bytes
}

func (e *tornError) Error() string { return e.err.Error() }
func (e *tornError) Unwrap() error { return e.err }

// unreachable says what to do when nobody takes a connection.
func unreachable(ctx context.Context, err error, also string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w; check its address and the network, and %s", err, also)
}

// interrupt frees whoever waits for the connection.
func (c *connection) interrupt(conn net.Conn) func() {
	return func() { conn.SetDeadline(time.Unix(1, 0)) }
}

func (c *connection) explain(ctx context.Context, err error, t timing) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, os.ErrDeadlineExceeded):
		missed := &silence{timeout: t.timeout, tcp: true}
		if e, ok := errors.AsType[*tornError](err); ok {
			missed.bytes, missed.torn = e.came, e.sent || e.came > 0
		}
		return missed
	}
	for _, over := range hangUps {
		if errors.Is(err, over) {
			return &hangUp{err}
		}
	}
	return err
}

// message is a request as it goes over TCP, but for its number.
func message(unit byte, pdu []byte) []byte {
	b := binary.BigEndian.AppendUint16(make([]byte, 4, headerSize+len(pdu)), uint16(len(pdu)+1))
	return append(append(b, unit), pdu...)
}

// reply reads what came as the reply to a request.
func (r request) reply(unit byte, pdu []byte) (reply, bool) {
	p, ok := parsePDU(unit, pdu)
	return p, ok && p.answers(r)
}

// await reads messages until one has the number of the last request, which was sent at start.
func (c *connection) await(read func(unit byte, pdu []byte) (reply, bool), start time.Time) (reply, error) {
	var b [headerSize + maxPDU]byte
	for {
		id, n, err := readMessage(c.conn, b[:])
		if err != nil {
			return reply{}, err
		}
		if id != c.id {
			c.counts.Strays++
			c.late(id, time.Since(start) < blink)
			continue
		}
		p, ok := read(b[headerSize-1], b[headerSize:n])
		if !ok {
			c.counts.Damaged++
			return reply{}, fmt.Errorf("the reply does not fit the request (function %d, %d bytes): the other side mixes up its replies", b[headerSize], n)
		}
		return p, nil
	}
}

// readMessage reads one message into b and gives its number and length.
func readMessage(from io.Reader, b []byte) (id uint16, n int, err error) {
	if n, err := io.ReadFull(from, b[:headerSize]); err != nil {
		return 0, 0, &tornError{err: err, came: n}
	}
	length := int(binary.BigEndian.Uint16(b[4:]))
	if b[2] != 0 || b[3] != 0 || length < 3 || headerSize-1+length > len(b) {
		return 0, 0, fmt.Errorf("what comes is not Modbus TCP; is it the right port, or does it want `framing: rtu`?")
	}
	n = headerSize - 1 + length
	if more, err := io.ReadFull(from, b[headerSize:n]); err != nil {
		return 0, 0, &tornError{err: err, came: headerSize + more}
	}
	return binary.BigEndian.Uint16(b), n, nil
}

// parsePDU reads function and data of a reply.
func parsePDU(unit byte, pdu []byte) (reply, bool) {
	p := reply{unit: unit, table: Table(pdu[0] &^ exceptionBit)}
	if pdu[0]&exceptionBit != 0 {
		p.exception = pdu[1]
		return p, len(pdu) == 2 && p.exception != 0
	}
	p.data = pdu[2:]
	return p, len(p.data) > 0 && len(p.data) == int(pdu[1])
}
