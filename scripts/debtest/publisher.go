package main

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"skerry/broker/client"
	"skerry/broker/packet"
)

// pad is how long the messages are that fill a store.
const pad = 40_000

// publisher is a client of the station, of MQTT 5, that hears the reason of each refusal.
type publisher struct {
	m       *machine
	client  *client.Client
	running sync.WaitGroup
}

func (m *machine) connect() *publisher {
	p := &publisher{m: m}
	conn, err := net.Dial("tcp", "127.0.0.1:1883")
	if err == nil {
		p.client, err = client.Connect(context.Background(), conn, &packet.Connect{Version: packet.V5, CleanStart: true}, client.Options{})
	}
	if err != nil {
		m.fail("%v", err)
	}
	p.running.Go(func() { _ = p.client.Run(context.Background()) })
	return p
}

func (p *publisher) close() {
	p.client.Close()
	p.running.Wait()
}

// publish sends a long message at QoS 1, and notes it if it was acknowledged.
func (p *publisher) publish(n int) error {
	ctx, end := context.WithTimeout(context.Background(), 20*time.Second)
	defer end()
	payload := fmt.Sprintf("long-%d", n)
	err := p.client.Publish(ctx, &packet.Publish{TopicName: []byte("b/c"), QoS: 1, Payload: []byte(payload + strings.Repeat(".", pad))})
	if err == nil {
		p.m.owed = append(p.m.owed, message{"b/c", payload, 1})
	}
	return err
}
