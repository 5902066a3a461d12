package edge

import (
	"context"
	"time"

	"skerry/edge/metric"
	"skerry/queue"
)

// startMetrics shows the figures to Prometheus, if the configuration asks for it.
func (g *Gateway) startMetrics(layers *layers, s *statistics) error {
	c := g.config.Broker.Metrics
	if c == nil {
		return nil
	}
	srv, err := metric.Listen(c.HTTP, s.metrics)
	if err != nil {
		return err
	}
	g.addresses[metricsListener] = srv.Address()
	if srv.Early() {
		g.log.Warn("no interface has the address of metrics: they are shown when one has (hint: `ip address` lists them)", "address", c.HTTP)
	}
	g.log.Info("metrics are shown", "address", srv.Address().String(), "path", "/metrics")
	layers.start("metrics", time.Second, func(ctx context.Context) error { return srv.Run(ctx) })
	return nil
}

// metricsListener is the name under which Address knows where metrics are: no listener of the configuration can be called so.
const metricsListener = "broker.metrics"

// metrics are the figures of this moment, in the names and units of Prometheus.
func (s *statistics) metrics() []metric.Metric {
	f := s.look()
	all := []metric.Metric{
		{Name: "skerry_info", Help: "The version of the program.", Kind: metric.Gauge, Samples: []metric.Sample{{Label: "version", Is: s.version, Value: 1}}},
		metric.One(metric.Gauge, "skerry_uptime_seconds", "Time since the station was started.", f.up.Seconds()),
	}
	all = append(all, f.clientMetrics()...)
	all = append(all, f.trafficMetrics()...)
	all = append(all, f.refusalMetrics()...)
	all = append(all, f.outputMetrics()...)
	all = append(all, f.keptMetrics()...)
	return append(all, f.diskMetrics()...)
}

func (f *figures) clientMetrics() []metric.Metric {
	return []metric.Metric{
		metric.One(metric.Gauge, "skerry_clients_connected", "Clients that are connected.", f.broker.Connected),
		metric.One(metric.Gauge, "skerry_clients_disconnected", "Sessions kept for clients that are not connected.", f.broker.Away),
		metric.One(metric.Counter, "skerry_clients_expired_total", "Sessions that ended because their client did not come back in time.", f.broker.Expired),
		metric.One(metric.Gauge, "skerry_clients_slow", "Clients whose queue does not drain.", f.server.Slow),
		metric.One(metric.Gauge, "skerry_subscriptions", "Subscriptions of all clients.", f.broker.Subscriptions),
		metric.One(metric.Counter, "skerry_sockets_total", "Network connections opened.", f.server.Sockets),
		metric.One(metric.Counter, "skerry_connects_total", "CONNECT packets received.", f.server.Connects),
	}
}

func (f *figures) trafficMetrics() []metric.Metric {
	in, out := f.server.Received, f.server.Sent
	return []metric.Metric{
		metric.One(metric.Counter, "skerry_packets_received_total", "Control packets of all types received.", in.Packets),
		metric.One(metric.Counter, "skerry_packets_sent_total", "Control packets of all types sent.", out.Packets),
		metric.One(metric.Counter, "skerry_received_bytes_total", "Bytes of packets received.", in.Bytes),
		metric.One(metric.Counter, "skerry_sent_bytes_total", "Bytes of packets sent.", out.Bytes),
		metric.One(metric.Counter, "skerry_publish_received_total", "PUBLISH packets received.", in.Publishes),
		metric.One(metric.Counter, "skerry_publish_sent_total", "PUBLISH packets sent.", out.Publishes),
		metric.One(metric.Counter, "skerry_publish_received_bytes_total", "Bytes of payloads received.", in.Payload),
		metric.One(metric.Counter, "skerry_publish_sent_bytes_total", "Bytes of payloads sent.", out.Payload),
		f.droppedMetric(),
	}
}

func (f *figures) droppedMetric() metric.Metric {
	m := metric.Metric{Name: "skerry_deliveries_dropped_total", Help: "Deliveries dropped, by reason.", Kind: metric.Counter}
	for reason, n := range f.store.Drops {
		m.Samples = append(m.Samples, metric.Sample{Label: "reason", Is: queue.Reason(reason).String(), Value: float64(n)})
	}
	return m
}

