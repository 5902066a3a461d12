package sampler

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/edge/config"
)

// Commands hears who asks for readings: it is a session of the broker like any other, without any promise. Who may publish to the
// topics of it may ask.
type Commands struct {
	session *broker.Session
	sensors map[string][]string // by topic
	wake    chan struct{}       // capacity 1
}

// together bounds how many messages are taken from the session at a time.
const together = 64

// NewCommands listens on the topics that the sensors have for that. One that is refused, as when there are too many, is reported: the
// sensors are read all the same.
func NewCommands(b *broker.Broker, sensors []config.Sensor, log *slog.Logger) (*Commands, error) {
	c := &Commands{sensors: map[string][]string{}, wake: make(chan struct{}, 1)}
	for _, s := range sensors {
		if s.Get != "" {
			c.sensors[s.Get] = append(c.sensors[s.Get], s.Name)
		}
	}
	var err error
	c.session, _, err = b.Connect(broker.ConnectOptions{ClientID: "commands", Internal: true, Version: packet.V5, CleanStart: true, Conn: c})
	if err != nil {
		return nil, fmt.Errorf("connect the commands of sensors to the broker: %w", err)
	}
	for _, topic := range slices.Sorted(maps.Keys(c.sensors)) {
		codes, _ := c.session.Subscribe([]broker.Subscription{{TopicFilter: topic, RetainHandling: 2}}, nil)
		if codes[0].IsError() {
			log.Error("readings cannot be asked for", "topic", topic, "err", codes[0])
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

// Run hands over what is asked for until ctx ends. A message that was retained is an old one, and asks for nothing.
func (c *Commands) Run(ctx context.Context, ask func(sensor string)) {
	defer c.session.Disconnect(broker.DisconnectOptions{})
	var batch []broker.Delivery
	for {
		batch = c.session.Next(batch[:0], together)
		for _, d := range batch {
			if d.Message == nil || d.Retain {
				continue
			}
			for _, name := range c.sensors[d.Message.TopicName] {
				ask(name)
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
