package server

import (
	"errors"
	"os"
	"syscall"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/broker/watch"
	"skerry/queue"
)

// outputSize is how much is gathered for one write: packets are added until it is reached.
const outputSize = 64 << 10

// The number of deliveries asked for at once: few first, because each holds a message in memory until it is
// written, more while they turn out to be small.
const (
	handMin = 8
	handMax = 128
)

// output is what is on its way to a Client. A connection has one only while there is something in it.
type output struct {
	buf   []byte
	sent  int               // buf[:sent] has been written
	hand  []broker.Delivery // taken from the session
	next  int               // hand[:next] is in buf
	chunk int               // how many to take the next time
	batch watch.Traffic     // what has been put into buf since the last write
}

func (o *output) unsent() []byte { return o.buf[o.sent:] }

// Wake is told by the committer that acknowledgements or deliveries may have become ready. It touches no socket: the committer has many
// to wake. If it has only this one it calls Flush.
func (c *conn) Wake() {
	if c.turn.take() {
		c.startWriter()
	}
}

// Flush is told by a publisher, or by the reader itself, that there may be something to write.
func (c *conn) Flush() {
	if c.turn.take() {
		c.write()
	}
}

// write belongs to the one who has the turn and gives it back. It writes what one write can without blocking,
// whoever's goroutine this is; the rest is for a writer of the connection's own.
func (c *conn) write() {
	for range 2 {
		c.collect()
		if c.out != nil || c.pong.Load() != nil {
			if c.raw == nil || !c.writeNow() {
				c.startWriter()
				return
			}
			if c.collect(); c.out != nil { // more than fits into one write
				c.startWriter()
				return
			}
		}
		if c.giveBack() {
			return
		}
	}
	c.startWriter()
}

// startWriter hands the turn to a goroutine that may block.
func (c *conn) startWriter() { c.server.work.Go(c.writeAll) }

// writeAll writes until nothing is ready any more.
func (c *conn) writeAll() {
	for {
		c.answerPing()
		for c.collect(); c.out != nil; c.collect() {
			if c.raw != nil && c.writeNow() {
				continue
			}
			c.writeBlocking()
		}
		if c.giveBack() {
			return
		}
	}
}

// giveBack gives the turn back when nothing is ready. What waits for the disk will be told by the committer;
// asking it here and not with each packet is one wake per group of commits.
func (c *conn) giveBack() bool {
	if at, waiting := c.head(); waiting {
		c.await(at)
	}
	if !c.turn.release() {
		return false
	}
	if c.closing.Load() {
		c.kick.wake()
	}
	return true
}

// await has the committer wake us when a receipt is resolved. When the store is down it never will be: what was
// not acknowledged is the Client's to send again.
func (c *conn) await(at queue.Receipt) {
	if c.server.broker.Err() != nil {
		c.Close(packet.ImplementationSpecificError)
		return
	}
	if at > c.notified {
		c.notified = at
		c.server.broker.Notify(at, c)
	}
}

// writeNow makes one attempt that does not block. False: something is left. The deadline of an earlier write that did block may have
// passed since, and then nothing is tried: it says nothing about this one.
func (c *conn) writeNow() bool {
	c.wrote, c.writeErr = 0, nil
	if err := c.raw.Write(c.tryWrite); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		c.writeErr = err
	}
	return c.written(c.wrote, c.writeErr)
}

// writeReady is what syscall.RawConn calls. It never asks to be called again.
func (c *conn) writeReady(fd uintptr) bool {
	for {
		n, err := writeOnce(int(fd), c.out.unsent())
		if err == syscall.EINTR {
			continue
		}
		if err != syscall.EAGAIN {
			c.writeErr = err
		}
		c.wrote = max(n, 0)
		return true
	}
}

// extend sets the write deadline anew when much of it has passed.
func (c *conn) extend() {
	now := c.server.now()
	if stall := c.server.limits.Stall; c.until-now < stall*3/4 && !c.closing.Load() {
		c.until = now + stall
		c.nc.SetWriteDeadline(time.Now().Add(stall))
	}
}

// writeBlocking writes as long as the Client takes a byte now and then.
func (c *conn) writeBlocking() {
	c.extend()
	n, err := c.nc.Write(c.out.unsent())
	if n > 0 && c.raw != nil && errors.Is(err, os.ErrDeadlineExceeded) && !c.closing.Load() {
		err = nil // slow, but alive
	}
	c.written(n, err)
}

