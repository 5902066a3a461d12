package output

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/edge/config"
)

// Commands hears the commands: a session of the broker that ends with the program, so that no command outlasts it. Who may publish to the
// topics of it may command.
type Commands struct {
	session *broker.Session
	wake    chan struct{} // capacity 1
}

// together bounds how many messages are taken from the session at a time.
const together = 64

// NewCommands listens on the command topics of the outputs. One that is refused is reported: the output can still be set locally.
func NewCommands(b *broker.Broker, outputs []config.Output, log *slog.Logger) (*Commands, error) {
	c := &Commands{wake: make(chan struct{}, 1)}
	var err error
	c.session, _, err = b.Connect(broker.ConnectOptions{ClientID: "outputs", Internal: true, Version: packet.V5, CleanStart: true, Conn: c})
	if err != nil {
		return nil, fmt.Errorf("connect the outputs to the broker: %w", err)
	}
	for _, o := range outputs {
		if o.Command.Topic == "" {
			continue
		}
		codes, _ := c.session.Subscribe([]broker.Subscription{{TopicFilter: o.Command.Topic, RetainHandling: 2}}, nil)
		if codes[0].IsError() {
			log.Error("an output cannot be commanded", "output", o.Name, "topic", o.Command.Topic, "err", codes[0])
		}
	}
	return c, nil
}

// Wake, Flush and Close are what a broker.Conn has.
func (c *Commands) Wake() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Flush leaves the work to Run: a publisher does not wait for it.
func (c *Commands) Flush() { c.Wake() }

// Close comes when the broker ends; so does Run, soon.
func (c *Commands) Close(packet.ReasonCode) {}

// Run hands commands over until ctx ends.
func (c *Commands) Run(ctx context.Context, take func(context.Context, Message)) {
	defer c.session.Disconnect(broker.DisconnectOptions{})
	var batch []broker.Delivery
	for {
		batch = c.session.Next(batch[:0], together)
		for _, d := range batch {
			if m := d.Message; m != nil {
				left, expires := c.session.ExpiryLeft(m)
				take(ctx, Message{Topic: m.TopicName, Payload: m.Payload, Retained: m.Retain, Arrived: time.Now(),
					Left: time.Duration(left) * time.Second, Expires: expires})
			}
		}
		if len(batch) > 0 && ctx.Err() == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-c.wake:
		}
	}
}
