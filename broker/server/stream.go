package server

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/coder/websocket"

	"skerry/broker/packet"
)

// stream is a WebSocket as a net.Conn: where frames and messages begin and end has no meaning for the packets in them
// [MQTT-6.0.0-2]. A Read that fails because of a deadline ends it, as it may have failed in the middle of a frame: so
// the deadlines of the Keep Alive, which strike now and then to no effect, are judged below the frames.
//
// A frame is read when it is complete or fills what is read into.
type stream struct {
	net.Conn // TCP, or TLS on it

	pinged  func(payload []byte) // is told of a ping, and has it answered
	anybody bool                 // may come in, and no certificate proves the name of this host

	excuse  func(error) error    // judges a failed read of bytes; nil: try again
	ws      *websocket.Conn      // nil before the handshake
	in      *bufio.Reader        // what ws reads from
	message io.Reader            // the one that is being read
	failed  error                // of reading: there is no way on
	status  websocket.StatusCode // to close with
}

// open makes the stream one of a WebSocket.
func (s *stream) open(ws *websocket.Conn, in *bufio.Reader) { s.ws, s.in = ws, in }

// Read reads what has arrived of packets: all small frames that are here already count as one.
func (s *stream) Read(b []byte) (n int, err error) {
	if s.ws == nil {
		return s.Conn.Read(b)
	}
	for n < len(b) && s.failed == nil {
		var more int
		more, s.failed = s.readFrame(b[n:])
		if n += more; n > 0 && !frameHere(s.in) {
			break
		}
	}
	if n > 0 {
		return n, nil
	}
	return 0, ending(s.failed)
}

// readFrame reads from a frame of the message that is under way, or of the next. It may read nothing.
func (s *stream) readFrame(b []byte) (int, error) {
	if s.message == nil {
		kind, r, err := s.ws.Reader(context.Background())
		if err != nil {
			return 0, err
		}
		if kind != websocket.MessageBinary {
			s.status = websocket.StatusUnsupportedData
			return 0, fmt.Errorf("a WebSocket frame of text [MQTT-6.0.0-1]: %w", packet.ProtocolError)
		}
		s.message = r
	}
	n, err := s.message.Read(b)
	if err == io.EOF {
		s.message, err = nil, nil
	}
	return n, err
}

// frameHere tells whether the next frame is one of data and has arrived, so that reading it does not wait. The others
// may have to be answered.
func frameHere(in *bufio.Reader) bool {
	const continuation, binaryData = 0, 2
	const mask = 4 // bytes, in each frame of a Client
	head, _ := in.Peek(min(in.Buffered(), 4))
	if len(head) < 4 {
		return false
	}
	if opcode := head[0] & 0x0F; opcode != continuation && opcode != binaryData {
		return false
	}
	switch length := int(head[1] & 0x7F); length {
	case 127:
		return false
	case 126:
		return in.Buffered() >= 4+mask+int(binary.BigEndian.Uint16(head[2:]))
	default:
		return in.Buffered() >= 2+mask+length
	}
}

// ending says what it means that a WebSocket was closed.
func ending(err error) error {
	switch websocket.CloseStatus(err) {
	case websocket.StatusNormalClosure, websocket.StatusGoingAway, websocket.StatusNoStatusRcvd:
		return io.EOF
	}
	return err
}

// Write sends b as one frame.
func (s *stream) Write(b []byte) (int, error) {
	if s.ws == nil {
		return s.Conn.Write(b)
	}
	if err := s.ws.Write(context.Background(), websocket.MessageBinary, b); err != nil {
		return 0, err
	}
	return len(b), nil
}

// CloseWrite says that nothing more will be sent. The answer to that is waited for, as long as deadlines allow.
func (s *stream) CloseWrite() error {
	if s.ws != nil {
		return s.ws.Close(cmp.Or(s.status, websocket.StatusNormalClosure), "")
	}
	if half, ok := s.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// release gives back what the WebSocket holds. Nobody reads or writes any more.
func (s *stream) release() {
	if s.ws != nil {
		s.ws.CloseNow()
	}
}

// wire is the connection below a WebSocket.
type wire struct {
	net.Conn
	stream *stream
}

// Read reads bytes of frames, and does not fail for a deadline that is to be moved.
func (w wire) Read(b []byte) (int, error) {
	for {
		n, err := w.Conn.Read(b)
		if n > 0 || err == nil || w.stream.excuse(err) != nil {
			return n, err
		}
	}
}
