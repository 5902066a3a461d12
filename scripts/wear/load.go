package main

import (
	"errors"
	"fmt"

	"skerry/broker/packet"
	"skerry/scripts/rig"
)

// A work is one kind of traffic through a broker: messages of 100 bytes to one durable session.
type work struct {
	name     string
	qos      packet.QoS
	inflight int  // messages that wait for their acknowledgement
	online   bool // the receiver is connected and acknowledges

	bytes, flushes float64 // targets per message; 0: none
}

const (
	topic    = "site/station/sensor"
	receiver = "receiver"
	sender   = "sender"
)

// loader drives work through a broker by two connections.
type loader struct {
	address string
	work    work
	pub     *rig.Wire
	sub     *rig.Wire // nil: the receiver is away
	id      uint16
}

func newLoader(address string, w work) (*loader, error) {
	l := &loader{address: address, work: w}
	sub, _, err := rig.Connect(address, receiver, false)
	if err != nil {
		return nil, err
	}
	if err := sub.Subscribe(w.qos, topic); err != nil {
		return nil, err
	}
	if w.online {
		l.sub = sub
	} else if err := sub.Disconnect(); err != nil {
		return nil, err
	}
	l.pub, _, err = rig.Connect(address, sender, false)
	return l, err
}

func (l *loader) close() {
	_ = l.pub.Disconnect()
	if l.sub != nil {
		_ = l.sub.Disconnect()
	}
}

// run sends n messages, inflight at a time, and returns when each is acknowledged and, if the receiver is there, received and acknowledged by it.
func (l *loader) run(n, size, inflight int) error {
	received := make(chan error, 1)
	arrived := make(chan struct{}, n) // one at a time: the next message waits for the receiver
	go func() {
		if l.sub == nil {
			close(arrived)
			received <- nil
			return
		}
		received <- receive(l.sub, n, arrived)
	}()
	return errors.Join(l.send(n, size, inflight, arrived), <-received)
}

func (l *loader) send(n, size, inflight int, arrived <-chan struct{}) error {
	payload := make([]byte, size)
	sent, done := 0, 0
	for done < n {
		for sent < n && sent-done < inflight {
			l.id = l.id%65535 + 1
			l.pub.Put(&packet.Publish{QoS: l.work.qos, TopicName: []byte(topic), PacketID: l.id, Payload: payload})
			sent++
		}
		if err := l.pub.Flush(); err != nil {
			return err
		}
		for first := true; first || l.pub.Ready(); first = false {
			complete, err := l.settle()
			if err != nil {
				return err
			}
			done += complete
			if complete > 0 && inflight == 1 {
				<-arrived
			}
		}
	}
	return nil
}

// settle takes one packet that the publisher gets, and counts the message that it ends.
func (l *loader) settle() (complete int, err error) {
	h, err := l.pub.Receive()
	if err != nil {
		return 0, fmt.Errorf("publisher: %w", err)
	}
	switch h.Type {
	case packet.PUBACK, packet.PUBCOMP:
		return 1, nil
	case packet.PUBREC:
		l.pub.Ack(packet.PUBREL, idOf(h))
		return 0, l.pub.Flush()
	}
	return 0, fmt.Errorf("publisher: %v came", h.Type)
}

// receive takes n messages and answers as a receiver does, several packets at once when they have come at once.
func receive(w *rig.Wire, n int, arrived chan<- struct{}) error {
	for done := 0; done < n; {
		h, err := w.Receive()
		if err != nil {
			close(arrived)
			return fmt.Errorf("receiver, after %d of %d messages: %w", done, n, err)
		}
		complete, err := answer(w, h)
		if err != nil {
			return err
		}
		if !w.Ready() {
			if err := w.Flush(); err != nil {
				return err
			}
		}
		if complete {
			done++
			arrived <- struct{}{}
		}
	}
	return w.Flush()
}

func answer(w *rig.Wire, h packet.Header) (complete bool, err error) {
	switch h.Type {
	case packet.PUBREL:
		w.Ack(packet.PUBCOMP, idOf(h))
		return true, nil
	case packet.PUBLISH:
		var p packet.Publish
		if err := p.Decode(packet.V311, h); err != nil {
			return false, err
		}
		if p.QoS == 2 {
			w.Ack(packet.PUBREC, p.PacketID)
			return false, nil
		}
		w.Ack(packet.PUBACK, p.PacketID)
		return true, nil
	}
	return false, fmt.Errorf("receiver: %v came", h.Type)
}

func idOf(h packet.Header) uint16 { return uint16(h.Body[0])<<8 | uint16(h.Body[1]) }
