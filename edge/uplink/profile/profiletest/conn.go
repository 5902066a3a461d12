package profiletest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"time"

	"skerry/broker/packet"
)

// conn is one connection of a client.
type conn struct {
	net.Conn
	s       *Server
	version packet.Version
	session *session
	connect packet.Connect
	traffic traffic
	end     time.Time // of its life; zero: none
	nextID  uint16

	mu sync.Mutex // of writing
}

// traffic is what the rules on rates look at.
type traffic struct {
	now     time.Time
	version packet.Version
	sent    []stamp         // of the last second
	flight  map[uint16]bool // not acknowledged
}

type stamp struct {
	at   time.Time
	size int
}

// Serve serves a connection until it ends.
func (s *Server) Serve(stream net.Conn) {
	c := &conn{Conn: stream, s: s, traffic: traffic{flight: map[uint16]bool{}}}
	defer c.leave()
	var buf []byte
	for {
		n, _, err := packet.Next(buf, 0)
		if err != nil {
			s.breach("no packet: %v", err)
			return
		}
		if n == 0 {
			part := make([]byte, 4096)
			c.deadline()
			k, err := c.Read(part)
			if err != nil {
				c.silent(err)
				return
			}
			buf = append(buf, part[:k]...)
			continue
		}
		frame := buf[:n:n]
		buf = buf[n:]
		if why, over := c.handle(frame); why != "" || over {
			if why != "" {
				s.breach("%s", why)
			}
			return
		}
	}
}

// deadline is when the client must have been heard, or its life ends.
func (c *conn) deadline() {
	var at time.Time
	if c.connect.KeepAlive > 0 {
		at = time.Now().Add(time.Duration(c.connect.KeepAlive) * time.Second * 3 / 2)
	}
	if !c.end.IsZero() && (at.IsZero() || c.end.Before(at)) {
		at = c.end
	}
	c.SetReadDeadline(at)
}

// silent judges the end of the stream.
func (c *conn) silent(err error) {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return
	}
	if !c.end.IsZero() && !time.Now().Before(c.end) {
		c.s.mu.Lock()
		c.s.ended++
		c.s.mu.Unlock()
		return
	}
	c.s.breach("silent for 1.5 times the keep-alive of %d s", c.connect.KeepAlive)
}

// leave publishes the Will, unless DISCONNECT has taken it away, and keeps the session.
func (c *conn) leave() {
	c.Close()
	if c.connect.WillFlag {
		w := c.connect.Will
		m := c.s.rules.message(&packet.Publish{TopicName: w.TopicName, Payload: w.Payload, QoS: w.QoS, Retain: w.Retain})
		m.Will = true
		c.s.take(m)
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if c.session != nil && c.session.conn == c {
		c.session.conn, c.session.left = nil, time.Now()
	}
}

// handle answers a packet. over: the connection ends in peace.
func (c *conn) handle(frame []byte) (breach string, over bool) {
	h, err := packet.Split(frame)
	if err != nil {
		return err.Error(), true
	}
	if (c.session == nil) != (h.Type == packet.CONNECT) {
		return fmt.Sprintf("%v at the wrong time", h.Type), true
	}
	switch h.Type {
	case packet.CONNECT:
		return c.open(h), false
	case packet.PUBLISH:
		return c.publish(h, len(frame)), false
	case packet.PUBACK:
		var a packet.Ack
		if err := a.Decode(c.version, h); err != nil {
			return err.Error(), true
		}
		c.acknowledged(a.PacketID)
	case packet.SUBSCRIBE:
		return c.subscribe(h), false
	case packet.UNSUBSCRIBE:
		return c.unsubscribe(h), false
	case packet.PINGREQ:
		c.say(packet.Pingresp{}, 0)
	case packet.DISCONNECT:
		c.connect.WillFlag = false
		return "", true
	default:
		return fmt.Sprintf("%v", h.Type), true
	}
	return "", false
}

func (c *conn) open(h packet.Header) string {
	if err := c.connect.Decode(h); err != nil {
		c.connect = packet.Connect{}
		return "CONNECT: " + err.Error()
	}
	life, why := c.s.rules.connect(&c.connect, time.Now())
	if why != "" {
		c.connect.WillFlag = false
		return "CONNECT: " + why
	}
	c.version = c.connect.Version
	if life > 0 {
		c.end = time.Now().Add(life)
	}
	s := c.s
	s.mu.Lock()
	s.expire()
	id := string(c.connect.ClientID)
	old, present := s.sessions[id]
	if present && old.conn != nil {
		old.conn.Close() // the older connection has to go
	}
	if present && !c.connect.CleanStart {
		c.session = old
	} else {
		c.session, present = &session{filters: map[string]packet.QoS{}}, false
		s.sessions[id] = c.session
	}
	s.mu.Unlock()
	c.say(&packet.Connack{SessionPresent: present, Properties: s.rules.connack(&c.connect)}, 0)
	s.mu.Lock()
	defer s.mu.Unlock()
	c.session.conn = c
	for i := range c.session.waiting {
		c.deliver(&c.session.waiting[i])
	}
	return ""
}

// deliver sends a message under a new Packet Identifier and without DUP, also when it was sent before. s.mu is held.
func (c *conn) deliver(p *packet.Publish) {
	if c.nextID++; c.nextID == 0 {
		c.nextID = 1
	}
	p.PacketID = c.nextID
	out := *p
	c.say(&out, time.Millisecond)
}

func (c *conn) acknowledged(id uint16) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	for i, p := range c.session.waiting {
		if p.PacketID == id {
			c.session.waiting = append(c.session.waiting[:i:i], c.session.waiting[i+1:]...)
			return
		}
	}
}

