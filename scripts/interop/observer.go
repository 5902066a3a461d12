package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"skerry/broker/client"
	"skerry/broker/packet"
)

// observer is a client of a server, with a session that is kept there.
type observer struct {
	name    string
	session *client.Session
	client  *client.Client
	done    chan struct{}

	mu  sync.Mutex
	got []packet.Publish
}

func newObserver(name string) *observer { return &observer{name: name, session: client.NewSession()} }

// join connects, as soon as the server is ready for it. present: it had kept the session.
func (o *observer) join(ctx context.Context, address string) (present bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		if err = o.attempt(ctx, address); err == nil {
			return o.client.Server().SessionPresent, nil
		}
		select {
		case <-ctx.Done():
			return false, fmt.Errorf("the observer cannot connect: %w", err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (o *observer) attempt(ctx context.Context, address string) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	connecting, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	connect := &packet.Connect{Version: packet.V311, ClientID: []byte(o.name), KeepAlive: 60}
	c, err := client.Connect(connecting, conn, connect, client.Options{Session: o.session, OnMessage: o.note})
	if err != nil {
		return err
	}
	o.client, o.done = c, make(chan struct{})
	go func() { defer close(o.done); _ = c.Run(context.WithoutCancel(ctx)) }()
	return nil
}

func (o *observer) subscribe(ctx context.Context, filter string, qos packet.QoS) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	codes, err := o.client.Subscribe(ctx, packet.Subscription{TopicFilter: []byte(filter), QoS: qos})
	if err == nil && codes[0].IsError() {
		err = codes[0]
	}
	if err != nil {
		return fmt.Errorf("subscribe to %s: %w", filter, err)
	}
	return nil
}

func (o *observer) publish(ctx context.Context, topic, payload string, qos packet.QoS) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return o.client.Publish(ctx, &packet.Publish{TopicName: []byte(topic), Payload: []byte(payload), QoS: qos})
}

func (o *observer) note(m *packet.Publish) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.got = append(o.got, packet.Publish{TopicName: slices.Clone(m.TopicName), Payload: slices.Clone(m.Payload), QoS: m.QoS, Retain: m.Retain})
}

// leave ends the connection without DISCONNECT.
func (o *observer) leave() {
	if o.client != nil {
		o.client.Close()
		<-o.done
		o.client = nil
	}
}

// payloads gives what has come on a topic.
func (o *observer) payloads(topic string) (all []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, m := range o.got {
		if string(m.TopicName) == topic {
			all = append(all, string(m.Payload))
		}
	}
	return all
}

// retained asks for a retained message by a filter, as a client that comes new.
func retained(ctx context.Context, address, filter, topic string) (bool, error) {
	o := newObserver(fmt.Sprintf("late-%d", time.Now().UnixNano()))
	defer o.leave()
	if _, err := o.join(ctx, address); err != nil {
		return false, err
	}
	if err := o.subscribe(ctx, filter, 1); err != nil {
		return false, err
	}
	return soon(ctx, time.Second, func() bool { return len(o.payloads(topic)) > 0 }), nil
}

// patience is how long a server may take for what it must do.
const patience = 90 * time.Second

// soon waits for a condition.
func soon(ctx context.Context, most time.Duration, ok func() bool) bool {
	for deadline := time.Now().Add(most); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) || ctx.Err() != nil {
			return false
		}
	}
	return true
}

var errInVain = errors.New("waited in vain")
