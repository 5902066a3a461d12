package packet

import "bytes"

// Subscribe is a SUBSCRIBE packet (section 3.8).
type Subscribe struct {
	PacketID      uint16
	Properties    Properties     // 5.0
	Subscriptions []Subscription // at least one [MQTT-3.8.3-2]; reused by the next Decode
}

// Subscription is a Topic Filter with its Subscription Options (section 3.8.3.1).
type Subscription struct {
	TopicFilter       []byte
	QoS               QoS  // the maximum
	NoLocal           bool // this and what follows: 5.0
	RetainAsPublished bool
	RetainHandling    byte // 0 send retained messages, 1 only for a new subscription, 2 never
}

// Decode reads a SUBSCRIBE packet.
func (s *Subscribe) Decode(v Version, h Header) error {
	*s = Subscribe{Subscriptions: s.Subscriptions[:0]}
	if err := h.expect(SUBSCRIBE, v); err != nil {
		return err
	}
	r := reader{packet: SUBSCRIBE, rest: h.Body}
	s.PacketID = r.packetID()
	if v == V5 {
		s.Properties = r.properties(1 << SUBSCRIBE)
	}
	if r.err == nil && len(r.rest) == 0 {
		return protocolError(SUBSCRIBE, "MQTT-3.8.3-2", "no topic filter")
	}
	for len(r.rest) > 0 {
		filter := r.topicFilter()
		s.Subscriptions = append(s.Subscriptions, r.subscription(filter, v))
	}
	return r.end()
}

func (r *reader) subscription(filter []byte, v Version) Subscription {
	options := r.byte("subscription options")
	s := Subscription{TopicFilter: filter, QoS: options & 0x03}
	if v != V5 {
		if options > 2 {
			r.fail(malformed(SUBSCRIBE, "3.1.1 MQTT-3.8.3-4", "requested QoS is not 0, 1 or 2"))
		}
		return s
	}
	s.NoLocal = options&0x04 != 0
	s.RetainAsPublished = options&0x08 != 0
	s.RetainHandling = options & 0x30 >> 4
	switch {
	case options&0xC0 != 0:
		r.fail(malformed(SUBSCRIBE, "MQTT-3.8.3-5", "reserved subscription options"))
	case s.QoS > 2:
		r.fail(protocolError(SUBSCRIBE, "3.8.3.1", "maximum QoS 3"))
	case s.RetainHandling > 2:
		r.fail(protocolError(SUBSCRIBE, "3.8.3.1", "Retain Handling 3"))
	case s.NoLocal && bytes.HasPrefix(filter, []byte("$share/")):
		r.fail(protocolError(SUBSCRIBE, "MQTT-3.8.3-4", "No Local on a Shared Subscription"))
	}
	return s
}

func (s *Subscription) options(v Version) byte {
	options := s.QoS
	if v != V5 {
		return options
	}
	if s.NoLocal {
		options |= 0x04
	}
	if s.RetainAsPublished {
		options |= 0x08
	}
	return options | s.RetainHandling<<4
}

func (s *Subscribe) bodySize(v Version) int {
	n := 2 + s.Properties.size(v)
	for i := range s.Subscriptions {
		n += 2 + len(s.Subscriptions[i].TopicFilter) + 1
	}
	return n
}

// Size is the size of the packet in bytes.
func (s *Subscribe) Size(v Version) int { return frameSize(s.bodySize(v)) }

// Append writes the packet behind dst.
func (s *Subscribe) Append(dst []byte, v Version) []byte {
	dst = appendHeader(dst, SUBSCRIBE, SUBSCRIBE.flags(), s.bodySize(v))
	dst = appendProperties(appendUint16(dst, s.PacketID), v, s.Properties)
	for i := range s.Subscriptions {
		dst = append(appendString(dst, s.Subscriptions[i].TopicFilter), s.Subscriptions[i].options(v))
	}
	return dst
}
