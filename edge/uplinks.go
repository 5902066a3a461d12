package edge

import (
	"fmt"
	"time"

	"skerry/broker"
	"skerry/edge/config"
	"skerry/edge/uplink"
)

// startUplinks starts a layer for each uplink.
func (g *Gateway) startUplinks(layers *layers, b *broker.Broker) error {
	for _, c := range g.config.Uplinks {
		u, err := uplink.New(c, g.streams(c), b, uplink.Options{Log: g.log, Site: g.config.Gateway.Site, Gateway: g.config.Gateway.ID})
		if err != nil {
			return fmt.Errorf("uplink %s: %w", c.Name, err)
		}
		layers.start("uplink "+c.Name, 2*time.Second, u.Run)
	}
	return nil
}

// streams are those that an uplink carries.
func (g *Gateway) streams(c config.Uplink) []config.Stream {
	var carried []config.Stream
	for _, name := range c.Carry {
		for _, s := range g.config.Streams {
			if s.Name == name {
				carried = append(carried, s)
			}
		}
	}
	return carried
}
