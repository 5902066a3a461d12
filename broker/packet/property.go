package packet

import "strconv"

// PropertyID names a property (section 2.2.2.2).
type PropertyID byte

// The properties of MQTT 5.0.
const (
	PayloadFormatIndicator          PropertyID = 0x01
	MessageExpiryInterval           PropertyID = 0x02
	ContentType                     PropertyID = 0x03
	ResponseTopic                   PropertyID = 0x08
	CorrelationData                 PropertyID = 0x09
	SubscriptionIdentifier          PropertyID = 0x0B
	SessionExpiryInterval           PropertyID = 0x11
	AssignedClientIdentifier        PropertyID = 0x12
	ServerKeepAlive                 PropertyID = 0x13
	AuthenticationMethod            PropertyID = 0x15
	AuthenticationData              PropertyID = 0x16
	RequestProblemInformation       PropertyID = 0x17
	WillDelayInterval               PropertyID = 0x18
	RequestResponseInformation      PropertyID = 0x19
	ResponseInformation             PropertyID = 0x1A
	ServerReference                 PropertyID = 0x1C
	ReasonString                    PropertyID = 0x1F
	ReceiveMaximum                  PropertyID = 0x21
	TopicAliasMaximum               PropertyID = 0x22
	TopicAlias                      PropertyID = 0x23
	MaximumQoS                      PropertyID = 0x24
	RetainAvailable                 PropertyID = 0x25
	UserProperty                    PropertyID = 0x26
	MaximumPacketSize               PropertyID = 0x27
	WildcardSubscriptionAvailable   PropertyID = 0x28
	SubscriptionIdentifierAvailable PropertyID = 0x29
	SharedSubscriptionAvailable     PropertyID = 0x2A
)

// kind is how the value of a property is encoded.
type kind byte

const (
	unknown    kind = iota
	oneByte         // Byte
	twoBytes        // Two Byte Integer
	fourBytes       // Four Byte Integer
	variable        // Variable Byte Integer
	text            // UTF-8 Encoded String
	binaryData      // Binary Data
	textPair        // UTF-8 String Pair
)

// scope is a set of places where a property or Reason Code may stand, one bit per packet type.
type scope uint32

// inWill is the place of Will Properties, which is within CONNECT; type 0 is free for it.
const inWill scope = 1

func (s scope) has(t Type) bool { return s&(1<<t) != 0 }

// rule is one line of table 2-4, and the range of a number.
type rule struct {
	name     string
	kind     kind
	in       scope
	min, max uint32 // max 0: whatever the kind can hold
}

const (
	inMessage = scope(1<<PUBLISH) | inWill
	inAuth    = scope(1<<CONNECT | 1<<CONNACK | 1<<AUTH)
	inLimits  = scope(1<<CONNECT | 1<<CONNACK)
	inAnswer  = scope(1<<CONNACK | 1<<PUBACK | 1<<PUBREC | 1<<PUBREL | 1<<PUBCOMP | 1<<SUBACK | 1<<UNSUBACK | 1<<DISCONNECT | 1<<AUTH)
	inAll     = inAnswer | inMessage | 1<<CONNECT | 1<<SUBSCRIBE | 1<<UNSUBSCRIBE
)

var rules = [...]rule{
	PayloadFormatIndicator:          {"Payload Format Indicator", oneByte, inMessage, 0, 1},
	MessageExpiryInterval:           {"Message Expiry Interval", fourBytes, inMessage, 0, 0},
	ContentType:                     {"Content Type", text, inMessage, 0, 0},
	ResponseTopic:                   {"Response Topic", text, inMessage, 0, 0},
	CorrelationData:                 {"Correlation Data", binaryData, inMessage, 0, 0},
	SubscriptionIdentifier:          {"Subscription Identifier", variable, 1<<PUBLISH | 1<<SUBSCRIBE, 1, maxRemaining},
	SessionExpiryInterval:           {"Session Expiry Interval", fourBytes, inLimits | 1<<DISCONNECT, 0, 0},
	AssignedClientIdentifier:        {"Assigned Client Identifier", text, 1 << CONNACK, 0, 0},
	ServerKeepAlive:                 {"Server Keep Alive", twoBytes, 1 << CONNACK, 0, 0},
	AuthenticationMethod:            {"Authentication Method", text, inAuth, 0, 0},
	AuthenticationData:              {"Authentication Data", binaryData, inAuth, 0, 0},
	RequestProblemInformation:       {"Request Problem Information", oneByte, 1 << CONNECT, 0, 1},
	WillDelayInterval:               {"Will Delay Interval", fourBytes, inWill, 0, 0},
	RequestResponseInformation:      {"Request Response Information", oneByte, 1 << CONNECT, 0, 1},
	ResponseInformation:             {"Response Information", text, 1 << CONNACK, 0, 0},
	ServerReference:                 {"Server Reference", text, 1<<CONNACK | 1<<DISCONNECT, 0, 0},
	ReasonString:                    {"Reason String", text, inAnswer, 0, 0},
	ReceiveMaximum:                  {"Receive Maximum", twoBytes, inLimits, 1, 0},
	TopicAliasMaximum:               {"Topic Alias Maximum", twoBytes, inLimits, 0, 0},
	TopicAlias:                      {"Topic Alias", twoBytes, 1 << PUBLISH, 1, 0},
	MaximumQoS:                      {"Maximum QoS", oneByte, 1 << CONNACK, 0, 1},
	RetainAvailable:                 {"Retain Available", oneByte, 1 << CONNACK, 0, 1},
	UserProperty:                    {"User Property", textPair, inAll, 0, 0},
	MaximumPacketSize:               {"Maximum Packet Size", fourBytes, inLimits, 1, 0},
	WildcardSubscriptionAvailable:   {"Wildcard Subscription Available", oneByte, 1 << CONNACK, 0, 1},
	SubscriptionIdentifierAvailable: {"Subscription Identifier Available", oneByte, 1 << CONNACK, 0, 1},
	SharedSubscriptionAvailable:     {"Shared Subscription Available", oneByte, 1 << CONNACK, 0, 1},
}

