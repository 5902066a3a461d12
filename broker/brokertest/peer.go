package brokertest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"
)

// Patience is how long a Peer waits for what must come, unless it is told otherwise. It is never reached unless something
// is wrong.
const Patience = 10 * time.Second

// A Peer is a Client made of bytes.
type Peer struct {
	Conn     net.Conn
	Patience time.Duration // 0: Patience
	Terse    bool          // see Broker.Terse
	twice    bool          // a PINGRESP that ends a line says that nothing more comes
}

// Do plays one line without the name of the Client: "> c0:", "< d0:", "< closed", "> close".
func (p *Peer) Do(line string) error {
	what := strings.TrimSpace(line[1:])
	switch {
	case line[0] == '>' && what == "close":
		return p.Conn.Close()
	case line[0] == '>':
		return p.send(what)
	case what == "closed":
		return p.expectClosed()
	}
	return p.expect(what)
}

func (p *Peer) deadline() time.Time {
	if p.Patience > 0 {
		return time.Now().Add(p.Patience)
	}
	return time.Now().Add(Patience)
}

// send writes packets. That the other side has closed meanwhile is no error here: what comes next will tell.
func (p *Peer) send(text string) error {
	b, err := Encode(text)
	if err != nil {
		return err
	}
	p.Conn.SetWriteDeadline(p.deadline())
	if _, err = p.Conn.Write(b); err == nil || isEnd(err) {
		return nil
	}
	return fmt.Errorf("send: %w", err)
}

// isEnd tells whether an error means that the other side has closed the connection.
func isEnd(err error) bool {
	for _, end := range []error{io.EOF, io.ErrClosedPipe, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, end) {
			return true
		}
	}
	return false
}

func (p *Peer) expect(text string) error {
	patterns, err := parse(text)
	if err != nil {
		return err
	}
	p.Conn.SetReadDeadline(p.deadline())
	for _, want := range patterns {
		var got []byte
		if want.framed {
			got, err = readPacket(p.Conn)
		} else {
			got, err = readSome(p.Conn, len(want.bytes))
		}
		if p.Terse && want.refuses() && (err != nil && isEnd(err) || len(got) > 0 && got[0] == want.bytes[0]) {
			continue
		}
		if err != nil {
			return fmt.Errorf("got %x (%w), want %s", got, err, want)
		}
		if !want.matches(got) {
			return fmt.Errorf("got %x, want %s", got, want)
		}
	}
	if last := patterns[len(patterns)-1]; p.twice && last.framed && bytes.Equal(last.bytes, pingresp) {
		return p.expectNothing()
	}
	return nil
}

var pingreq, pingresp = []byte{0xC0, 0}, []byte{0xD0, 0}

// expectNothing asks once more: the first PINGRESP may have overtaken messages that a packet before its PINGREQ has called forth.
func (p *Peer) expectNothing() error {
	if _, err := p.Conn.Write(pingreq); err != nil && !isEnd(err) {
		return fmt.Errorf("send: %w", err)
	}
	got, err := readPacket(p.Conn)
	if err != nil && !isEnd(err) || len(got) > 0 && !bytes.Equal(got, pingresp) {
		return fmt.Errorf("got %x (%v), want nothing more", got, err)
	}
	return nil
}

// refuses tells whether it is the packet in which a 5.0 Server says why it closes the connection.
func (p *pattern) refuses() bool {
	if !p.framed || p.bytes[0] != 0x20 {
		return p.framed && p.bytes[0] == 0xE0
	}
	body := p.bytes[2:] // the length of a CONNACK that refuses is one byte
	if p.open {
		body = p.bytes[1:]
	}
	return len(body) > 1 && (body[1] >= 0x80 || p.mask[len(p.bytes)-len(body)+1] == 0)
}

// String gives the bytes in hexadecimal, with .. for those that may be anything.
func (p pattern) String() string {
	var b strings.Builder
	for i, c := range p.bytes {
		if p.mask[i] == 0 {
			b.WriteString("..")
		} else {
			fmt.Fprintf(&b, "%02x", c)
		}
		if i == 0 && p.open {
			b.WriteString(" length ")
		}
	}
	if p.open {
		b.WriteString(" ...")
	}
	return b.String()
}

// readPacket reads one Control Packet.
func readPacket(r io.Reader) ([]byte, error) {
	packet, err := readSome(r, 2)
	length := 0
	for shift := 0; err == nil; shift += 7 {
		last := packet[len(packet)-1]
		length |= int(last&0x7F) << shift
		if last < 0x80 || len(packet) > 4 {
			break
		}
		var more []byte
		more, err = readSome(r, 1)
		packet = append(packet, more...)
	}
	if err != nil {
		return packet, err
	}
	body, err := readSome(r, length)
	return append(packet, body...), err
}

func readSome(r io.Reader, n int) ([]byte, error) {
	b := bytes.NewBuffer(make([]byte, 0, min(n, 4096)))
	_, err := io.CopyN(b, r, int64(n))
	return b.Bytes(), err
}

func (p *Peer) expectClosed() error {
	p.Conn.SetReadDeadline(p.deadline())
	got, err := readSome(p.Conn, 1)
	if len(got) > 0 {
		p.Conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		more, _ := readSome(p.Conn, 64)
		return fmt.Errorf("got %x, want the end of the connection", append(got, more...))
	}
	if !isEnd(err) {
		return fmt.Errorf("%w, want the end of the connection", err)
	}
	return nil
}
