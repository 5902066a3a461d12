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
)

// TestSoakClasses is TestSoak with a stream of each class: alarms arrive as any stream does, of a pair each message goes through one of
// the two, and the last state of each topic is upstream in the end, with none older after it.
func TestSoakClasses(t *testing.T) {
	for seed := range uint64(soaks) {
		version := []config.Version{config.V5, config.V311}[seed%2]
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			play(t, func(t *testing.T, at *station) {
				at.config.Version = version
				if seed%4 == 0 {
					at.server.limits = at.server.limits.AppendNumber(packet.ReceiveMaximum, uint32(5+seed))
				}
				soakClasses(t, at, rand.New(rand.NewPCG(seed, 2)))
			})
		})
	}
}

func soakClasses(t *testing.T, at *station, r *rand.Rand) {
	at.streams = append(pairOver("p/#"), classed("alarms", config.AlarmClass, "a/#"), classed("states", config.StateClass, "s/#"))
	at.start()
	acked := map[string][]int{} // by topic
	next := 0
	publish := func() {
		for range r.IntN(60) {
			topic := fmt.Sprintf("%c/%d", "aps"[r.IntN(3)], 1+r.IntN(2)) // the digit is the QoS
			at.publish(&broker.Message{TopicName: topic, Payload: fmt.Append(nil, next), QoS: topic[2] - '0', Retain: r.IntN(4) == 0})
			acked[topic] = append(acked[topic], next)
			next++
		}
	}
	for range 50 {
		publish()
		misfortune(at, r, 15*time.Second) // longer than the grace of a pair
	}
	at.server.with(func() { at.server.down, at.server.failing = false, false })
	at.server.cut()
	at.until("all is settled", func() bool {
		s, left := at.uplink.Status(), uint64(0)
		for _, n := range s.Backlog {
			left += n
		}
		return s.Online && left == 0
	})
	synctest.Wait()
	for topic, numbers := range acked {
		switch topic[0] {
		case 'a':
			judge(t, at.server.payloads("farm/"+topic), numbers, topic[2] == '2')
		case 'p':
			judgePair(t, at.server, topic, numbers)
		case 's':
			judgeState(t, at.server.payloads("farm/"+topic), numbers, topic[2] == '2')
		}
	}
	if s := at.uplink.Status(); s.Refused+s.LostSession > 0 || at.server.exceeded > 0 {
		t.Errorf("above Receive Maximum %d times; status %+v", at.server.exceeded, s)
	}
}

// judgePair checks what came of a pair: in order within each of the two streams, whose Packet Identifiers tell them apart, and nothing
// through both.
func judgePair(t *testing.T, s *upstream, topic string, want []int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	through, last, times := map[int]uint16{}, map[uint16]int{}, map[int]int{}
	for _, p := range s.got {
		if string(p.TopicName) != "farm/"+topic {
			continue
		}
		var i int
		fmt.Sscan(string(p.Payload), &i)
		lane := (p.PacketID - 1) / 4096
		if first, again := through[i]; again && first != lane {
			t.Errorf("message %d of %s came through both streams", i, topic)
		}
		if times[i]++; times[i] == 1 && i < last[lane] {
			t.Errorf("message %d of %s came after %d", i, topic, last[lane])
		}
		through[i], last[lane] = lane, max(last[lane], i)
	}
	for _, i := range want {
		if n := times[i]; n == 0 || n > 1 && topic[2] == '2' {
			t.Errorf("message %d of %s came %d times", i, topic, n)
		}
	}
}

// judgeState checks the values of one topic: the last is upstream last, and at QoS 2 none came after a newer one, or twice.
func judgeState(t *testing.T, got []string, want []int, exactly bool) {
	t.Helper()
	last, seen := -1, map[int]bool{}
	for _, p := range got {
		var i int
		fmt.Sscan(p, &i)
		if exactly && (i <= last || seen[i]) {
			t.Errorf("state %d came after %d", i, last)
		}
		last, seen[i] = i, true
	}
	if n := len(want); n > 0 && last != want[n-1] {
		t.Errorf("the last state is %d, want %d", last, want[n-1])
	}
}