// written notes the result of a write. After an error everything there is to write is dropped: the reader is told
// and the session keeps what is owed. True: all is written.
func (c *conn) written(n int, err error) bool {
	o := c.out
	o.sent += n
	o.batch.Bytes = uint64(max(n, 0))
	c.gave.Add(&o.batch)
	if err != nil {
		c.stop(endingLost)
		c.broken = true
		o.sent = len(o.buf)
		c.dropHand()
	}
	if o.sent < len(o.buf) {
		return false
	}
	c.dropOutput()
	return true
}

// dropOutput empties the output, and gives it back unless it still holds deliveries.
func (c *conn) dropOutput() {
	o := c.out
	o.buf, o.sent, o.batch = o.buf[:0], 0, watch.Traffic{}
	if o.next < len(o.hand) {
		return
	}
	c.dropHand()
	if cap(o.buf) > 2*outputSize {
		o.buf = nil
	}
	c.out = nil
	c.server.outputs.Put(o)
}

// dropHand lets go of deliveries that will not be written any more. The session delivers those of QoS 1 and 2
// again.
func (c *conn) dropHand() {
	if c.out != nil {
		clear(c.out.hand)
		c.out.hand, c.out.next = c.out.hand[:0], 0
	}
}

// collect puts what is ready into the output, unless something is there that has not been written yet. Afterwards
// there is an output only if there is something to write.
func (c *conn) collect() {
	if c.out != nil && len(c.out.unsent()) > 0 {
		return
	}
	c.collectAnswers()
	switch {
	case c.closing.Load() || c.broken:
		c.dropHand()
	case c.greeted && c.subscribing.Load() == 0:
		c.collectDeliveries()
	}
	if c.out != nil && len(c.out.buf) == 0 {
		c.dropOutput()
	}
	if t := c.trace.Load(); t != nil && c.out != nil {
		t.See(c.version, false, c.out.buf)
	}
}

func (c *conn) output() *output {
	if c.out == nil {
		c.out = c.server.outputs.Get().(*output)
		c.out.chunk = handMin
	}
	return c.out
}

// collectAnswers takes the acknowledgements that are durable.
func (c *conn) collectAnswers() {
	durable := c.server.broker.Durable()
	c.mu.Lock()
	defer c.mu.Unlock()
	closing := c.closing.Load()
	if closing {
		c.takePings() // DISCONNECT may be among the acknowledgements, and nothing follows it [MQTT-3.14.4-1]
		c.pings = 0
	}
	if c.acks != nil {
		c.takeAcks(durable)
	}
	if !closing {
		c.takePings()
	}
}

func (c *conn) takePings() {
	if c.pings == 0 || !c.greeted {
		return
	}
	o := c.output()
	for ; c.pings > 0; c.pings-- {
		o.buf = packet.Pingresp{}.Append(o.buf, c.version)
		o.batch.Packets++
	}
	if c.stalled.Load() {
		c.kick.wake()
	}
}

// takeAcks moves the acknowledgements whose receipts are resolved into the output. An exchange ends here, before
// its last packet is on the wire: a Client that begins another one on seeing it is never counted too high.
func (c *conn) takeAcks(durable queue.Receipt) {
	at, waiting := c.acks.head()
	if !waiting || at > durable {
		return
	}
	o := c.output()
	var sum ack
	o.buf, sum = c.acks.take(o.buf, durable)
	c.greeted = true // CONNACK is always the first
	o.batch.Packets += uint64(sum.packets)
	c.subscribing.Add(-sum.subacks)
	for range sum.publishes {
		c.endExchange()
	}
	if c.stalled.Load() {
		c.kick.wake()
	}
	if c.acks.empty() {
		c.server.queues.Put(c.acks)
		c.acks = nil
	}
}

// endExchange counts down, but not below zero: a resumed session may end more exchanges than this connection has
// begun.
func (c *conn) endExchange() {
	for n := c.inflight.Load(); n > 0 && !c.inflight.CompareAndSwap(n, n-1); n = c.inflight.Load() {
	}
}

// head is the receipt that the next acknowledgement waits for.
func (c *conn) head() (at queue.Receipt, waiting bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.acks == nil {
		return 0, false
	}
	return c.acks.head()
}