func (c *conn) publish(h packet.Header, size int) string {
	var p packet.Publish
	if err := p.Decode(c.version, h); err != nil {
		return err.Error()
	}
	if why := badTopic(string(p.TopicName)); why != "" {
		return why
	}
	c.mu.Lock()
	t := &c.traffic
	t.now, t.version = time.Now(), c.version
	for len(t.sent) > 0 && t.now.Sub(t.sent[0].at) >= time.Second {
		t.sent = t.sent[1:]
	}
	t.sent = append(t.sent, stamp{t.now, size})
	if p.QoS > 0 {
		t.flight[p.PacketID] = true
	}
	why := c.s.rules.publish(t, &p)
	c.mu.Unlock()
	if why != "" {
		return why
	}
	c.s.take(c.s.rules.message(&p))
	if p.QoS == 1 {
		c.say(&packet.Ack{Type: packet.PUBACK, PacketID: p.PacketID}, rand.N(c.s.late+1)+1)
	}
	return ""
}

func (c *conn) subscribe(h packet.Header) string {
	var p packet.Subscribe
	if err := p.Decode(c.version, h); err != nil {
		return err.Error()
	}
	c.s.mu.Lock()
	why := c.s.rules.subscribe(c.session.filters, &p)
	reply := packet.Suback{PacketID: p.PacketID}
	for _, sub := range p.Subscriptions {
		c.session.filters[string(sub.TopicFilter)] = min(sub.QoS, 1)
		reply.ReasonCodes = append(reply.ReasonCodes, packet.ReasonCode(min(sub.QoS, 1)))
	}
	c.s.mu.Unlock()
	if why == "" {
		c.say(&reply, 0)
	}
	return why
}

func (c *conn) unsubscribe(h packet.Header) string {
	var p packet.Unsubscribe
	if err := p.Decode(c.version, h); err != nil {
		return err.Error()
	}
	reply := packet.Unsuback{PacketID: p.PacketID}
	c.s.mu.Lock()
	for _, f := range p.TopicFilters {
		delete(c.session.filters, string(f))
		reply.ReasonCodes = append(reply.ReasonCodes, packet.Success)
	}
	c.s.mu.Unlock()
	c.say(&reply, 0)
	return ""
}

// say sends a packet, at once or later.
func (c *conn) say(p interface {
	Append(dst []byte, v packet.Version) []byte
}, late time.Duration) {
	out := p.Append(nil, c.version)
	write := func() {
		if a, ok := p.(*packet.Ack); ok {
			c.mu.Lock()
			delete(c.traffic.flight, a.PacketID)
			c.mu.Unlock()
		}
		_, _ = c.Write(out) // a closed connection is noticed by its reader
	}
	if late > 0 {
		time.AfterFunc(late, write)
		return
	}
	write()
}
