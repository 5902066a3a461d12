package client_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"skerry/broker/client"
	"skerry/broker/packet"
)

func message(topic string, qos packet.QoS) *packet.Publish {
	return &packet.Publish{TopicName: []byte(topic), QoS: qos, Payload: []byte("payload")}
}

func TestPublishKeepsItsPromise(t *testing.T) {
	p, c, _ := start(t, packet.V5, packet.Connack{}, client.Options{})

	done := async(func() error { return c.Publish(t.Context(), message("zero", 0)) })
	if m := p.publish(); m.QoS != 0 || string(m.TopicName) != "zero" {
		t.Errorf("got %+v", m)
	}
	if err := result(t, done); err != nil {
		t.Error(err)
	}

	done = async(func() error { return c.Publish(t.Context(), message("one", 1)) })
	m := p.publish()
	pending(t, done)
	p.send(ack(packet.PUBACK, m.PacketID))
	if err := result(t, done); err != nil {
		t.Error(err)
	}

	done = async(func() error { return c.Publish(t.Context(), message("two", 2)) })
	m = p.publish()
	p.send(ack(packet.PUBREC, m.PacketID))
	if a := p.ack(packet.PUBREL); a.PacketID != m.PacketID || a.ReasonCode != packet.Success {
		t.Errorf("got %+v", a)
	}
	pending(t, done)
	p.send(ack(packet.PUBCOMP, m.PacketID))
	if err := result(t, done); err != nil {
		t.Error(err)
	}
}

// pending fails if a call has returned before it may.
func pending(t *testing.T, done <-chan error) {
	t.Helper()
	select {
	case err := <-done:
		t.Fatalf("returned before its promise was kept: %v", err)
	default:
	}
}

func TestPublishRefused(t *testing.T) {
	p, c, _ := start(t, packet.V5, packet.Connack{}, client.Options{})
	for qos, answer := range map[packet.QoS]packet.Type{1: packet.PUBACK, 2: packet.PUBREC} {
		done := async(func() error { return c.Publish(t.Context(), message("t", qos)) })
		p.send(&packet.Ack{Type: answer, PacketID: p.publish().PacketID, ReasonCode: packet.NotAuthorized})
		var refused *client.Refused
		if err := result(t, done); !errors.As(err, &refused) || refused.Type != answer || refused.Code != packet.NotAuthorized {
			t.Errorf("QoS %d: got %v", qos, err)
		}
	}
	if err := c.Publish(t.Context(), message("a/+", 1)); err == nil {
		t.Error("a Topic Name with a wildcard was sent")
	}
}

// TestReceiveMaximum: however many messages callers have, the Server gets as many as it asked for.
func TestReceiveMaximum(t *testing.T) {
	limits := packet.Properties(nil).AppendNumber(packet.ReceiveMaximum, 4)
	p, c, _ := start(t, packet.V5, packet.Connack{Properties: limits}, client.Options{})
	const n = 20
	done := make(chan error, n)
	sent := async(func() error {
		for range n {
			if err := c.Send(t.Context(), message("t", 1), func(err error) { done <- err }); err != nil {
				return err
			}
		}
		return nil
	})
	var flight []uint16
	for i := range n {
		m := p.publish()
		if slices.Contains(flight, m.PacketID) {
			t.Fatalf("id %d is in use", m.PacketID)
		}
		if flight = append(flight, m.PacketID); len(flight) == 3 || i == n-1 {
			for _, id := range flight {
				p.send(ack(packet.PUBACK, id))
			}
			flight = flight[:0]
		}
	}
	if err := result(t, sent); err != nil {
		t.Error(err)
	}
	for range n {
		if err := result(t, done); err != nil {
			t.Error(err)
		}
	}
}

// TestUnknownPubrec: a Server that asks for a message which we do not know is answered, or its window would stay full.
func TestUnknownPubrec(t *testing.T) {
	p, _, _ := start(t, packet.V5, packet.Connack{}, client.Options{})
	p.send(ack(packet.PUBREC, 77))
	if a := p.ack(packet.PUBREL); a.PacketID != 77 || a.ReasonCode != packet.PacketIdentifierNotFound {
		t.Errorf("got %+v", a)
	}
	p.send(ack(packet.PUBACK, 78), ack(packet.PUBCOMP, 79), ack(packet.PUBREL, 80)) // the first two need no answer
	if a := p.ack(packet.PUBCOMP); a.PacketID != 80 || a.ReasonCode != packet.PacketIdentifierNotFound {
		t.Errorf("got %+v", a)
	}
}

