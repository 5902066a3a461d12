package uplink_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"skerry/broker/client"
	"skerry/broker/packet"
	"skerry/edge/config"
	"skerry/edge/uplink/pack"
)

// upstream is a Server with one session, which it keeps as long as the test does not take it away. It lives in the test's
// bubble: the uplink reaches it by dial.
type upstream struct {
	t *testing.T

	mu        sync.Mutex
	down      bool                                                 // dialling is refused
	refuse    func(c *packet.Connect, bridge bool) *packet.Connack // nil or a result of nil: accepted
	late      time.Duration                                        // answers take so long
	hangUp    bool                                                 // connections are closed instead of CONNACK
	deaf      func(*packet.Connect) bool                           // hangs up on some
	limits    packet.Properties                                    // of CONNACK
	answer    func(p *packet.Publish) (packet.ReasonCode, bool)    // nil: Success; false: silence
	failing   bool                                                 // of each connection 20 messages are answered, 20 taken and not answered, the rest not seen
	count     int                                                  // PUBLISH packets of this connection with QoS 1 or 2
	fails     bool                                                 // failing, for the connection that stands
	stalled   chan struct{}                                        // not nil: nothing is read until it is closed
	forbidden string                                               // a Topic Filter that nobody may have
	unsaid    bool                                                 // CONNACK does not say that the session is there
	rude      bool                                                 // hangs up on SUBSCRIBE
	rudeTo    string                                               // hangs up on SUBSCRIBE to a filter that ends so
	mute      bool                                                 // nothing is answered, PINGREQ neither
	passing   bool                                                 // a QoS 2 message is taken with PUBREL, as by most servers, and lost with the session before
	silent    bool                                                 // PUBREL is not read
	poison    func(p *packet.Publish) bool                         // hangs up on these; nil: on none
	farewell  packet.ReasonCode                                    // of DISCONNECT before that, if it is not 0
	loses     string                                               // payload of the QoS 2 message that is confirmed next and lost at once
	impatient int                                                  // what it does about packets behind CONNECT before its CONNACK; 0: takes them
	early     int                                                  // connections on which there were some
	session   bool
	held      map[uint16]bool
	passed    map[uint16]packet.Publish // of these, with passing
	filters   map[string]packet.Subscription
	connects  []packet.Connect
	bridges   []bool
	got       []packet.Publish // messages taken: QoS 2 once per exchange, those of blocks as a ground end makes them
	blocks    []packet.Publish // blocks taken
	primers   map[uint32]*pack.Primer
	unpacked  map[string]bool   // messages of blocks, by epoch, stream and sequence
	floors    map[string]uint64 // that blocks told, by epoch and stream
	sent      []packet.Publish  // every PUBLISH that came
	releases  []packet.Ack
	acks      []packet.Ack // PUBACK, PUBREC, PUBCOMP from the uplink
	asked     int          // SUBSCRIBE packets
	dropped   []string     // filters of UNSUBSCRIBE
	bye       int          // DISCONNECT packets
	byes      []packet.ReasonCode
	flight    map[uint16]bool
	most      int // the most QoS 1 and 2 messages that were on their way at a time
	exceeded  int // times the uplink did not keep to Receive Maximum
	dials     int

	conn    net.Conn
	version packet.Version
}

func newUpstream(t *testing.T) *upstream {
	return &upstream{t: t, held: map[uint16]bool{}, passed: map[uint16]packet.Publish{}, filters: map[string]packet.Subscription{}, flight: map[uint16]bool{}}
}

// with changes the upstream under its lock.
func (s *upstream) with(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// dial is the uplink's way to reach it.
func (s *upstream) dial(ctx context.Context, _ config.Server) (net.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dials++
	if s.down {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	ours, theirs := net.Pipe()
	go s.serve(theirs)
	return ours, nil
}

// cut ends the connection as a dead link does.
func (s *upstream) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil {
		s.conn.Close()
		s.conn = nil
	}
}

// forget loses the session.
func (s *upstream) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.session = false
}

func (s *upstream) serve(conn net.Conn) {
	defer conn.Close()
	var buf, answers []byte
	v := packet.Version(0)
	for {
		n, _, err := packet.Next(buf, 0)
		if err != nil {
			s.t.Errorf("the uplink sends what is no packet: %v", err)
			return
		}
		if n == 0 {
			s.stall()
			b := make([]byte, 4096)
			k, err := conn.Read(b)
			if err != nil {
				return
			}
			buf = append(buf, b[:k]...)
			continue
		}
		frame := buf[:n:n]
		buf = buf[n:]
		var out []byte
		var end bool
		if v == 0 {
			v, out, end = s.connect(conn, frame)
			if next, _, _ := packet.Next(buf, 0); next > 0 && v != 0 {
				out, end = s.hurried(v, out, buf[:next])
				if end {
					conn.Write(out)
				}
			}
		} else {
			out, end = s.handle(conn, v, frame)
		}
		if late := s.lateness(); late > 0 && len(out) > 0 {
			answers = append(answers, out...)
			if more, _, _ := packet.Next(buf, 0); more == 0 { // answers to what came together stay in their order
				b := answers
				time.AfterFunc(late, func() { conn.Write(b) })
				answers = nil
			}
			out = nil
		}
		if len(out) > 0 {
			if _, err := conn.Write(out); err != nil {
				return
			}
		}
		if end {
			return
		}
	}
}

