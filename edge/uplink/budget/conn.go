package budget

import (
	"net"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// conn counts what passes a connection.
type conn struct {
	net.Conn
	meter *Meter
	raw   syscall.RawConn // nil: the kernel cannot be asked
	ip    int64           // bytes of a header of IP
	close sync.Once

	// below meter.mu
	header    int64 // bytes of headers for each packet
	segment   int64 // payload of a full packet
	total     int64 // what it has cost, its end included
	unsampled int64 // payload since the kernel was asked
	closed    bool
}

// expect counts by the model.
func (c *conn) expect(bytes int64) {
	c.meter.mu.Lock()
	defer c.meter.mu.Unlock()
	c.total += bytes
	c.meter.count(bytes)
}

// passed counts payload by the model, and asks the kernel now and then.
func (c *conn) passed(payload int, cost func(bytes, header, segment int64) int64) {
	if payload <= 0 {
		return
	}
	m := c.meter
	m.mu.Lock()
	defer m.mu.Unlock()
	bytes := cost(int64(payload), c.header, c.segment)
	c.total += bytes
	m.count(bytes)
	if c.unsampled += int64(payload); c.unsampled >= sampleEvery && !c.closed {
		m.sample(c)
	}
}

// ending is what the end of the connection is going to cost, that is spent at its beginning: when power goes it cannot be counted.
func (c *conn) ending(info *unix.TCPInfo) int64 {
	if c.closed {
		return closing(info, c.ip)
	}
	return endPackets * c.header
}

// Write waits until the disk knows of what is about to be sent.
func (c *conn) Write(p []byte) (int, error) {
	c.meter.mu.Lock()
	bytes := wrote(int64(len(p)), c.header, c.segment)
	c.meter.mu.Unlock()
	c.meter.ledger.Cover(bytes)
	n, err := c.Conn.Write(p)
	c.passed(n, wrote)
	return n, err
}

// Read waits until the disk knows of what has been received.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.passed(n, readCost)
	c.meter.ledger.Cover(0)
	return n, err
}

// Close asks the kernel for the last time, and closes.
func (c *conn) Close() error {
	c.close.Do(func() {
		m := c.meter
		m.mu.Lock()
		c.closed = true
		m.sample(c)
		delete(m.conns, c)
		m.mu.Unlock()
		m.End()
	})
	return c.Conn.Close()
}

// NetConn is the connection that is counted.
func (c *conn) NetConn() net.Conn { return c.Conn }

// SyscallConn lets options of the socket be read and set.
func (c *conn) SyscallConn() (syscall.RawConn, error) {
	if sys, ok := c.Conn.(syscall.Conn); ok {
		return sys.SyscallConn()
	}
	return nil, syscall.ENOTSUP
}

// datagrams is a conn of UDP: each packet has its headers, and nothing else passes.
type datagrams struct {
	*conn
	packets net.PacketConn
}

func datagram(bytes, header, _ int64) int64 { return bytes + header }

func (d *datagrams) Write(p []byte) (int, error) {
	d.meter.ledger.Cover(datagram(int64(len(p)), d.header, 0))
	n, err := d.Conn.Write(p)
	d.passed(n, datagram)
	return n, err
}

func (d *datagrams) Read(p []byte) (int, error) {
	n, err := d.Conn.Read(p)
	d.passed(n, datagram)
	return n, err
}

// ReadFrom and WriteTo make it a net.PacketConn, by which a resolver tells that it is no stream.
func (d *datagrams) ReadFrom(p []byte) (int, net.Addr, error) {
	n, from, err := d.packets.ReadFrom(p)
	d.passed(n, datagram)
	return n, from, err
}

func (d *datagrams) WriteTo(p []byte, to net.Addr) (int, error) {
	d.meter.ledger.Cover(datagram(int64(len(p)), d.header, 0))
	n, err := d.packets.WriteTo(p, to)
	d.passed(n, datagram)
	return n, err
}
