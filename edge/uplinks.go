package edge

import (
	"fmt"
	"slices"

	"skerry/board"
	"skerry/broker"
	"skerry/drivers"
	"skerry/edge/config"
	"skerry/edge/uplink"
)

// openUplinks makes the sessions of the uplinks, before anybody can publish: what the first Client is told to be stored is
// owed to the streams from the first moment on.
func (g *Gateway) openUplinks(b *broker.Broker, buses drivers.Buses) ([]*uplink.Uplink, error) {
	if err := g.openModems(buses); err != nil {
		return nil, err
	}
	var all []*uplink.Uplink
	var names []string
	for _, c := range g.config.Uplinks {
		names = append(names, c.Name)
	}
	if err := uplink.Retire(b, names, g.log); err != nil {
		return nil, err
	}
	mark, err := mark(b, g.config.Gateway.ID)
	if err != nil {
		return nil, err
	}
	for _, c := range g.config.Uplinks {
		g.listenForBirth(&c)
		o := uplink.Options{Log: g.log, Site: g.config.Gateway.Site, Gateway: g.config.Gateway.ID, Mark: mark, Changed: g.uplinkChanged, Dial: g.dialer(c.Name),
			Hold: g.hold(), Time: g.clock.ForCertificates, Verbatim: g.verbatim(b, c.Name), Modem: g.modems.of(c), Identity: board.Identity(),
			Date: g.clock.Now, Stay: g.watched(c.Name), Room: func() int64 { return g.room(g.windows.store) }}
		u, err := uplink.New(c, config.Carried(c, g.config.Streams), b, o)
		if err != nil {
			return nil, fmt.Errorf("uplink %s: %w", c.Name, err)
		}
		if err := u.Open(); err != nil {
			return nil, err
		}
		g.modems.serve(c, u)
		all = append(all, u)
	}
	for _, u := range all {
		g.windows.uplinks = append(g.windows.uplinks, u)
	}
	return all, nil
}

// uplinkChanged is called when an uplink has come online or gone offline, or takes longer to acknowledge.
func (g *Gateway) uplinkChanged() {
	g.windows.update()
	g.outputs.Look()
	if lost := g.own.forgotten(); g.lost.Swap(lost) < lost {
		g.outputs.Repeat()
	}
}

// watched tells whether an output is switched when an uplink is offline for long.
func (g *Gateway) watched(name string) bool {
	return slices.ContainsFunc(g.config.Outputs, func(o config.Output) bool {
		return o.OnUplinkLoss != nil && (o.OnUplinkLoss.Uplink == "" || o.OnUplinkLoss.Uplink == name)
	})
}
