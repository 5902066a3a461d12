package uplink_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/edge/config"
	"skerry/queue/vfs"
)

// TestSoak plays a bad month in an hour: the link is cut, gone, or swallows acknowledgements, the gateway loses its power or
// is stopped, and devices go on publishing at all QoS into three streams, while the server sends commands. What was
// acknowledged arrives, in order, and what is QoS 2 once.
func TestSoak(t *testing.T) {
	for seed := range uint64(soaks) {
		version := []config.Version{config.V5, config.V311}[seed%2]
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			play(t, func(t *testing.T, at *station) {
				at.config.Version = version
				if seed%4 == 0 {
					at.server.limits = at.server.limits.AppendNumber(packet.ReceiveMaximum, uint32(5+seed))
				}
				soak(t, at, rand.New(rand.NewPCG(seed, 1)))
			})
		})
	}
}

func soak(t *testing.T, at *station, r *rand.Rand) {
	at.streams = []config.Stream{stream("a", "a/#"), stream("b", "b/#"), stream("c", "c/#")}
	commands(at)
	at.start()
	acked := map[string][]int{} // by topic
	next := 0
	publish := func() {
		for range r.IntN(40) {
			topic := fmt.Sprintf("%c/%d", 'a'+r.IntN(3), 1+r.IntN(2)) // the digit is the QoS
			at.publish(&broker.Message{TopicName: topic, Payload: fmt.Append(nil, next), QoS: topic[2] - '0'})
			acked[topic] = append(acked[topic], next)
			next++
		}
	}
	for range 60 {
		publish()
		misfortune(at, r, 5*time.Second)
	}
	at.server.with(func() { at.server.down, at.server.failing = false, false })
	at.server.cut()
	at.until("all is settled", func() bool {
		s := at.uplink.Status()
		return s.Online && s.Backlog["a"]+s.Backlog["b"]+s.Backlog["c"] == 0
	})
	synctest.Wait()
	for topic, numbers := range acked {
		judge(t, at.server.payloads("farm/"+topic), numbers, topic[2] == '2')
	}
	if s := at.uplink.Status(); s.Refused+s.LostSession > 0 || at.server.exceeded > 0 {
		t.Errorf("above Receive Maximum %d times; status %+v", at.server.exceeded, s)
	}
}

// misfortune is what may happen next, or a moment of peace.
func misfortune(at *station, r *rand.Rand, peace time.Duration) {
	switch r.IntN(9) {
	case 0:
		at.server.cut()
	case 1:
		at.server.with(func() { at.server.down = !at.server.down })
		at.server.cut()
	case 2:
		at.server.with(func() { at.server.failing = !at.server.failing })
		at.server.cut()
	case 3, 4:
		down := at.server.down
		at.rebootWith(vfs.Honest, r)
		at.server.with(func() { at.server.down = down })
	case 5:
		at.restartUplink()
	case 6:
		time.Sleep(time.Duration(r.Int64N(int64(10 * time.Minute))))
	default:
		time.Sleep(time.Duration(r.Int64N(int64(peace))))
	}
}

// mishap is what happens to a lane of blocks: the power goes, the uplink starts anew, the server loses its session, the link changes, or is cut.
func mishap(at *station, r *rand.Rand, kind int) {
	switch kind {
	case 0:
		at.rebootWith(vfs.Honest, r)
		return
	case 1:
		at.restartUplink()
		return
	case 2:
		at.server.forget()
	case 3:
		at.server.with(func() { at.server.down = r.IntN(2) == 0 })
	}
	at.server.cut()
}

// lapse is one of those that leave the server where it is, or none.
func lapse(at *station, r *rand.Rand) {
	switch r.IntN(6) {
	case 0:
		mishap(at, r, 0)
	case 1:
		mishap(at, r, 2)
	case 2:
		at.server.cut()
	}
}
