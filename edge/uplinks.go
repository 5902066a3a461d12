package edge

import (
	"errors"

	"skerry/broker"
)

// startUplinks starts a layer for each uplink.
func (g *Gateway) startUplinks(layers *layers, b *broker.Broker) error {
	if len(g.config.Uplinks) > 0 {
		return errors.New("uplinks are not built yet")
	}
	return nil
}
