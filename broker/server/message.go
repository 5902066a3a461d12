package server

import (
	"skerry/broker"
	"skerry/broker/packet"
	"skerry/queue"
)

// newMessage makes a message of its own from parts that alias a read buffer. Topic Alias and expiry leave the
// properties: the one belongs to the connection, the other counts down.
func newMessage(topicName string, properties packet.Properties, payload []byte) *broker.Message {
	m := &broker.Message{TopicName: topicName, Origin: queue.Client}
	if len(properties) > 0 {
		m.Expiry, m.HasExpiry = properties.MessageExpiryInterval()
		properties = properties.Without(packet.MessageExpiryInterval, packet.TopicAlias)
	}
	own := make([]byte, len(payload)+len(properties)) // one allocation for both
	n := copy(own, payload)
	m.Payload = own[:n:n]
	if len(properties) > 0 {
		copy(own[n:], properties)
		m.Properties = own[n:]
	}
	return m
}
