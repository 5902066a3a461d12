package uplink_test

import (
	"testing"

	"skerry/edge/config"
)

// TestUnsaidSession: ActiveMQ never says that it has kept the session. That is no loss to be told at each connection, but nothing is built on it
// either: the filters are asked for again.
func TestUnsaidSession(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.config.Profile, at.config.Version = "activemq", config.V311
		at.config.Receive = config.ReceiveMap{{Filter: "farm/cmd/wx-042/#", Local: "cmd/#"}}
		at.server.with(func() { at.server.unsaid = true })
		at.start()
		at.publishMany(0, 100, 1)
		for range 3 {
			at.online()
			at.until("subscribed", func() bool { return at.server.has("farm/cmd/wx-042/#") })
			at.server.with(func() { at.server.session = false }) // it was lost as well, for once
			at.server.cut()
		}
		at.online()
		at.publishMany(100, 100, 1)
		at.taken(200)
		at.arrived(200, false)
		at.until("subscribed", func() bool { return at.server.has("farm/cmd/wx-042/#") })
		if s := at.uplink.Status(); s.LostSession != 0 || len(at.log.matching("forgotten")) != 0 {
			t.Errorf("%+v", s)
		}
	})
}
