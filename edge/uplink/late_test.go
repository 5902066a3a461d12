package uplink_test

import (
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker/packet"
)

// A message that the server had no room for, while it took what was behind it, comes late: it is not retained over that.
func TestDeferredIsNotRetained(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.start()
		at.online()
		refused := false
		at.server.with(func() {
			at.server.late = time.Second // both are on their way before the first is answered
			at.server.answer = func(p *packet.Publish) (packet.ReasonCode, bool) {
				if string(p.Payload) == "1" && !refused {
					refused = true
					return packet.QuotaExceeded, true
				}
				return packet.Success, true
			}
		})
		at.say("a", "1", true)
		at.say("a", "2", true)
		synctest.Wait()
		time.Sleep(10 * time.Minute)
		at.say("a", "3", true)
		time.Sleep(2 * time.Second)
		at.expectArrived("farm/a=retained 2", "farm/a=1", "farm/a=retained 3")
	})
}