func (id PropertyID) rule() *rule {
	if int(id) < len(rules) {
		return &rules[id]
	}
	return &rules[0]
}

// String gives the name as in the specification.
func (id PropertyID) String() string {
	if name := id.rule().name; name != "" {
		return name
	}
	return "property " + strconv.Itoa(int(id))
}

// repeats tells whether a property may stand more than once: only the User
// Property, and the Subscription Identifier of a PUBLISH (section 3.3.2.3.8).
func (id PropertyID) repeats(where scope) bool {
	return id == UserProperty || id == SubscriptionIdentifier && where.has(PUBLISH)
}

// Property is one property of a list, decoded.
type Property struct {
	ID     PropertyID
	Number uint32 // the value of a Byte, Two or Four Byte Integer, Variable Byte Integer
	Data   []byte // the value of a string or Binary Data; the name of a User Property
	Value  []byte // the value of a User Property
}

// next takes the first property off the list. ok is false when the list is
// empty or its bytes cannot be read; problem says what is wrong.
func (p Properties) next() (property Property, rest Properties, problem string) {
	property.ID = PropertyID(p[0])
	b := p[1:]
	ok := false
	switch property.ID.rule().kind {
	case oneByte, twoBytes, fourBytes:
		property.Number, rest, ok = fixed(b, property.ID.rule().kind)
	case variable:
		var size int
		if property.Number, size, ok = varint(b); ok && size != varintSize(property.Number) {
			return property, nil, " is not a minimal variable byte integer"
		}
		rest = b[min(size, len(b)):]
	case text, binaryData:
		property.Data, rest, ok = prefixed(b)
	case textPair:
		if property.Data, rest, ok = prefixed(b); ok {
			property.Value, rest, ok = prefixed(rest)
		}
	default:
		return property, nil, " is not known"
	}
	if !ok {
		return property, nil, " is cut short"
	}
	return property, rest, ""
}

// fixed reads an integer of 1, 2 or 4 bytes.
func fixed(b []byte, k kind) (v uint32, rest []byte, ok bool) {
	size := 1 << (k - oneByte)
	if len(b) < size {
		return 0, nil, false
	}
	for _, c := range b[:size] {
		v = v<<8 | uint32(c)
	}
	return v, b[size:], true
}

// prefixed reads bytes behind a length of two bytes.
func prefixed(b []byte) (s, rest []byte, ok bool) {
	if len(b) < 2 {
		return nil, nil, false
	}
	n := int(b[0])<<8 | int(b[1])
	if len(b) < 2+n {
		return nil, nil, false
	}
	return b[2 : 2+n : 2+n], b[2+n:], true
}

// check validates a list for the place it stands in (section 2.2.2).
func (p Properties) check(t Type, where scope) error {
	var seen uint64
	for rest := p; len(rest) > 0; {
		property, tail, problem := rest.next()
		if problem != "" {
			return malformed(t, "2.2.2.2", property.ID.String()+problem)
		}
		if property.ID.rule().in&where == 0 {
			return malformed(t, "2.2.2.2", property.ID.String()+" does not belong here")
		}
		if seen&(1<<property.ID) != 0 && !property.ID.repeats(where) {
			return protocolError(t, "2.2.2.2", property.ID.String()+" appears twice")
		}
		if err := property.check(t); err != nil {
			return err
		}
		seen |= 1 << property.ID
		rest = tail
	}
	const method, data = 1 << AuthenticationMethod, 1 << AuthenticationData
	if seen&(method|data) == data {
		return protocolError(t, "3.1.2.11.10", "Authentication Data without Authentication Method")
	}
	return nil
}

// check validates the value of one property.
func (p *Property) check(t Type) error {
	switch rule := p.ID.rule(); rule.kind {
	case text, textPair:
		if !validString(p.Data) {
			return badString(t, p.ID.String(), p.Data)
		}
		if !validString(p.Value) {
			return badString(t, p.ID.String(), p.Value)
		}
	case binaryData:
	default:
		if p.Number < rule.min || rule.max != 0 && p.Number > rule.max {
			return p.outOfRange(t)
		}
	}
	if p.ID == ResponseTopic && hasWildcard(p.Data) {
		return protocolError(t, "MQTT-3.3.2-14", "Response Topic contains a wildcard")
	}
	return nil
}

func (p *Property) outOfRange(t Type) error {
	problem := p.ID.String() + " must not be " + strconv.FormatUint(uint64(p.Number), 10)
	if p.ID == TopicAlias {
		return &Error{Code: TopicAliasInvalid, Type: t, Clause: "MQTT-3.3.2-8", Problem: problem}
	}
	return protocolError(t, "3.1.2.11", problem)
}
