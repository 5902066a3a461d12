package uplink_test

import (
	"fmt"
	"strings"

	"skerry/broker/packet"
	"skerry/edge/uplink/pack"
)

// take notes a message. Of a block each message is, once: what a ground end behind the server would publish.
func (s *upstream) take(p *packet.Publish) {
	if !strings.Contains(string(p.TopicName), "/pack/") {
		s.got = append(s.got, *p)
		return
	}
	s.blocks = append(s.blocks, *p)
	if strings.HasSuffix(string(p.TopicName), "/primer") {
		primer, err := pack.NewPrimer(p.Payload)
		if err != nil || !p.Retain {
			s.t.Errorf("a primer that is none, retain %t: %v", p.Retain, err)
			return
		}
		if s.primers == nil {
			s.primers = map[uint32]*pack.Primer{}
		}
		s.primers[primer.ID()] = primer
	}
	head, list, err := pack.DecodeWith(p.Payload, pack.Limits{}, func(id uint32) *pack.Primer { return s.primers[id] })
	if err != nil {
		s.t.Errorf("a block that cannot be read: %v", err)
		return
	}
	if s.unpacked == nil {
		s.unpacked, s.floors = map[string]bool{}, map[string]uint64{}
	}
	source := fmt.Sprint(head.Epoch, head.Stream)
	for _, m := range list {
		id := fmt.Sprint(source, m.Sequence)
		if !s.unpacked[id] && m.Sequence < s.floors[source] {
			s.t.Errorf("message %s comes below the floor %d: a ground end takes it for known", m.Payload, s.floors[source])
		}
		if m.Sequence < head.Floor {
			s.t.Errorf("sequence %d below the floor %d", m.Sequence, head.Floor)
		}
		if !s.unpacked[id] {
			s.unpacked[id] = true
			s.got = append(s.got, packet.Publish{TopicName: []byte("farm/" + m.Topic), Payload: m.Payload, QoS: packet.QoS(m.QoS), Retain: m.Retain, Properties: m.Properties})
		}
	}
	s.floors[source] = max(s.floors[source], head.Floor)
}
