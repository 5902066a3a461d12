package client_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker/client"
	"skerry/broker/packet"
)

func TestOpenRefused(t *testing.T) {
	reason := packet.Properties(nil).AppendString(packet.ReasonString, "no such\nuser")
	tests := []struct {
		name    string
		version packet.Version
		answer  []byte
		code    packet.ReasonCode
		text    string
	}{
		{"5.0", packet.V5, (&packet.Connack{ReasonCode: packet.NotAuthorized, Properties: reason}).Append(nil, packet.V5),
			packet.NotAuthorized, "refused with CONNACK: Not authorized (0x87): no such user"},
		{"another server", packet.V5, (&packet.Connack{ReasonCode: packet.UseAnotherServer, Properties: packet.Properties(nil).AppendString(packet.ServerReference, "b.example.org")}).Append(nil, packet.V5),
			packet.UseAnotherServer, "refused with CONNACK: Use another server (0x9C) (use b.example.org)"},
		{"3.1.1", packet.V311, (&packet.Connack{ReasonCode: packet.BadUserNameOrPassword}).Append(nil, packet.V311),
			packet.BadUserNameOrPassword, "refused with CONNACK: Bad User Name or Password (0x86)"},
		{"a server that knows no 5.0", packet.V5, []byte{0x20, 2, 0, 1},
			packet.UnsupportedProtocolVersion, "refused with CONNACK: Unsupported Protocol Version (0x84)"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, ours := pipe(t, test.version)
			var wg sync.WaitGroup
			wg.Go(func() {
				p.next()
				p.conn.Write(test.answer)
			})
			_, err := client.Open(t.Context(), ours, connect(test.version), client.ConnOptions{})
			wg.Wait()
			var refused *client.Refused
			if !errors.As(err, &refused) || refused.Code != test.code || refused.Error() != test.text {
				t.Errorf("got %v, want %s", err, test.text)
			}
			if !errors.Is(err, test.code) {
				t.Errorf("%v is not %v", err, test.code)
			}
			if _, err := ours.Write([]byte{0}); err == nil {
				t.Error("the stream is still open")
			}
		})
	}
}

func TestOpenWithoutAnswer(t *testing.T) {
	tests := []struct {
		name string
		play func(*peer)
		want error
	}{
		{"closed", func(p *peer) { p.next(); p.conn.Close() }, client.ErrLost},
		{"silent", func(p *peer) { p.next() }, client.ErrTimeout},
		{"not MQTT", func(p *peer) { p.next(); p.conn.Write([]byte("HTTP/1.1 400 Bad Request\r\n")) }, packet.ProtocolError},
		{"not CONNACK", func(p *peer) { p.next(); p.send(packet.Pingresp{}) }, packet.ProtocolError},
		{"5.0 answered in 3.1.1", func(p *peer) { p.next(); p.conn.Write([]byte{0x20, 2, 0, 0}) }, packet.ProtocolError},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, ours := pipe(t, packet.V5)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				go test.play(p)
				_, err := client.Open(ctx, ours, connect(packet.V5), client.ConnOptions{})
				if !errors.Is(err, test.want) {
					t.Errorf("got %v, want %v", err, test.want)
				}
			})
		})
	}
}

func TestBridgeBit(t *testing.T) {
	for _, test := range []struct {
		version packet.Version
		want    string
	}{
		{packet.V31, "MQIsdp\x83"}, {packet.V311, "MQTT\x84"}, {packet.V5, "MQTT\x05"},
	} {
		p, ours := pipe(t, test.version)
		c := connect(test.version)
		c.ClientID = bytes.Repeat([]byte("x"), 300) // Remaining Length takes two bytes
		done := async(func() error {
			_, err := client.Open(t.Context(), ours, c, client.ConnOptions{Bridge: true})
			return err
		})
		if h := p.next(); !bytes.Contains(h.Body[:10], []byte(test.want)) {
			t.Errorf("%v: CONNECT begins with %q", test.version, h.Body[:10])
		}
		p.send(&packet.Connack{})
		if err := result(t, done); err != nil {
			t.Error(err)
		}
	}
}