func (s *upstream) lateness() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.late
}

// stall waits while the test wants nothing to be read.
func (s *upstream) stall() {
	s.mu.Lock()
	stalled := s.stalled
	s.mu.Unlock()
	if stalled != nil {
		<-stalled
	}
}

func (s *upstream) connect(conn net.Conn, frame []byte) (packet.Version, []byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	bridge := false
	if at := slices.Index(frame, 0x84); at > 0 && at < 10 {
		frame[at], bridge = 4, true
	}
	h, err := packet.Split(frame)
	var c packet.Connect
	if err == nil {
		err = c.Decode(h)
	}
	if err != nil {
		s.t.Errorf("CONNECT: %v", err)
		return 0, nil, true
	}
	s.connects, s.bridges = append(s.connects, c), append(s.bridges, bridge)
	if s.hangUp || s.down || s.deaf != nil && s.deaf(&c) { // down: a CONNECT that was on its way when the link went down
		return 0, nil, true
	}
	if s.refuse != nil {
		if a := s.refuse(&c, bridge); a != nil {
			return 0, a.Append(nil, c.Version), true
		}
	}
	if s.conn != nil {
		s.conn.Close() // taken over
	}
	a := packet.Connack{SessionPresent: s.session && !c.CleanStart}
	if c.Version == packet.V5 {
		a.Properties = s.limits
	}
	if !a.SessionPresent {
		clear(s.held)
		clear(s.passed)
		clear(s.filters)
	}
	a.SessionPresent = a.SessionPresent && !s.unsaid
	clear(s.flight)
	for id := range s.held {
		s.flight[id] = true // as mosquitto counts
	}
	s.count, s.fails = 0, s.failing
	expiry, _ := c.Properties.SessionExpiryInterval()
	s.session, s.conn, s.version = expiry > 0 || c.Version != packet.V5 && !c.CleanStart, conn, c.Version
	return c.Version, a.Append(nil, c.Version), false
}

// hurried is what the server says when a packet came with CONNECT.
func (s *upstream) hurried(v packet.Version, connack, publish []byte) (out []byte, end bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.early++
	switch s.impatient {
	case 1:
		return nil, true
	case 2:
		return connack, true
	case 3:
		return (&packet.Disconnect{ReasonCode: packet.ProtocolError}).Append(connack, v), true
	case 4:
		h, err := packet.Split(publish)
		var p packet.Publish
		if err == nil {
			err = p.Decode(v, h)
		}
		if err != nil {
			s.t.Error(err)
		}
		return append((&packet.Ack{Type: packet.PUBACK, PacketID: p.PacketID}).Append(nil, v), connack...), true
	}
	return connack, false
}

func (s *upstream) handle(conn net.Conn, v packet.Version, frame []byte) (out []byte, end bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, err := packet.Split(frame)
	if h.Type == packet.DISCONNECT {
		s.bye++ // also when the next connection was faster
		var d packet.Disconnect
		if d.Decode(v, h) == nil {
			s.byes = append(s.byes, d.ReasonCode)
		}
		return nil, true
	}
	if s.conn != conn {
		return nil, true // it was cut, and what had not been read is gone
	}
	if err != nil {
		s.t.Error(err)
		return nil, true
	}
	switch h.Type {
	case packet.PUBLISH:
		var p packet.Publish
		err = p.Decode(v, h)
		out, end = s.publish(v, &p)
	case packet.PUBACK, packet.PUBREC, packet.PUBREL, packet.PUBCOMP:
		var a packet.Ack
		err = a.Decode(v, h)
		out = s.acknowledge(v, a)
	case packet.SUBSCRIBE:
		var p packet.Subscribe
		err = p.Decode(v, h)
		if s.asked++; s.rude || s.rudeTo != "" && strings.HasSuffix(string(p.Subscriptions[0].TopicFilter), s.rudeTo) {
			return nil, true
		}
		reply := packet.Suback{PacketID: p.PacketID}
		for _, sub := range p.Subscriptions {
			if string(sub.TopicFilter) == s.forbidden {
				reply.ReasonCodes = append(reply.ReasonCodes, packet.UnspecifiedError)
				continue
			}
			s.filters[string(sub.TopicFilter)] = sub
			reply.ReasonCodes = append(reply.ReasonCodes, packet.ReasonCode(sub.QoS))
		}
		out = reply.Append(nil, v)
	case packet.UNSUBSCRIBE:
		var p packet.Unsubscribe
		err = p.Decode(v, h)
		reply := packet.Unsuback{PacketID: p.PacketID}
		for _, f := range p.TopicFilters {
			s.dropped = append(s.dropped, string(f))
			delete(s.filters, string(f))
			reply.ReasonCodes = append(reply.ReasonCodes, packet.Success)
		}
		out = reply.Append(nil, v)
	case packet.PINGREQ:
		out = packet.Pingresp{}.Append(nil, v)
	default:
		err = fmt.Errorf("the uplink sends %v", h.Type)
	}
	if err != nil {
		s.t.Error(err)
	}
	if s.mute {
		out = nil
	}
	return out, end
}

