package rig

import (
	"fmt"
	"math"
	"net"
	"time"

	"skerry/broker/packet"
)

// patience is how long a broker may take for an answer.
const patience = 30 * time.Second

// Packet is a Control Packet that can be sent.
type Packet interface {
	Append(dst []byte, v packet.Version) []byte
}

// A Wire is one Network Connection to a broker. One goroutine may send while another one receives.
type Wire struct {
	Version packet.Version

	conn net.Conn
	out  []byte
	in   []byte
	r, w int
}

// Connect opens a connection with MQTT 3.1.1; present tells whether the broker knew the session.
func Connect(address, clientID string, clean bool) (w *Wire, present bool, err error) {
	return ConnectWith(packet.V311, address, clientID, clean)
}

// ConnectWith is Connect with any version. The session has no end, unless it is a clean one before 5.0.
func ConnectWith(v packet.Version, address, clientID string, clean bool) (w *Wire, present bool, err error) {
	conn, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return nil, false, err
	}
	w = &Wire{Version: v, conn: conn, in: make([]byte, 1<<16)}
	c := packet.Connect{Version: v, CleanStart: clean, ClientID: []byte(clientID)}
	if v == packet.V5 {
		c.Properties = c.Properties.AppendNumber(packet.SessionExpiryInterval, math.MaxUint32)
	}
	w.out = c.Append(w.out)
	present, err = w.accepted()
	if err != nil {
		conn.Close()
		return nil, false, fmt.Errorf("connect as %s: %w", clientID, err)
	}
	return w, present, nil
}

func (w *Wire) accepted() (present bool, err error) {
	if err := w.Flush(); err != nil {
		return false, err
	}
	h, err := w.Receive()
	if err != nil {
		return false, err
	}
	var a packet.Connack
	if err := a.Decode(w.Version, h); err != nil {
		return false, err
	}
	if a.ReasonCode != packet.Success {
		return false, fmt.Errorf("refused: %w", a.ReasonCode)
	}
	return a.SessionPresent, nil
}

// Put appends a packet to what Flush sends.
func (w *Wire) Put(p Packet) { w.out = p.Append(w.out, w.Version) }

// Ack appends an acknowledgement to what Flush sends.
func (w *Wire) Ack(t packet.Type, id uint16) { w.Put(&packet.Ack{Type: t, PacketID: id}) }

// Flush sends what was put.
func (w *Wire) Flush() error {
	if len(w.out) == 0 {
		return nil
	}
	_, err := w.conn.Write(w.out)
	w.out = w.out[:0]
	return err
}

// Send sends one packet.
func (w *Wire) Send(p Packet) error {
	w.Put(p)
	return w.Flush()
}

// Ready says whether Receive has a packet without waiting.
func (w *Wire) Ready() bool {
	n, _, err := packet.Next(w.in[w.r:w.w], 0)
	return n > 0 || err != nil
}

// Receive waits for the next packet, at most 30 s. It is valid until the next call.
func (w *Wire) Receive() (packet.Header, error) { return w.ReceiveWithin(patience) }

// ReceiveWithin waits for the next packet for a while.
func (w *Wire) ReceiveWithin(d time.Duration) (packet.Header, error) {
	for {
		n, need, err := packet.Next(w.in[w.r:w.w], 0)
		if err != nil {
			return packet.Header{}, err
		}
		if n > 0 {
			frame := w.in[w.r : w.r+n]
			w.r += n
			return packet.Split(frame)
		}
		if err := w.fill(need, d); err != nil {
			return packet.Header{}, err
		}
	}
}

func (w *Wire) fill(need int, d time.Duration) error {
	w.w = copy(w.in, w.in[w.r:w.w])
	w.r = 0
	if need > len(w.in) {
		w.in = append(w.in, make([]byte, need-len(w.in))...)
	}
	if err := w.conn.SetReadDeadline(time.Now().Add(d)); err != nil {
		return err
	}
	n, err := w.conn.Read(w.in[w.w:])
	w.w += n
	return err
}

// Expect waits for a packet of one type and gives its Packet Identifier.
func (w *Wire) Expect(t packet.Type) (uint16, error) {
	h, err := w.Receive()
	if err != nil {
		return 0, err
	}
	if h.Type != t {
		return 0, fmt.Errorf("%v came instead of %v", h.Type, t)
	}
	return uint16(h.Body[0])<<8 | uint16(h.Body[1]), nil
}

// Subscribe asks for filters with a QoS and waits for the answer.
func (w *Wire) Subscribe(qos packet.QoS, filters ...string) error {
	s := packet.Subscribe{PacketID: 1}
	for _, f := range filters {
		s.Subscriptions = append(s.Subscriptions, packet.Subscription{TopicFilter: []byte(f), QoS: qos})
	}
	if err := w.Send(&s); err != nil {
		return err
	}
	_, err := w.Expect(packet.SUBACK)
	return err
}

// Disconnect says good-bye and closes.
func (w *Wire) Disconnect() error {
	err := w.Send(&packet.Disconnect{})
	w.conn.Close()
	return err
}

// Close ends the connection without a word.
func (w *Wire) Close() error { return w.conn.Close() }