func TestServerLimits(t *testing.T) {
	all := packet.Properties(nil).
		AppendNumber(packet.SessionExpiryInterval, 60).AppendNumber(packet.ReceiveMaximum, 7).
		AppendNumber(packet.MaximumQoS, 1).AppendNumber(packet.RetainAvailable, 0).
		AppendNumber(packet.MaximumPacketSize, 1000).AppendNumber(packet.TopicAliasMaximum, 3).
		AppendString(packet.AssignedClientIdentifier, "assigned").AppendNumber(packet.WildcardSubscriptionAvailable, 0).
		AppendNumber(packet.SubscriptionIdentifierAvailable, 0).AppendNumber(packet.SharedSubscriptionAvailable, 0).
		AppendNumber(packet.ServerKeepAlive, 17)
	p, c, _ := start(t, packet.V5, packet.Connack{SessionPresent: true, Properties: all}, client.Options{})
	got := *c.Server()
	got.Properties = nil
	want := client.Server{SessionPresent: true, ClientID: "assigned", KeepAlive: 17 * time.Second, SessionExpiryInterval: 60,
		ReceiveMaximum: 7, MaximumQoS: 1, MaximumPacketSize: 1000, TopicAliasMaximum: 3}
	if !equal(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	_ = p

	_, c, _ = start(t, packet.V311, packet.Connack{}, client.Options{})
	got = *c.Server()
	want = client.Server{ClientID: "c", ReceiveMaximum: 65535, MaximumQoS: 2, RetainAvailable: true, WildcardSubscriptionAvailable: true}
	if !equal(got, want) {
		t.Errorf("3.1.1: got %+v\nwant %+v", got, want)
	}
}

func equal(a, b client.Server) bool {
	p, q := a.Properties, b.Properties
	a.Properties, b.Properties = nil, nil
	return bytes.Equal(p, q) && a.ClientID == b.ClientID && a.KeepAlive == b.KeepAlive && a.SessionPresent == b.SessionPresent &&
		a.SessionExpiryInterval == b.SessionExpiryInterval && a.ReceiveMaximum == b.ReceiveMaximum && a.MaximumQoS == b.MaximumQoS &&
		a.MaximumPacketSize == b.MaximumPacketSize && a.TopicAliasMaximum == b.TopicAliasMaximum && a.RetainAvailable == b.RetainAvailable &&
		a.WildcardSubscriptionAvailable == b.WildcardSubscriptionAvailable &&
		a.SubscriptionIdentifierAvailable == b.SubscriptionIdentifierAvailable && a.SharedSubscriptionAvailable == b.SharedSubscriptionAvailable
}

// nothing is a Handler that takes everything.
type nothing struct{}

func (nothing) Receive(*client.Incoming) error { return nil }
func (nothing) Flush()                         {}

// opened gives a Conn whose peer has accepted it with a.
func opened(t *testing.T, v packet.Version, a packet.Connack, keepAlive uint16, o client.ConnOptions) (*peer, *client.Conn) {
	t.Helper()
	p, ours := pipe(t, v)
	go p.accept(a)
	connect := connect(v)
	connect.KeepAlive = keepAlive
	conn, err := client.Open(t.Context(), ours, connect, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return p, conn
}

func TestKeepAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, conn := opened(t, packet.V5, packet.Connack{}, 60, client.ConnOptions{})
		ended := async(func() error { return conn.Serve(t.Context(), nothing{}) })
		begin := time.Now()
		for i := range 5 { // an idle connection asks once per Keep Alive
			if h := p.next(); h.Type != packet.PINGREQ {
				t.Fatalf("client sent %v", h.Type)
			}
			if got, want := time.Since(begin), time.Duration(i+1)*60*time.Second; got != want {
				t.Errorf("PINGREQ %d after %v, want %v", i, got, want)
			}
			time.Sleep(time.Second)
			p.send(packet.Pingresp{})
		}
		p.next()
		unanswered := time.Now()
		if err := <-ended; !errors.Is(err, client.ErrTimeout) {
			t.Errorf("ended with %v", err)
		}
		if got := time.Since(unanswered); got != 30*time.Second {
			t.Errorf("gave up after %v, want 30s", got)
		}
	})
}

// TestKeepAliveWithTraffic: the Server must hear of us within Keep Alive, we of it within Ping; what does flow needs no PINGREQ.
func TestKeepAliveWithTraffic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, conn := opened(t, packet.V5, packet.Connack{}, 600, client.ConnOptions{Ping: 20 * time.Second, PingTimeout: 5 * time.Second})
		go conn.Serve(t.Context(), nothing{})
		types := make(chan packet.Type, 100)
		go func() {
			for {
				h, err := p.read()
				if err != nil {
					return
				}
				types <- h.Type
			}
		}()
		for range 59 { // 590 s in which the Server speaks and we do not
			time.Sleep(10 * time.Second)
			p.send(&packet.Publish{TopicName: []byte("t")})
		}
		if len(types) > 0 {
			t.Fatalf("client sent %v although the server speaks", <-types)
		}
		time.Sleep(9 * time.Second)
		p.send(&packet.Publish{TopicName: []byte("t")})
		time.Sleep(2 * time.Second)
		if got := <-types; got != packet.PINGREQ {
			t.Errorf("the server has not heard of us for its Keep Alive: client sent %v", got)
		}
		for range 10 { // the answer stands behind other packets on a slow link
			time.Sleep(3 * time.Second)
			p.send(&packet.Publish{TopicName: []byte("t")})
		}
		if conn.Err() != nil {
			t.Errorf("gave up while the server was sending: %v", conn.Err())
		}
	})
}

