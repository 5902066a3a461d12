package edge

import (
	"context"
	"net"
	"time"

	"skerry/edge/config"
	"skerry/edge/simulate"
)

// newSimulation prepares what a simulated board plays; nil: the board is none.
func newSimulation(c *config.Config, o Options) (*simulate.Station, error) {
	if c.Gateway.Board != "sim" || o.Buses != nil {
		return nil, nil
	}
	scenario := c.Scenario
	if scenario == nil {
		scenario = config.NewScenario()
	}
	return simulate.New(c, scenario, o.Log)
}

// startUpstream starts the server that stands in for those of the uplinks.
func (g *Gateway) startUpstream(layers *layers) error {
	if g.simulated == nil || g.dial != nil || !g.simulated.StandsIn() {
		return nil
	}
	end, err := g.simulated.Upstream()
	if err != nil {
		return err
	}
	layers.start("simulated upstream", time.Second, func(ctx context.Context) error {
		<-ctx.Done()
		end()
		return nil
	})
	return nil
}

// startSimulation starts who talks to the broker, and the faults.
func (g *Gateway) startSimulation(layers *layers) {
	if g.simulated == nil {
		return
	}
	layers.start("simulation", time.Second, func(ctx context.Context) error {
		return g.simulated.Run(ctx, func(listener string) net.Addr { return g.addresses[listener] })
	})
}

// dialer is how an uplink reaches its server; nil: by the network.
func (g *Gateway) dialer(uplink string) func(context.Context, config.Server) (net.Conn, error) {
	if g.dial != nil || g.simulated == nil || !g.simulated.StandsIn() {
		return g.dial
	}
	return func(ctx context.Context, s config.Server) (net.Conn, error) { return g.simulated.Dial(ctx, uplink, s) }
}
