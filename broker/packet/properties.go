package packet

import "iter"

// Properties is a list of MQTT 5.0 properties as it stands in a packet, without
// its length in front. nil is the empty list. A list that Decode gave has been validated for its
// packet; one that was put together by hand is checked with Check.
type Properties []byte

// Check validates the list for a packet of the given type.
func (p Properties) Check(t Type) error { return p.check(t, 1<<t) }

// CheckWill validates the list as Will Properties.
func (p Properties) CheckWill() error { return p.check(CONNECT, inWill) }

// All gives the properties in their order.
func (p Properties) All() iter.Seq[Property] {
	return func(yield func(Property) bool) {
		for len(p) > 0 {
			property, rest, problem := p.next()
			if problem != "" || !yield(property) {
				return
			}
			p = rest
		}
	}
}

// find gives the first property with this id.
func (p Properties) find(id PropertyID) (Property, bool) {
	for len(p) > 0 {
		property, rest, problem := p.next()
		if problem != "" {
			break
		}
		if property.ID == id {
			return property, true
		}
		p = rest
	}
	return Property{}, false
}

// Has tells whether the property is present.
func (p Properties) Has(id PropertyID) bool {
	_, ok := p.find(id)
	return ok
}

func (p Properties) number(id PropertyID) (uint32, bool) {
	property, ok := p.find(id)
	return property.Number, ok
}

func (p Properties) number16(id PropertyID) (uint16, bool) {
	property, ok := p.find(id)
	return uint16(property.Number), ok
}

func (p Properties) flag(id PropertyID) (value, ok bool) {
	property, ok := p.find(id)
	return property.Number != 0, ok
}

func (p Properties) data(id PropertyID) ([]byte, bool) {
	property, ok := p.find(id)
	return property.Data, ok
}

// PayloadFormatIndicator is true when the payload is UTF-8 text (section 3.3.2.3.2).
func (p Properties) PayloadFormatIndicator() (utf8, ok bool) { return p.flag(PayloadFormatIndicator) }

// MessageExpiryInterval is in seconds (section 3.3.2.3.3).
func (p Properties) MessageExpiryInterval() (uint32, bool) { return p.number(MessageExpiryInterval) }

// ContentType describes the payload (section 3.3.2.3.9).
func (p Properties) ContentType() ([]byte, bool) { return p.data(ContentType) }

// ResponseTopic is the Topic Name for an answer (section 3.3.2.3.5).
func (p Properties) ResponseTopic() ([]byte, bool) { return p.data(ResponseTopic) }

// CorrelationData tells the requester which request an answer belongs to (section 3.3.2.3.6).
func (p Properties) CorrelationData() ([]byte, bool) { return p.data(CorrelationData) }

// SubscriptionIdentifier is the first, in a SUBSCRIBE the only one (section 3.8.2.1.2).
func (p Properties) SubscriptionIdentifier() (uint32, bool) { return p.number(SubscriptionIdentifier) }

// SessionExpiryInterval is in seconds; 0xFFFFFFFF is never (section 3.1.2.11.2).
func (p Properties) SessionExpiryInterval() (uint32, bool) { return p.number(SessionExpiryInterval) }

// AssignedClientIdentifier is the ClientID that the Server chose (section 3.2.2.3.7).
func (p Properties) AssignedClientIdentifier() ([]byte, bool) {
	return p.data(AssignedClientIdentifier)
}

// ServerKeepAlive is in seconds (section 3.2.2.3.14).
func (p Properties) ServerKeepAlive() (uint16, bool) { return p.number16(ServerKeepAlive) }

// AuthenticationMethod names the method of extended authentication (section 3.1.2.11.9).
func (p Properties) AuthenticationMethod() ([]byte, bool) { return p.data(AuthenticationMethod) }

// AuthenticationData belongs to the method (section 3.1.2.11.10).
func (p Properties) AuthenticationData() ([]byte, bool) { return p.data(AuthenticationData) }

// RequestProblemInformation is true when absent (section 3.1.2.11.7).
func (p Properties) RequestProblemInformation() bool {
	value, ok := p.flag(RequestProblemInformation)
	return value || !ok
}

// WillDelayInterval is in seconds (section 3.1.3.2.2).
func (p Properties) WillDelayInterval() (uint32, bool) { return p.number(WillDelayInterval) }

// RequestResponseInformation is false when absent (section 3.1.2.11.6).
func (p Properties) RequestResponseInformation() bool {
	value, _ := p.flag(RequestResponseInformation)
	return value
}

// ResponseInformation is the basis for Response Topics (section 3.2.2.3.15).
func (p Properties) ResponseInformation() ([]byte, bool) { return p.data(ResponseInformation) }

// ServerReference names another Server (section 3.2.2.3.16).
func (p Properties) ServerReference() ([]byte, bool) { return p.data(ServerReference) }

// ReasonString is for people (section 3.2.2.3.9).
func (p Properties) ReasonString() ([]byte, bool) { return p.data(ReasonString) }

// ReceiveMaximum is 65,535 when absent (section 3.1.2.11.3).
func (p Properties) ReceiveMaximum() uint16 {
	if n, ok := p.number16(ReceiveMaximum); ok {
		return n
	}
	return 65_535
}

// TopicAliasMaximum is 0 when absent (section 3.1.2.11.5).
func (p Properties) TopicAliasMaximum() uint16 {
	n, _ := p.number16(TopicAliasMaximum)
	return n
}

// TopicAlias stands for a Topic Name (section 3.3.2.3.4).
func (p Properties) TopicAlias() (uint16, bool) { return p.number16(TopicAlias) }

// MaximumQoS is 2 when absent (section 3.2.2.3.4).
func (p Properties) MaximumQoS() QoS {
	if n, ok := p.number(MaximumQoS); ok {
		return QoS(n)
	}
	return 2
}

// available tells whether a feature exists: yes when the Server is silent about it.
func (p Properties) available(id PropertyID) bool {
	value, ok := p.flag(id)
	return value || !ok
}

// RetainAvailable is true when absent (section 3.2.2.3.5).
func (p Properties) RetainAvailable() bool { return p.available(RetainAvailable) }

// WildcardSubscriptionAvailable is true when absent (section 3.2.2.3.11).
func (p Properties) WildcardSubscriptionAvailable() bool {
	return p.available(WildcardSubscriptionAvailable)
}

// SubscriptionIdentifierAvailable is true when absent (section 3.2.2.3.12).
func (p Properties) SubscriptionIdentifierAvailable() bool {
	return p.available(SubscriptionIdentifierAvailable)
}

// SharedSubscriptionAvailable is true when absent (section 3.2.2.3.13).
func (p Properties) SharedSubscriptionAvailable() bool {
	return p.available(SharedSubscriptionAvailable)
}

// MaximumPacketSize is in bytes, 0 when absent: no limit (section 3.1.2.11.4).
func (p Properties) MaximumPacketSize() uint32 {
	n, _ := p.number(MaximumPacketSize)
	return n
}

// UserProperties gives names and values in their order (section 3.3.2.3.7).
func (p Properties) UserProperties() iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		for property := range p.All() {
			if property.ID == UserProperty && !yield(property.Data, property.Value) {
				return
			}
		}
	}
}

// SubscriptionIdentifiers gives all that a PUBLISH carries (section 3.3.2.3.8).
func (p Properties) SubscriptionIdentifiers() iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		for property := range p.All() {
			if property.ID == SubscriptionIdentifier && !yield(property.Number) {
				return
			}
		}
	}
}