// TestDeadWhileWriting: a write that blocks for ever must not keep the deadline from passing.
func TestDeadWhileWriting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, conn := opened(t, packet.V5, packet.Connack{}, 10, client.ConnOptions{})
		ended := async(func() error { return conn.Serve(t.Context(), nothing{}) })
		if err := conn.Publish(&packet.PublishHead{TopicName: "t"}, nil); err != nil {
			t.Fatal(err)
		}
		if err := conn.Flush(); !errors.Is(err, client.ErrTimeout) {
			t.Errorf("Flush into a dead connection: %v", err)
		}
		if err := <-ended; !errors.Is(err, client.ErrTimeout) {
			t.Errorf("Serve: %v", err)
		}
	})
}

func TestServeEnds(t *testing.T) {
	tests := []struct {
		name string
		play func(*peer)
		want string
	}{
		{"closed", func(p *peer) { p.conn.Close() }, "connection lost: closed by the server"},
		{"told to go", func(p *peer) {
			p.send(&packet.Disconnect{ReasonCode: packet.UseAnotherServer,
				Properties: packet.Properties(nil).AppendString(packet.ServerReference, "b.example:1883")})
		}, "disconnected by the server: Use another server (0x9C) (use b.example:1883)"},
		{"topic alias", func(p *peer) {
			p.send(&packet.Publish{Properties: packet.Properties(nil).AppendNumber(packet.TopicAlias, 1)})
		}, "topic alias invalid: PUBLISH: topic alias [MQTT-3.1.2-26]"},
		{"what a client sends", func(p *peer) { p.send(packet.Pingreq{}) }, "protocol error: PINGREQ: a server does not send this here [2.1.2]"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, conn := opened(t, packet.V5, packet.Connack{}, 0, client.ConnOptions{})
			ended := async(func() error { return conn.Serve(t.Context(), nothing{}) })
			test.play(p)
			if err := result(t, ended); err == nil || err.Error() != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
			if err := conn.Send(packet.Pingreq{}); err == nil {
				t.Error("Send works on a connection that has ended")
			}
		})
	}
}

