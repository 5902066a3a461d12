package server

import (
	"hash/maphash"
	"io"
	"syscall"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/broker/watch"
)

const (
	// inputSize is how much one read takes at most.
	inputSize = 64 << 10
	// doorSize is the buffer of a connection that has not said who it is.
	doorSize = 1 << 10
	// smallSize is what a connection that is not a socket parks in.
	smallSize = 512
	// keptSize is the longest beginning of a packet that is kept outside of a buffer.
	keptSize = 4 << 10
	// internSize is the number of Topic Names remembered while a buffer is in use, a power of two.
	internSize = 64
	// internLength is the longest Topic Name that is remembered: a stranger's names must not fill the pool.
	internLength = 128
)

// input is a read buffer with what belongs to the handling of one read. A connection has one only while there is
// something in it.
type input struct {
	buf  []byte
	r, w int // buf[r:w] is unread

	touched  broker.Touched
	batch    watch.Traffic // what has been handled since the last read
	publish  packet.Publish
	names    [internSize]string
	nameSeed maphash.Seed
}

func newInput(size int) *input {
	return &input{buf: make([]byte, size), nameSeed: maphash.MakeSeed()}
}

func (in *input) unread() []byte { return in.buf[in.r:in.w] }

// room makes space for at least one more byte of a packet of the given length (0: not known). A buffer grows by
// doubling, with what has arrived and not with what a header announces.
func (in *input) room(need int) []byte {
	if in.r > 0 {
		in.w = copy(in.buf, in.buf[in.r:in.w])
		in.r = 0
	}
	if in.w == len(in.buf) {
		buf := make([]byte, max(min(need, 2*len(in.buf)), in.w+1))
		copy(buf, in.buf)
		in.buf = buf
	}
	return in.buf[in.w:]
}

// put adds bytes that were read elsewhere.
func (in *input) put(b []byte, need int) {
	for len(b) > 0 {
		n := copy(in.room(need), b)
		in.w += n
		b = b[n:]
	}
}

// topicName gives name as a string. Publishers repeat themselves: most names have been seen in the buffer's last
// packets and cost no allocation.
func (in *input) topicName(name []byte) string {
	if len(name) > internLength {
		return string(name)
	}
	slot := &in.names[maphash.Bytes(in.nameSeed, name)%internSize]
	if *slot != string(name) { // compares without a copy
		*slot = string(name)
	}
	return *slot
}

// fill waits for input and reads it, behind what is there already. need is the length of the packet that is to be
// completed, 0 when not known.
func (c *conn) fill(need int) error {
	c.need = int32(need)
	if c.raw != nil {
		if err := c.raw.Read(c.tryRead); err != nil {
			return err
		}
		return c.readErr
	}
	return c.fillPlain()
}

// readReady is what syscall.RawConn calls when the socket may have something to read. Only here a connection takes
// a buffer, and when there is nothing it gives it back before it parks: so an idle connection holds none.
func (c *conn) readReady(fd uintptr) bool {
	in := c.takeInput()
	n, err := c.calm.read(int(fd), in.room(int(c.need)))
	c.readErr = err
	switch {
	case err == syscall.EAGAIN:
		c.parkInput()
		return false
	case n > 0:
		in.w += n
	case err == nil:
		c.readErr = io.EOF
	}
	return true
}

// fillPlain is for what is not a socket of its own: TLS, a pipe. It parks in a read into a few bytes, and into a
// whole buffer only when the last read left nothing free.
func (c *conn) fillPlain() error {
	if c.full {
		in := c.takeInput()
		room := in.room(int(c.need))
		n, err := readSome(c.nc, room)
		in.w += n
		c.full = n == len(room)
		return err
	}
	c.parkInput()
	if c.small == nil {
		c.small = new([smallSize]byte)
	}
	n, err := readSome(c.nc, c.small[:])
	if c.full = n == len(c.small); n > 0 {
		c.takeInput().put(c.small[:n], int(c.need))
	}
	return err
}

// readSome reads at least one byte or gives an error, never both.
func readSome(r io.Reader, b []byte) (n int, err error) {
	for n == 0 && err == nil {
		n, err = r.Read(b)
	}
	if n > 0 {
		return n, nil // an error will come again
	}
	return 0, err
}

// takeInput borrows a buffer and puts into it what was kept of an incomplete packet.
func (c *conn) takeInput() *input {
	if c.in == nil {
		c.in = c.server.takeInput(c.session != nil)
		c.in.put(c.kept, int(c.need))
		c.kept = nil
	}
	return c.in
}

// parkInput gives the buffer back. The beginning of a packet that it holds is kept in a piece of its own size; a
// long one keeps the buffer, or a packet that trickles in would be copied again with each segment.
func (c *conn) parkInput() {
	if c.in == nil {
		return
	}
	rest := c.in.unread()
	if len(rest) > keptSize {
		return
	}
	if len(rest) > 0 {
		c.kept = append([]byte(nil), rest...)
	}
	c.server.giveInput(c.in)
	c.in = nil
}
