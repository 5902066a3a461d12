package server

import "skerry/broker/watch"

// carried is the traffic in both directions.
type carried struct{ received, sent watch.Traffic }

func (t *carried) add(c *conn) {
	t.received.Add(c.got.Read())
	t.sent.Add(c.gave.Read())
}
