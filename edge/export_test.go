package edge

import (
	"context"
	"net"
	"time"

	"skerry/broker"
	"skerry/edge/config"
	"skerry/edge/uplink"
	"skerry/queue"
)

// DialUplinks has the uplinks reach their Servers by dial.
func (g *Gateway) DialUplinks(dial func(context.Context, config.Server) (net.Conn, error)) {
	g.dial = dial
}

// AskModems has the modems of links be asked more often.
func (g *Gateway) AskModems(every time.Duration) { g.modemPoll = every }

// UplinkStatus is that of the first uplink, once Listening is closed.
func (g *Gateway) UplinkStatus() uplink.Status { return g.own.uplinks[0].Status() }

// Open has the Server accept connections from a listener besides, without credentials.
func (g *Gateway) Open(door net.Listener) { g.door = door }

// On has the log believe that it is on a machine whose kernel has run since a moment.
func (g *Gateway) On(kernel byte, since time.Time) {
	g.boot = queue.Boot{ID: [16]byte{kernel}, Clock: func() time.Duration { return time.Since(since) }}
}

// Store is the store, once Listening is closed.
func (g *Gateway) Store() *queue.Store { return g.windows.store }

// Broker is the broker, once Listening is closed.
func (g *Gateway) Broker() *broker.Broker { return g.broker }

// Upstream is where the server listens that stands in for those of the uplinks.
func (g *Gateway) Upstream() net.Addr { return g.simulated.UpstreamAddress() }

// Report logs what was found at the start.
var Report = report