func (f *figures) refusalMetrics() []metric.Metric {
	m := metric.Metric{Name: "skerry_refused_total", Help: "What clients were refused.", Kind: metric.Counter}
	add := func(what string, n uint64) {
		m.Samples = append(m.Samples, metric.Sample{Label: "what", Is: what, Value: float64(n)})
	}
	add("connect", f.server.Refused)
	add("publish", f.server.PublishDenied)
	add("subscribe", f.server.SubscribeDenied)
	add("read", f.server.ReadDenied)
	return []metric.Metric{m, f.limitedMetric(), metric.One(metric.Counter, "skerry_logins_throttled_total", "Logins not looked at, after too many failures.", f.server.Throttled)}
}

func (f *figures) limitedMetric() metric.Metric {
	return metric.Metric{Name: "skerry_limited_total", Help: "What limits at the door have done.", Kind: metric.Counter, Samples: []metric.Sample{
		{Label: "what", Is: "connections", Value: float64(f.server.TurnedAway)}, {Label: "what", Is: "connects", Value: float64(f.server.TooOften)},
		{Label: "what", Is: "rate", Value: float64(f.server.Paused)}, {Label: "what", Is: "packet", Value: float64(f.server.TooLarge)},
	}}
}

func (f *figures) outputMetrics() []metric.Metric {
	return []metric.Metric{
		metric.One(metric.Gauge, "skerry_outputs_failing", "Outputs that fail.", f.failing),
		{Name: "skerry_commands_total", Help: "Commands of outputs, by what became of them.", Kind: metric.Counter, Samples: []metric.Sample{
			{Label: "what", Is: "done", Value: float64(f.outputs.Done)}, {Label: "what", Is: "refused", Value: float64(f.outputs.Refused)},
			{Label: "what", Is: "failed", Value: float64(f.outputs.Failed)},
		}},
	}
}

func (f *figures) keptMetrics() []metric.Metric {
	return []metric.Metric{
		metric.One(metric.Gauge, "skerry_retained_messages", "Retained messages.", f.broker.Retained),
		metric.One(metric.Gauge, "skerry_retained_bytes", "Topics, properties and payloads of retained messages.", f.broker.RetainedBytes),
		metric.One(metric.Gauge, "skerry_stored_sessions", "Sessions that survive a restart, those of uplinks included.", f.stored),
		metric.One(metric.Gauge, "skerry_waiting_messages", "Messages of QoS 1 and 2 kept for these, once for each receiver.", f.waiting.Messages),
		metric.One(metric.Gauge, "skerry_waiting_bytes", "Topics, properties and payloads of these.", f.waiting.Bytes),
		metric.One(metric.Gauge, "skerry_waiting_oldest_seconds", "Age of the oldest of these, at least.", f.waiting.Oldest.Seconds()),
		metric.One(metric.Gauge, "skerry_inflight_messages", "Sent to these and not finished.", f.waiting.InFlight),
	}
}

func (f *figures) diskMetrics() []metric.Metric {
	st := &f.store
	return []metric.Metric{
		metric.One(metric.Counter, "skerry_disk_written_bytes_total", "Bytes of the log and the checkpoints, in whole blocks.", st.Bytes+st.CheckpointBytes),
		metric.One(metric.Counter, "skerry_disk_flushes_total", "Times the disk had to confirm.", st.Flushes),
		metric.One(metric.Counter, "skerry_disk_commits_total", "Groups of records made durable.", st.Groups),
		metric.One(metric.Gauge, "skerry_disk_committing_seconds", "How long the commit under way has taken.", st.Committing.Seconds()),
		metric.One(metric.Gauge, "skerry_disk_segments", "Parts of the log in use.", st.Segments),
		metric.One(metric.Counter, "skerry_disk_damaged_total", "Parts of the log that could not be read.", st.Damaged),
		metric.One(metric.Counter, "skerry_disk_moved_total", "Commits written elsewhere because a write had failed.", st.Moved),
		metric.One(metric.Gauge, "skerry_disk_down", "1: storage has failed.", truth(f.down)),
	}
}
