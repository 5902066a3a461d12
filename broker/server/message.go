package server

import (
	"skerry/broker"
	"skerry/broker/packet"
	"skerry/queue"
)

// newMessage makes a message of its own from parts that alias a read buffer. Topic Alias and expiry leave the
// properties: the one belongs to the connection, the other counts down.
func newMessage(topicName string, properties packet.Properties, payload []byte) *broker.Message {
	expiry, expires := uint32(0), false
	if len(properties) > 0 {
		expiry, expires = properties.MessageExpiryInterval()
		properties = properties.Without(packet.MessageExpiryInterval, packet.TopicAlias)
	}
	m, own := allocate(len(payload) + len(properties))
	m.TopicName, m.Origin, m.Expiry, m.HasExpiry = topicName, queue.Client, expiry, expires
	n := copy(own, payload)
	m.Payload = own[:n:n]
	if len(properties) > 0 {
		copy(own[n:], properties)
		m.Properties = own[n:]
	}
	return m
}

// allocate makes a message and room for its bytes: one allocation for both where they are few, as those of a sensor are. The sizes
// fill size classes of the allocator.
func allocate(bytes int) (*broker.Message, []byte) {
	switch {
	case bytes == 0:
		return new(broker.Message), nil
	case bytes <= 16:
		m := new(struct {
			broker.Message
			own [16]byte
		})
		return &m.Message, m.own[:bytes]
	case bytes <= 64:
		m := new(struct {
			broker.Message
			own [64]byte
		})
		return &m.Message, m.own[:bytes]
	}
	return new(broker.Message), make([]byte, bytes)
}