// TestStrayPubcomp: a PUBCOMP without our PUBREL keeps no promise.
func TestStrayPubcomp(t *testing.T) {
	p, c, _ := start(t, packet.V5, packet.Connack{}, client.Options{})
	done := async(func() error { return c.Publish(t.Context(), message("t", 2)) })
	id := p.publish().PacketID
	p.send(ack(packet.PUBCOMP, id), ack(packet.PUBREC, id))
	p.ack(packet.PUBREL)
	pending(t, done)
	p.send(ack(packet.PUBCOMP, id))
	if err := result(t, done); err != nil {
		t.Error(err)
	}
}

func TestReceiveExactlyOnce(t *testing.T) {
	session := client.NewSession()
	var got []string
	o := client.Options{Session: session, OnMessage: func(m *packet.Publish) { got = append(got, string(m.TopicName)) }}

	p, c, ended := start(t, packet.V5, packet.Connack{}, o)
	p.send(&packet.Publish{TopicName: []byte("a"), QoS: 2, PacketID: 5}, &packet.Publish{TopicName: []byte("b"), QoS: 1, PacketID: 6})
	p.ack(packet.PUBREC)
	p.ack(packet.PUBACK)
	p.send(&packet.Publish{TopicName: []byte("a"), QoS: 2, PacketID: 5, Dup: true})
	p.ack(packet.PUBREC)
	c.Close()
	result(t, ended)

	p, c, ended = start(t, packet.V5, packet.Connack{SessionPresent: true}, o)
	p.send(&packet.Publish{TopicName: []byte("a"), QoS: 2, PacketID: 5, Dup: true})
	p.ack(packet.PUBREC)
	p.send(ack(packet.PUBREL, 5))
	if a := p.ack(packet.PUBCOMP); a.ReasonCode != packet.Success {
		t.Errorf("got %+v", a)
	}
	p.send(&packet.Publish{TopicName: []byte("c"), QoS: 2, PacketID: 5})
	p.ack(packet.PUBREC)
	c.Close()
	result(t, ended)

	// The Server has lost the session: the id belongs to another message now.
	p, c, ended = start(t, packet.V5, packet.Connack{}, o)
	p.send(&packet.Publish{TopicName: []byte("d"), QoS: 2, PacketID: 5})
	p.ack(packet.PUBREC)
	c.Close()
	result(t, ended)
	if want := []string{"a", "b", "c", "d"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestSessionGoesOn(t *testing.T) {
	session := client.NewSession()
	o := client.Options{Session: session}
	outcome := map[string]error{}
	done := make(chan struct{}, 10)
	send := func(c *client.Client, topic string, qos packet.QoS) {
		err := c.Send(t.Context(), message(topic, qos), func(err error) { outcome[topic] = err; done <- struct{}{} })
		if err != nil {
			t.Error(err)
		}
	}
	p, c, ended := start(t, packet.V311, packet.Connack{}, o)
	go func() { send(c, "one", 1); send(c, "two", 2); send(c, "half", 2) }()
	one, two, half := p.publish(), p.publish(), p.publish()
	p.send(ack(packet.PUBREC, half.PacketID))
	p.ack(packet.PUBREL)
	c.Close()
	result(t, ended)
	if session.Pending() != 3 {
		t.Fatalf("%d messages pending", session.Pending())
	}

	p, c, ended = start(t, packet.V311, packet.Connack{SessionPresent: true}, o)
	for _, want := range []packet.Publish{one, two} {
		if m := p.publish(); !m.Dup || m.PacketID != want.PacketID || string(m.TopicName) != string(want.TopicName) {
			t.Errorf("got %+v, want %+v with DUP", m, want)
		}
	}
	if a := p.ack(packet.PUBREL); a.PacketID != half.PacketID {
		t.Errorf("got %+v", a)
	}
	p.send(ack(packet.PUBACK, one.PacketID))
	<-done
	c.Close()
	result(t, ended)

	p, _, _ = start(t, packet.V311, packet.Connack{}, o) // the session is lost
	if m := p.publish(); m.Dup || string(m.TopicName) != "two" {
		t.Errorf("got %+v, want the message as a new one", m)
	} else {
		p.send(ack(packet.PUBREC, m.PacketID))
		p.ack(packet.PUBREL)
		p.send(ack(packet.PUBCOMP, m.PacketID))
	}
	<-done
	<-done
	if outcome["one"] != nil || outcome["two"] != nil || !errors.Is(outcome["half"], client.ErrForgotten) || session.Pending() != 0 {
		t.Errorf("outcome %v, %d pending", outcome, session.Pending())
	}
}

// TestLostInSend: a Send that breaks off in the middle of writing either hands its message to the session or says that it did not.
// Who is told both sends it twice.
func TestLostInSend(t *testing.T) {
	session := client.NewSession()
	_, c, ended := start(t, packet.V5, packet.Connack{}, client.Options{Session: session})
	m := message("large", 1)
	m.Payload = make([]byte, 100<<10) // so much that Send writes it, to a Server that does not read
	sent := make(chan error, 1)
	go func() { sent <- c.Send(t.Context(), m, func(error) {}) }()
	for session.Pending() == 0 {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(20 * time.Millisecond) // most likely it is in Write then
	c.Close()
	result(t, ended)
	if err := <-sent; (err == nil) != (session.Pending() == 1) {
		t.Errorf("Send says %v, and the session has %d messages", err, session.Pending())
	}
}

func TestLostWithoutSession(t *testing.T) {
	p, c, ended := start(t, packet.V5, packet.Connack{}, client.Options{})
	done := make(chan error, 1)
	if err := c.Send(t.Context(), message("t", 1), func(err error) { done <- err }); err != nil {
		t.Fatal(err)
	}
	p.publish()
	p.conn.Close()
	if err := result(t, ended); !errors.Is(err, client.ErrLost) {
		t.Errorf("Run: %v", err)
	}
	if err := result(t, done); !errors.Is(err, client.ErrLost) {
		t.Errorf("done: %v", err)
	}
	if err := c.Publish(t.Context(), message("t", 1)); !errors.Is(err, client.ErrLost) {
		t.Errorf("Publish afterwards: %v", err)
	}
}

func TestSubscribe(t *testing.T) {
	p, c, _ := start(t, packet.V5, packet.Connack{}, client.Options{})
	var codes []packet.ReasonCode
	done := async(func() (err error) {
		codes, err = c.Subscribe(t.Context(), packet.Subscription{TopicFilter: []byte("a/#"), QoS: 2}, packet.Subscription{TopicFilter: []byte("b")})
		return err
	})
	var s packet.Subscribe
	if err := s.Decode(packet.V5, p.next()); err != nil {
		t.Fatal(err)
	}
	p.send(&packet.Suback{PacketID: s.PacketID, ReasonCodes: []packet.ReasonCode{packet.GrantedQoS1, packet.NotAuthorized}})
	if err := result(t, done); err != nil || !slices.Equal(codes, []packet.ReasonCode{1, packet.NotAuthorized}) {
		t.Errorf("got %v, %v", codes, err)
	}
	done = async(func() (err error) {
		codes, err = c.Unsubscribe(t.Context(), "a/#")
		return err
	})
	var u packet.Unsubscribe
	if err := u.Decode(packet.V5, p.next()); err != nil {
		t.Fatal(err)
	}
	p.send(&packet.Unsuback{PacketID: u.PacketID, ReasonCodes: []packet.ReasonCode{packet.NoSubscriptionExisted}})
	if err := result(t, done); err != nil || !slices.Equal(codes, []packet.ReasonCode{packet.NoSubscriptionExisted}) {
		t.Errorf("got %v, %v", codes, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done = async(func() error { _, err := c.Subscribe(ctx, packet.Subscription{TopicFilter: []byte("c")}); return err })
	p.next()
	cancel()
	if err := result(t, done); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestDisconnect(t *testing.T) {
	p, c, ended := start(t, packet.V5, packet.Connack{}, client.Options{})
	done := async(func() error { return c.Disconnect(packet.DisconnectWithWillMessage) })
	var d packet.Disconnect
	if err := d.Decode(packet.V5, p.next()); err != nil || d.ReasonCode != packet.DisconnectWithWillMessage {
		t.Errorf("got %+v, %v", d, err)
	}
	if err := result(t, done); err != nil {
		t.Error(err)
	}
	if err := result(t, ended); !errors.Is(err, client.ErrClosed) {
		t.Errorf("Run: %v", err)
	}
}

// TestOrder: messages of one caller leave in the order in which they were given, whatever their QoS allows.
func TestOrder(t *testing.T) {
	p, c, _ := start(t, packet.V5, packet.Connack{}, client.Options{})
	const n = 3000
	go func() {
		for i := range n {
			m := message(fmt.Sprint(i), 1)
			m.Payload = []byte(strings.Repeat("x", i%200))
			c.Send(t.Context(), m, func(error) {})
		}
	}()
	var written sync.WaitGroup
	for i := range n {
		m := p.publish()
		if string(m.TopicName) != fmt.Sprint(i) {
			t.Fatalf("got %s, want %d", m.TopicName, i)
		}
		if i%100 == 99 {
			written.Go(func() { p.send(acksOf{m.PacketID, 100}) })
		}
	}
	written.Wait()
}

// acksOf acknowledges n messages up to last in one write.
type acksOf struct {
	last uint16
	n    int
}

func (a acksOf) Append(dst []byte, v packet.Version) []byte {
	for i := range a.n {
		dst = ack(packet.PUBACK, a.last-uint16(a.n-1-i)).Append(dst, v)
	}
	return dst
}