func (s *upstream) publish(v packet.Version, p *packet.Publish) (out []byte, end bool) {
	s.sent = append(s.sent, *p)
	if s.poison != nil && s.poison(p) {
		if v == packet.V5 && s.farewell != 0 {
			return (&packet.Disconnect{ReasonCode: s.farewell}).Append(nil, v), true
		}
		return nil, true
	}
	if s.fails && s.count >= 40 {
		return nil, false
	}
	if p.QoS == 0 {
		s.take(p)
		return nil, false
	}
	s.flight[p.PacketID] = true
	s.most = max(s.most, len(s.flight))
	switch {
	case v == packet.V5 && len(s.flight) > int(s.limits.ReceiveMaximum()):
		s.exceeded++
		return (&packet.Disconnect{ReasonCode: packet.ReceiveMaximumExceeded}).Append(nil, v), true
	case v != packet.V5 && len(s.flight) > 20 && !s.held[p.PacketID]: // as mosquitto: dropped, and acknowledged all the same
		s.t.Errorf("message %s of QoS %d is dropped: the server holds %d", p.Payload, p.QoS, len(s.held))
	}
	code, ok := packet.Success, true
	if s.answer != nil && string(p.TopicName) != stateTopic {
		code, ok = s.answer(p)
	}
	if s.count++; !ok {
		return nil, false
	}
	reply := s.reply(v, p, code)
	if s.fails && s.count > 20 {
		return nil, false
	}
	return reply, false
}

// reply takes a message and acknowledges it.
func (s *upstream) reply(v packet.Version, p *packet.Publish, code packet.ReasonCode) []byte {
	a := packet.Ack{Type: packet.PUBACK, PacketID: p.PacketID, ReasonCode: code}
	if p.QoS == 2 {
		a.Type = packet.PUBREC
	}
	if p.QoS == 1 || code.IsError() {
		delete(s.flight, p.PacketID)
	}
	if p.QoS == 2 && string(p.Payload) == s.loses && !code.IsError() {
		s.loses = ""
		return a.Append(nil, v)
	}
	switch fresh := p.QoS == 1 || !s.held[p.PacketID]; {
	case code.IsError() || !fresh:
	case p.QoS == 2 && s.passing:
		s.passed[p.PacketID] = *p
	default:
		s.take(p)
	}
	if !code.IsError() && p.QoS == 2 {
		s.held[p.PacketID] = true
	}
	return a.Append(nil, v)
}

func (s *upstream) acknowledge(v packet.Version, a packet.Ack) []byte {
	if a.Type != packet.PUBREL {
		s.acks = append(s.acks, a)
		if a.Type == packet.PUBREC && !a.ReasonCode.IsError() {
			return (&packet.Ack{Type: packet.PUBREL, PacketID: a.PacketID}).Append(nil, v)
		}
		return nil
	}
	if s.silent {
		return nil
	}
	s.releases = append(s.releases, a)
	reply := packet.Ack{Type: packet.PUBCOMP, PacketID: a.PacketID}
	if !s.held[a.PacketID] {
		reply.ReasonCode = packet.PacketIdentifierNotFound
	}
	if p, ok := s.passed[a.PacketID]; ok {
		delete(s.passed, a.PacketID)
		s.got = append(s.got, p)
	}
	delete(s.held, a.PacketID)
	delete(s.flight, a.PacketID)
	return reply.Append(nil, v)
}

// send has the Server send packets.
func (s *upstream) send(packets ...client.Packet) {
	s.mu.Lock()
	conn, v := s.conn, s.version
	s.mu.Unlock()
	if conn == nil {
		s.t.Fatal("the uplink is not connected")
	}
	var b []byte
	for _, p := range packets {
		b = p.Append(b, v)
	}
	if _, err := conn.Write(b); err != nil && !errors.Is(err, net.ErrClosed) {
		s.t.Errorf("send to the uplink: %v", err)
	}
}

// payloads gives what was taken on a topic, in order.
func (s *upstream) payloads(topic string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, p := range s.got {
		if string(p.TopicName) == topic {
			all = append(all, string(p.Payload))
		}
	}
	return all
}

// last gives the last message taken on a topic.
func (s *upstream) last(topic string) packet.Publish {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range slices.Backward(s.got) {
		if string(p.TopicName) == topic {
			return p
		}
	}
	s.t.Helper()
	s.t.Fatalf("nothing has come on %s", topic)
	return packet.Publish{}
}

// dialWhere is dial for those addresses that are up.
func (s *upstream) dialWhere(up func(config.Server) bool) func(context.Context, config.Server) (net.Conn, error) {
	return func(ctx context.Context, server config.Server) (net.Conn, error) {
		if !up(server) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ETIMEDOUT}
		}
		return s.dial(ctx, server)
	}
}