func TestServeCancelled(t *testing.T) {
	_, conn := opened(t, packet.V5, packet.Connack{}, 0, client.ConnOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	ended := async(func() error { return conn.Serve(ctx, nothing{}) })
	cancel()
	if err := result(t, ended); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestQuota(t *testing.T) {
	limits := packet.Properties(nil).AppendNumber(packet.ReceiveMaximum, 2).AppendNumber(packet.MaximumPacketSize, 40).
		AppendNumber(packet.MaximumQoS, 1).AppendNumber(packet.RetainAvailable, 0)
	_, conn := opened(t, packet.V5, packet.Connack{Properties: limits}, 0, client.ConnOptions{})
	publish := func(h packet.PublishHead, payload string) error {
		h.TopicName = "t"
		return conn.Publish(&h, []byte(payload))
	}
	steps := []struct {
		name    string
		head    packet.PublishHead
		payload string
		want    error
	}{
		{"one place is kept from QoS 2", packet.PublishHead{QoS: 1, PacketID: 1}, "", nil},
		{"second", packet.PublishHead{QoS: 1, PacketID: 65535}, "", nil},
		{"above Receive Maximum", packet.PublishHead{QoS: 1, PacketID: 3}, "", client.ErrQuota},
		{"has its place already", packet.PublishHead{QoS: 1, PacketID: 1, Dup: true}, "", nil},
		{"QoS 0 needs no place", packet.PublishHead{}, "", nil},
		{"too large", packet.PublishHead{}, "0123456789012345678901234567890123456789", client.ErrTooLarge},
		{"QoS 2", packet.PublishHead{QoS: 2, PacketID: 4}, "", packet.QoSNotSupported},
		{"retained", packet.PublishHead{Retain: true}, "", packet.RetainNotSupported},
	}
	for _, step := range steps {
		before := conn.Buffered()
		if err := publish(step.head, step.payload); !errors.Is(err, step.want) {
			t.Errorf("%s: got %v, want %v", step.name, err, step.want)
		}
		if grown := conn.Buffered() > before; grown != (step.want == nil) {
			t.Errorf("%s: the buffer grew: %v", step.name, grown)
		}
	}
	if conn.Quota() != 0 || conn.Unacknowledged(1, 65534) != 1 || conn.Unacknowledged(2, 65535) != 1 || conn.Unacknowledged(2, 65534) != 0 {
		t.Errorf("quota %d, unacknowledged %d", conn.Quota(), conn.Unacknowledged(1, 65535))
	}
}

// TestCoalescing: what is appended before a Flush leaves in one write.
func TestCoalescing(t *testing.T) {
	p, ours := pipe(t, packet.V5)
	go p.accept(packet.Connack{})
	stream := &counter{ReadWriteCloser: ours}
	conn, err := client.Open(t.Context(), stream, connect(packet.V5), client.ConnOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for id := range uint16(100) {
		if err := conn.Publish(&packet.PublishHead{TopicName: "t", QoS: 1, PacketID: id + 1}, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	flushed := async(conn.Flush)
	for id := range uint16(100) {
		if m := p.publish(); m.PacketID != id+1 {
			t.Fatalf("got id %d, want %d", m.PacketID, id+1)
		}
	}
	if err := result(t, flushed); err != nil {
		t.Error(err)
	}
	if stream.writes != 2 {
		t.Errorf("%d writes, want one for CONNECT and one for all messages", stream.writes)
	}
}

// TestLargePacket: a packet larger than any buffer arrives whole, and one above our own Maximum Packet Size ends the connection.
func TestLargePacket(t *testing.T) {
	p, ours := pipe(t, packet.V5)
	go p.accept(packet.Connack{})
	c := connect(packet.V5)
	c.Properties = c.Properties.AppendNumber(packet.MaximumPacketSize, 1<<20)
	conn, err := client.Open(t.Context(), ours, c, client.ConnOptions{})
	if err != nil {
		t.Fatal(err)
	}
	sizes := make(chan int, 10)
	ended := async(func() error { return conn.Serve(t.Context(), sizer{sizes}) })
	for _, size := range []int{10, 5000, 900_000, 100} {
		p.send(&packet.Publish{TopicName: []byte("t"), Payload: make([]byte, size)})
		if got := result(t, sizes); got != size {
			t.Errorf("got %d bytes, want %d", got, size)
		}
	}
	go p.conn.Write((&packet.Publish{TopicName: []byte("t"), Payload: make([]byte, 1<<20)}).Append(nil, packet.V5))
	if err := result(t, ended); !errors.Is(err, packet.PacketTooLarge) {
		t.Errorf("got %v", err)
	}
}

type sizer struct{ sizes chan int }

func (s sizer) Receive(in *client.Incoming) error {
	s.sizes <- len(in.Publish.Payload)
	return nil
}
func (sizer) Flush() {}

// FuzzServe: whatever a Server sends, the connection ends with an error and nothing else happens.
func FuzzServe(f *testing.F) {
	f.Add((&packet.Publish{TopicName: []byte("t"), QoS: 2, PacketID: 1}).Append(nil, packet.V5))
	f.Add(append(ack(packet.PUBREC, 1).Append(nil, packet.V5), ack(packet.PUBREL, 9).Append(nil, packet.V5)...))
	f.Add((&packet.Suback{PacketID: 1, ReasonCodes: []packet.ReasonCode{0}}).Append(nil, packet.V5))
	f.Add((&packet.Disconnect{ReasonCode: packet.ServerBusy}).Append(nil, packet.V5))
	f.Fuzz(func(t *testing.T, b []byte) {
		ours, theirs := net.Pipe()
		go func() {
			theirs.Write((&packet.Connack{}).Append(nil, packet.V5))
			theirs.Write(b)
			theirs.Close()
		}()
		stream := deaf{ours}
		c, err := client.Connect(t.Context(), stream, connect(packet.V5), client.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Run(t.Context()); err == nil {
			t.Error("Run ended without an error")
		}
	})
}

// deaf swallows what is written to it.
type deaf struct{ net.Conn }

func (deaf) Write(b []byte) (int, error) { return len(b), nil }

// TestBlindWindow: a 3.1.1 Server cannot say how many QoS 2 messages it takes at a time.
func TestBlindWindow(t *testing.T) {
	_, conn := opened(t, packet.V311, packet.Connack{}, 0, client.ConnOptions{})
	id := uint16(0)
	publish := func(qos packet.QoS) error {
		id++
		return conn.Publish(&packet.PublishHead{TopicName: "t", QoS: qos, PacketID: id}, nil)
	}
	for range 18 {
		if err := publish(2); err != nil {
			t.Fatal(err)
		}
	}
	if err := publish(2); !errors.Is(err, client.ErrQuota) {
		t.Errorf("19 messages of QoS 2 on their way: %v", err)
	}
	for range 1000 {
		if err := publish(1); err != nil {
			t.Fatal(err)
		}
	}
}
