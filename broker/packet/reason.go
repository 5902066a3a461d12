package packet

import "fmt"

// ReasonCode is the result of an operation (section 2.4). Values below 0x80
// are successes. It is one table for all versions: the return codes of
// MQTT 3.1.1 are translated when a CONNACK or SUBACK is read or written.
type ReasonCode byte

// The Reason Codes, named as in section 2.4. Three of them share the value 0.
const (
	Success                             ReasonCode = 0x00
	NormalDisconnection                 ReasonCode = 0x00
	GrantedQoS0                         ReasonCode = 0x00
	GrantedQoS1                         ReasonCode = 0x01
	GrantedQoS2                         ReasonCode = 0x02
	DisconnectWithWillMessage           ReasonCode = 0x04
	NoMatchingSubscribers               ReasonCode = 0x10
	NoSubscriptionExisted               ReasonCode = 0x11
	ContinueAuthentication              ReasonCode = 0x18
	ReAuthenticate                      ReasonCode = 0x19
	UnspecifiedError                    ReasonCode = 0x80
	MalformedPacket                     ReasonCode = 0x81
	ProtocolError                       ReasonCode = 0x82
	ImplementationSpecificError         ReasonCode = 0x83
	UnsupportedProtocolVersion          ReasonCode = 0x84
	ClientIdentifierNotValid            ReasonCode = 0x85
	BadUserNameOrPassword               ReasonCode = 0x86
	NotAuthorized                       ReasonCode = 0x87
	ServerUnavailable                   ReasonCode = 0x88
	ServerBusy                          ReasonCode = 0x89
	Banned                              ReasonCode = 0x8A
	ServerShuttingDown                  ReasonCode = 0x8B
	BadAuthenticationMethod             ReasonCode = 0x8C
	KeepAliveTimeout                    ReasonCode = 0x8D
	SessionTakenOver                    ReasonCode = 0x8E
	TopicFilterInvalid                  ReasonCode = 0x8F
	TopicNameInvalid                    ReasonCode = 0x90
	PacketIdentifierInUse               ReasonCode = 0x91
	PacketIdentifierNotFound            ReasonCode = 0x92
	ReceiveMaximumExceeded              ReasonCode = 0x93
	TopicAliasInvalid                   ReasonCode = 0x94
	PacketTooLarge                      ReasonCode = 0x95
	MessageRateTooHigh                  ReasonCode = 0x96
	QuotaExceeded                       ReasonCode = 0x97
	AdministrativeAction                ReasonCode = 0x98
	PayloadFormatInvalid                ReasonCode = 0x99
	RetainNotSupported                  ReasonCode = 0x9A
	QoSNotSupported                     ReasonCode = 0x9B
	UseAnotherServer                    ReasonCode = 0x9C
	ServerMoved                         ReasonCode = 0x9D
	SharedSubscriptionsNotSupported     ReasonCode = 0x9E
	ConnectionRateExceeded              ReasonCode = 0x9F
	MaximumConnectTime                  ReasonCode = 0xA0
	SubscriptionIdentifiersNotSupported ReasonCode = 0xA1
	WildcardSubscriptionsNotSupported   ReasonCode = 0xA2
)

// reason is one line of the table in section 2.4: the name and the packets that may carry the code.
type reason struct {
	name string
	in   scope
}

// The packets of the receiving half of a QoS 1 or 2 exchange share their list (3.4.2.1, 3.5.2.1),
// and so do those of the releasing half (3.6.2.1, 3.7.2.1).
const (
	inReceipt = scope(1<<PUBACK | 1<<PUBREC)
	inRelease = scope(1<<PUBREL | 1<<PUBCOMP)
	inRefusal = scope(1<<CONNACK | 1<<DISCONNECT)
)

