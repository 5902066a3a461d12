package uplink_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/edge/config"
	"skerry/edge/uplink"
)

// changes has the station carry changes only.
func changes(at *station, keep config.Queue) {
	at.streams = []config.Stream{{Name: "news", Match: []string{"#"}, OnChange: config.OnChange{On: true}, Keep: keep}}
}

// offline has the server gone.
func (at *station) offline() {
	synctest.Wait()
	at.server.with(func() { at.server.down = true })
	at.server.cut()
	synctest.Wait()
}

// flash has the device publish at QoS 0.
func (at *station) flash(topic, payload string) {
	at.publish(&broker.Message{TopicName: topic, Payload: []byte(payload)})
}

// What changes at QoS 0 while the link is down is lost. The device says it again, and then it leaves: or else the server would believe for ever
// what was before.
func TestOnChangeLostOffline(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		changes(at, config.Queue{})
		at.start()
		at.online()
		at.flash("door", "closed")
		at.say("gate", "closed", false)
		time.Sleep(time.Hour)
		at.offline()
		at.flash("door", "open")
		at.say("gate", "open", false)
		time.Sleep(time.Minute)
		at.server.with(func() { at.server.down = false })
		at.online()
		for range 3 {
			at.flash("door", "open")
			at.say("gate", "open", false)
			time.Sleep(time.Minute)
		}
		at.expectArrived("farm/door=closed", "farm/gate=closed", "farm/gate=open", "farm/door=open")
	})
}

// What was dropped from a full queue has not left.
func TestOnChangeDropped(t *testing.T) {
	for _, full := range []config.WhenFull{config.DropOldest, config.DropNewest} {
		play(t, func(t *testing.T, at *station) {
			changes(at, config.Queue{Messages: 2, WhenFull: full})
			at.start()
			at.online()
			at.say("door", "closed", false)
			at.offline()
			if full == config.DropOldest {
				at.say("door", "open", false)
			}
			for i := range 2 {
				at.say("x", fmt.Sprint(i), false)
			}
			if full == config.DropNewest {
				at.say("door", "open", false)
			}
			at.server.with(func() { at.server.down = false })
			at.online()
			time.Sleep(2 * time.Minute)
			for range 2 {
				at.say("door", "open", false)
			}
			at.expectArrived("farm/door=closed", "farm/x=0", "farm/x=1", "farm/door=open")
		})
	}
}

// What the server refuses, and what has expired, has not left.
func TestOnChangeRefused(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		changes(at, config.Queue{})
		at.start()
		at.online()
		refused := 0
		at.server.with(func() {
			at.server.answer = func(p *packet.Publish) (packet.ReasonCode, bool) {
				if string(p.TopicName) == "farm/door" && refused == 0 {
					refused++
					return packet.PayloadFormatInvalid, true
				}
				return packet.Success, true
			}
		})
		at.say("door", "open", false)
		synctest.Wait()
		at.say("door", "open", false)
		at.expectArrived("farm/door=open")
		at.offline()
		at.publish(&broker.Message{TopicName: "gate", Payload: []byte("open"), QoS: 1, Expiry: 5, HasExpiry: true})
		time.Sleep(time.Minute)
		at.server.with(func() { at.server.down = false })
		at.online()
		time.Sleep(2 * time.Minute)
		at.say("gate", "open", false)
		at.expectArrived("farm/door=open", "farm/gate=open")
	})
}

// What is refused to its publisher has not passed: the publisher says it again.
func TestOnChangeNotPublished(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		changes(at, config.Queue{Messages: 1, WhenFull: config.Reject})
		at.server.down = true
		at.start()
		at.say("x", "1", false)
		door := &broker.Message{TopicName: "door", Payload: []byte("open"), QoS: 1}
		if _, code := at.device.Publish(door, nil); code != packet.QuotaExceeded {
			t.Fatalf("the second message: %v", code)
		}
		at.server.with(func() { at.server.down = false })
		at.online()
		time.Sleep(time.Second)
		at.say("door", "open", false)
		at.expectArrived("farm/x=1", "farm/door=open")
	})
}

// Each of two uplinks that carry a stream is sent what is retained when it is new.
func TestOnChangeTwoUplinks(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		changes(at, config.Queue{})
		at.server.down = true
		at.startBroker()
		at.say("door", "open", true)
		for _, name := range []string{"one", "two"} {
			c := at.config
			c.Name = name
			u, err := uplink.New(c, at.streams, at.broker, at.options)
			if err != nil {
				t.Fatal(err)
			}
			if err := u.Open(); err != nil {
				t.Fatal(err)
			}
			if n := u.Status().Backlog["news"]; n != 1 {
				t.Errorf("uplink %s: %d messages wait", name, n)
			}
		}
	})
}
