package client

import (
	"io"
	"math/bits"

	"skerry/broker/packet"
)

// Packet is a Control Packet that can be sent: *packet.Ack, *packet.Subscribe ...
type Packet interface {
	Append(dst []byte, v packet.Version) []byte
}

// Publish appends a PUBLISH to the write buffer. The caller chose its PacketID; PayloadSize is set here, and TopicAlias where
// ConnOptions.Aliases has one; TopicName is then empty if the Server knows it. Nothing is appended
// when the Server does not allow it: ErrQuota at its Receive Maximum (try again after an acknowledgement), ErrTooLarge,
// QoSNotSupported, RetainNotSupported.
func (c *Conn) Publish(head *packet.PublishHead, payload []byte) error {
	switch {
	case head.QoS > c.server.MaximumQoS:
		return packet.QoSNotSupported // [MQTT-3.2.2-11]
	case head.Retain && !c.server.RetainAvailable:
		return packet.RetainNotSupported // [MQTT-3.2.2-14]
	}
	head.PayloadSize = len(payload)
	size := head.Size(c.version)
	if limit := c.server.MaximumPacketSize; size > packet.MaxSize || limit > 0 && uint64(size) > uint64(limit) {
		return ErrTooLarge // [MQTT-3.2.2-15]
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.cause != nil:
		return c.cause
	case head.QoS > 0 && !c.flight.room(head.PacketID), head.QoS == 2 && !c.exact.room(head.PacketID):
		return ErrQuota
	case head.QoS == 2:
		c.exact.add(head.PacketID)
		fallthrough
	case head.QoS == 1:
		c.flight.add(head.PacketID)
	}
	if c.options.Aliases != nil && c.version == packet.V5 {
		c.options.Aliases.apply(head, c.server.MaximumPacketSize)
	}
	c.out = append(head.Append(c.out, c.version), payload...)
	return nil
}

// Release appends a PUBREL. A PUBREL sent again on a new connection counts against Receive Maximum like its PUBLISH, as
// Servers count it, although it may always be sent (section 4.9).
func (c *Conn) Release(packetID uint16, code packet.ReasonCode) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if code == packet.Success {
		c.flight.add(packetID)
		c.exact.add(packetID)
	}
	return c.append(&packet.Ack{Type: packet.PUBREL, PacketID: packetID, ReasonCode: code})
}

// Send appends any other packet.
func (c *Conn) Send(p Packet) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.append(p)
}

// append encodes p unless it is too large for the Server [MQTT-3.2.2-15].
func (c *Conn) append(p Packet) error {
	if c.cause != nil {
		return c.cause
	}
	before := len(c.out)
	c.out = p.Append(c.out, c.version)
	if limit := c.server.MaximumPacketSize; limit > 0 && uint64(len(c.out)-before) > uint64(limit) {
		c.out = c.out[:before]
		return ErrTooLarge
	}
	return nil
}

// Buffered is the number of bytes that wait for Flush.
func (c *Conn) Buffered() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.out)
}

// Window is how many messages may be on their way at once: of QoS 1 and 2 together, and of QoS 2.
func (c *Conn) Window() (all, exact int) { return c.flight.max, c.exact.max }

// Quota is the number of QoS 1 and 2 messages that may be sent now. To a 3.1.1 Server it may be fewer of QoS 2; Publish tells.
func (c *Conn) Quota() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return max(c.flight.max-c.flight.doubt-c.flight.n, 0)
}

// Held are the Packet Identifiers of QoS 2 messages that the Server may hold: sent, here or before, and not completed.
func (c *Conn) Held() []uint16 {
	c.mu.Lock()
	defer c.mu.Unlock()
	var ids []uint16
	for id := range len(c.exact.ids) * 64 {
		if c.exact.has(uint16(id)) {
			ids = append(ids, uint16(id))
		}
	}
	return ids
}

// Doubt has n places of the Receive Maximum count as taken: the Server may hold as many QoS 2 messages of an earlier run that
// nobody remembers. At least one place is left.
func (c *Conn) Doubt(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.exact.doubt = min(n, c.exact.max-1)
	if c.version == packet.V5 { // for a 3.1.1 Server a QoS 1 message is done when it comes
		c.flight.doubt = min(n, c.flight.max-1)
	}
}

// Unacknowledged is the number of QoS 1 and 2 messages on their way whose PacketID is in first..last.
func (c *Conn) Unacknowledged(first, last uint16) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.flight.count(first, last)
}

// Flush writes what waits and blocks until the stream has taken it or the connection ends. It must not be called from a
// Handler: a Server that is itself blocked on writing would wait for ever.
func (c *Conn) Flush() error {
	c.flushing <- struct{}{}
	defer func() { <-c.flushing }()
	for written := false; ; written = true {
		c.mu.Lock()
		b := c.out
		if len(b) == 0 && written {
			c.mu.Unlock()
			return nil // also when the Server has closed since: it has taken what there was
		}
		if len(b) == 0 || c.cause != nil {
			err := c.cause
			c.mu.Unlock()
			return err
		}
		c.out, c.spare = c.spare[:0], nil
		c.mu.Unlock()

		c.alive.writes()
		n, err := c.rw.Write(b)
		if err == nil && n < len(b) {
			err = io.ErrShortWrite
		}
		if err != nil {
			return c.lost(err)
		}
		c.alive.wrote()
		c.see(false, b)
		if cap(b) <= keepBuffer {
			c.spare = b[:0]
		}
	}
}

// flight is the set of Packet Identifiers that count against the Server's Receive Maximum. A set rather than a counter: an
// acknowledgement that comes twice must not make room twice.
type flight struct {
	max, n, doubt int
	ids           [1 << 16 / 64]uint64
}

func (f *flight) has(id uint16) bool { return f.ids[id/64]&(1<<(id%64)) != 0 }

// room tells whether id may be sent: there is quota left, or it has its place already.
func (f *flight) room(id uint16) bool { return f.n < f.max-f.doubt || f.has(id) }

func (f *flight) add(id uint16) {
	if !f.has(id) {
		f.ids[id/64] |= 1 << (id % 64)
		f.n++
	}
}

func (f *flight) remove(id uint16) {
	if f.has(id) {
		f.ids[id/64] &^= 1 << (id % 64)
		f.n--
	}
}

func (f *flight) count(first, last uint16) int {
	n := 0
	for word := int(first / 64); word <= int(last/64); word++ {
		w := f.ids[word]
		if word == int(first/64) {
			w &= ^uint64(0) << (first % 64)
		}
		if word == int(last/64) {
			w &= ^uint64(0) >> (63 - last%64)
		}
		n += bits.OnesCount64(w)
	}
	return n
}