var reasons = [256]reason{
	Success: {"Success", inReceipt | inRelease | 1<<CONNACK | 1<<SUBACK | 1<<UNSUBACK | 1<<DISCONNECT | 1<<AUTH},

	GrantedQoS1:               {"Granted QoS 1", 1 << SUBACK},
	GrantedQoS2:               {"Granted QoS 2", 1 << SUBACK},
	DisconnectWithWillMessage: {"Disconnect with Will Message", 1 << DISCONNECT},
	NoMatchingSubscribers:     {"No matching subscribers", inReceipt},
	NoSubscriptionExisted:     {"No subscription existed", 1 << UNSUBACK},
	ContinueAuthentication:    {"Continue authentication", 1 << AUTH},
	ReAuthenticate:            {"Re-authenticate", 1 << AUTH},

	UnspecifiedError:            {"Unspecified error", inReceipt | inRefusal | 1<<SUBACK | 1<<UNSUBACK},
	MalformedPacket:             {"Malformed Packet", inRefusal},
	ProtocolError:               {"Protocol Error", inRefusal},
	ImplementationSpecificError: {"Implementation specific error", inReceipt | inRefusal | 1<<SUBACK | 1<<UNSUBACK},
	UnsupportedProtocolVersion:  {"Unsupported Protocol Version", 1 << CONNACK},
	ClientIdentifierNotValid:    {"Client Identifier not valid", 1 << CONNACK},
	BadUserNameOrPassword:       {"Bad User Name or Password", 1 << CONNACK},
	NotAuthorized:               {"Not authorized", inReceipt | inRefusal | 1<<SUBACK | 1<<UNSUBACK},
	ServerUnavailable:           {"Server unavailable", 1 << CONNACK},
	ServerBusy:                  {"Server busy", inRefusal},
	Banned:                      {"Banned", 1 << CONNACK},
	ServerShuttingDown:          {"Server shutting down", 1 << DISCONNECT},
	BadAuthenticationMethod:     {"Bad authentication method", inRefusal},
	KeepAliveTimeout:            {"Keep Alive timeout", 1 << DISCONNECT},
	SessionTakenOver:            {"Session taken over", 1 << DISCONNECT},
	TopicFilterInvalid:          {"Topic Filter invalid", 1<<SUBACK | 1<<UNSUBACK | 1<<DISCONNECT},
	TopicNameInvalid:            {"Topic Name invalid", inReceipt | inRefusal},
	PacketIdentifierInUse:       {"Packet Identifier in use", inReceipt | 1<<SUBACK | 1<<UNSUBACK},
	PacketIdentifierNotFound:    {"Packet Identifier not found", inRelease},
	ReceiveMaximumExceeded:      {"Receive Maximum exceeded", 1 << DISCONNECT},
	TopicAliasInvalid:           {"Topic Alias invalid", 1 << DISCONNECT},
	PacketTooLarge:              {"Packet too large", inRefusal},
	MessageRateTooHigh:          {"Message rate too high", 1 << DISCONNECT},
	QuotaExceeded:               {"Quota exceeded", inReceipt | inRefusal | 1<<SUBACK},
	AdministrativeAction:        {"Administrative action", 1 << DISCONNECT},
	PayloadFormatInvalid:        {"Payload format invalid", inReceipt | inRefusal},
	RetainNotSupported:          {"Retain not supported", inRefusal},
	QoSNotSupported:             {"QoS not supported", inRefusal},
	UseAnotherServer:            {"Use another server", inRefusal},
	ServerMoved:                 {"Server moved", inRefusal},

	SharedSubscriptionsNotSupported:     {"Shared Subscriptions not supported", 1<<SUBACK | 1<<DISCONNECT},
	ConnectionRateExceeded:              {"Connection rate exceeded", inRefusal},
	MaximumConnectTime:                  {"Maximum connect time", 1 << DISCONNECT},
	SubscriptionIdentifiersNotSupported: {"Subscription Identifiers not supported", 1<<SUBACK | 1<<DISCONNECT},
	WildcardSubscriptionsNotSupported:   {"Wildcard Subscriptions not supported", 1<<SUBACK | 1<<DISCONNECT},
}

// IsError tells whether the code means that the operation failed.
func (c ReasonCode) IsError() bool { return c >= 0x80 }

// String gives the name as the specification spells it. 0x00 is "Success".
func (c ReasonCode) String() string {
	if name := reasons[c].name; name != "" {
		return name
	}
	return fmt.Sprintf("Reason Code 0x%02X", byte(c))
}

// Error makes a ReasonCode usable as an error; it gives the name and the value.
func (c ReasonCode) Error() string { return fmt.Sprintf("%s (0x%02X)", c.String(), byte(c)) }

// AllowedIn tells whether a packet of this type may carry the code (section 2.4).
func (c ReasonCode) AllowedIn(t Type) bool { return reasons[c].in.has(t) }

// ReturnCode translates the code into a CONNACK return code of MQTT 3.1.1
// (table 3.1 there). What 3.1.1 has no word for becomes "Server unavailable",
// after which a Client may try again, or "not authorized", after which it should not.
func (c ReasonCode) ReturnCode() byte {
	switch c {
	case Success:
		return 0
	case UnsupportedProtocolVersion:
		return 1
	case ClientIdentifierNotValid:
		return 2
	case BadUserNameOrPassword:
		return 4
	case NotAuthorized, Banned, BadAuthenticationMethod:
		return 5
	}
	return 3
}

// FromReturnCode translates a CONNACK return code of MQTT 3.1.1. ok is false for a reserved one.
func FromReturnCode(code byte) (c ReasonCode, ok bool) {
	codes := [...]ReasonCode{
		Success, UnsupportedProtocolVersion, ClientIdentifierNotValid,
		ServerUnavailable, BadUserNameOrPassword, NotAuthorized,
	}
	if int(code) >= len(codes) {
		return 0, false
	}
	return codes[code], true
}
