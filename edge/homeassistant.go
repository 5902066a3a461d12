package edge

import (
	"context"
	"slices"
	"time"

	"skerry/broker"
	"skerry/edge/config"
	"skerry/edge/hass"
	"skerry/edge/uplink"
	"skerry/queue"
)

// listenForBirth has an uplink to the broker of Home Assistant bring its birth messages. They go where the receive map of the configuration
// has them go, or else to the same topic here.
func (g *Gateway) listenForBirth(c *config.Uplink) {
	home := g.config.HomeAssistant
	if home == nil || home.To != c.Name {
		return
	}
	if local, ok := uplink.LocalName(c.Receive, home.Status); ok {
		g.birth = local
		return
	}
	c.Receive = append(slices.Clone(c.Receive), config.Receive{Filter: home.Status, Local: home.Status})
}

// verbatim tells whether documents for Home Assistant go through an uplink, or have gone and are to be taken back.
func (g *Gateway) verbatim(b *broker.Broker, name string) bool {
	return g.home.To == name || slices.Contains(hass.Announced(b), name)
}

// startHome starts what tells Home Assistant of the station. Without a section for that, it takes back what was told before.
func (g *Gateway) startHome(layers *layers, b *broker.Broker, store *queue.Store, uplinks []*uplink.Uplink) error {
	if g.config.HomeAssistant == nil && len(hass.Announced(b)) == 0 {
		return nil
	}
	o := hass.Options{Log: g.log, Status: g.birth}
	for _, u := range uplinks {
		o.Uplinks = append(o.Uplinks, u.Name())
		if u.Name() == g.home.To {
			o.Forgotten = func() uint64 { return u.Status().LostSession }
		}
	}
	o.Links = func() map[string]string { return links(uplinks) }
	o.Look = func() hass.Figures {
		f := hass.Figures{Waiting: waiting(store), Uplinks: links(uplinks)}
		if free, err := g.options.FS.Free(g.config.Storage.Path); err == nil {
			f.DiskFree = free >> 20
		}
		return f
	}
	for _, n := range g.home.Notes {
		g.log.Warn("not all is shown in Home Assistant", "key", n.Key, "why", n.Problem, "hint", n.Hint)
	}
	s, err := hass.NewSession(b, g.home, o)
	if err != nil {
		return err
	}
	layers.start("home assistant", time.Second, func(ctx context.Context) error {
		s.Run(ctx)
		return nil
	})
	return nil
}

// links tells of each uplink whether it is online.
func links(uplinks []*uplink.Uplink) map[string]string {
	all := map[string]string{}
	for _, u := range uplinks {
		all[u.Name()] = "offline"
		if u.Status().Online {
			all[u.Name()] = "online"
		}
	}
	return all
}
