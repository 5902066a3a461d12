package edge

import (
	"context"
	"time"

	"skerry/broker"
	"skerry/edge/control"
	"skerry/queue"
	"skerry/queue/vfs"
)

// startControl lets `skerry queue`, `clients`, `sensors`, `outputs` and `trace` look into the station while it runs. A station that cannot be
// looked into runs all the same.
func (g *Gateway) startControl(layers *layers, store *queue.Store, r queue.Report, b *broker.Broker) {
	if _, real := g.options.FS.(vfs.OS); !real {
		return
	}
	path := g.config.Storage.Path
	srv, err := control.Listen(path, &control.Station{
		Store: store, Report: r, Retained: b.Retained, Live: true, Wear: control.WatchWear(path), Server: g.server,
		Own: g.own.clients, TraceUplink: g.own.trace, Sensors: sensors{g.sensors}, Outputs: outputs{g.outputs}, Uplinks: uplinkRows{&g.own},
	}, g.log)
	if err != nil {
		g.log.Warn("`skerry queue` cannot look into the running station, only when it is stopped", "error", err)
		return
	}
	layers.start("control", time.Second, func(ctx context.Context) error { return srv.Run(ctx) })
}
