package edge

import (
	"math"
	"time"

	"skerry/broker"
	"skerry/broker/server"
	"skerry/queue"
)

// brokerOptions are the bounds of what clients can make the broker remember.
func (g *Gateway) brokerOptions() broker.Options {
	l := g.config.Broker.Limits
	return broker.Options{
		Log:              g.log,
		Filters:          filters(g.config),
		MaxSessionExpiry: uint32(min(l.SessionExpiry/time.Second, math.MaxUint32-1)),
		Limits: broker.Limits{
			Sessions:         l.Sessions,
			Subscriptions:    l.Subscriptions,
			RetainedMessages: l.Retained.Messages,
			RetainedBytes:    int(l.Retained.Bytes),
			TopicLevels:      l.Topic.Levels,
			TopicLength:      int(l.Topic.Length),
		},
		Queue:   queue.SessionOptions{Limits: queueLimits(l.Queue)},
		Resolve: g.resolve,
	}
}

// serverOptions are the bounds of what clients may do at the door.
func (g *Gateway) serverOptions() server.Options {
	l := g.config.Broker.Limits
	return server.Options{
		Log:                 g.log,
		ReasonStrings:       true,
		ResponseInformation: g.config.Broker.ResponseInformation,
		Limits: server.Limits{
			Connections: l.Connections,
			Packet:      int(l.Packet),
			Inflight:    l.Inflight,
			KeepAlive:   l.KeepAlive,
			MessageRate: float64(l.Rate.Messages),
			ByteRate:    float64(l.Rate.Bytes),
			AddressRate: float64(l.Connects.Address),
			ConnectRate: float64(l.Connects.Total),
		},
	}
}
