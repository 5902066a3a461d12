package packet

import "strconv"

// Version is the protocol level of a Network Connection, as in CONNECT.
type Version byte

// The versions of the protocol.
const (
	V31  Version = 3 // MQTT 3.1, protocol name MQIsdp
	V311 Version = 4 // MQTT 3.1.1
	V5   Version = 5 // MQTT 5.0
)

func (v Version) String() string {
	switch v {
	case V31:
		return "3.1"
	case V311:
		return "3.1.1"
	case V5:
		return "5.0"
	}
	return "protocol level " + strconv.Itoa(int(v))
}

// Type is the type of a Control Packet (section 2.1.2).
type Type byte

// The types of Control Packets. AUTH exists in 5.0 only.
const (
	CONNECT     Type = 1
	CONNACK     Type = 2
	PUBLISH     Type = 3
	PUBACK      Type = 4
	PUBREC      Type = 5
	PUBREL      Type = 6
	PUBCOMP     Type = 7
	SUBSCRIBE   Type = 8
	SUBACK      Type = 9
	UNSUBSCRIBE Type = 10
	UNSUBACK    Type = 11
	PINGREQ     Type = 12
	PINGRESP    Type = 13
	DISCONNECT  Type = 14
	AUTH        Type = 15
)

var typeNames = [16]string{
	"reserved packet", "CONNECT", "CONNACK", "PUBLISH", "PUBACK", "PUBREC", "PUBREL", "PUBCOMP",
	"SUBSCRIBE", "SUBACK", "UNSUBSCRIBE", "UNSUBACK", "PINGREQ", "PINGRESP", "DISCONNECT", "AUTH",
}

func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return "packet type " + strconv.Itoa(int(t))
}

// flags are the bits that the fixed header of every packet but PUBLISH must have [MQTT-2.1.3-1].
func (t Type) flags() byte {
	switch t {
	case PUBREL, SUBSCRIBE, UNSUBSCRIBE:
		return 0x02
	}
	return 0
}

// QoS is the Quality of Service of a message or a subscription: 0, 1 or 2.
type QoS = byte

// Header is a Control Packet taken apart: its fixed header and the bytes behind it.
type Header struct {
	Type  Type
	Flags byte   // the low four bits of the first byte
	Body  []byte // variable header and payload; aliases the frame

	overlong bool // Remaining Length took more bytes than needed: 5.0 forbids that
}

// Split takes a frame apart that Next has measured. The frame is one whole
// Control Packet, no more and no less. Flags are judged by Decode, which knows the version.
func Split(frame []byte) (Header, error) {
	n, _, err := Next(frame, 0)
	if err != nil {
		return Header{}, err
	}
	if n == 0 || n != len(frame) {
		return Header{}, malformed(0, "2.1.4", "remaining length differs from the length of the packet")
	}
	length, size, _ := varint(frame[1:])
	return Header{
		Type:     Type(frame[0] >> 4),
		Flags:    frame[0] & 0x0F,
		Body:     frame[1+size:],
		overlong: size > varintSize(length),
	}, nil
}

// expect checks what all packets have in common: the type that the caller
// decodes and a fixed header that is right for the version.
func (h Header) expect(t Type, v Version) error {
	if h.Type != t {
		return protocolError(h.Type, "2.1.2", "expected "+t.String())
	}
	if h.overlong && v == V5 {
		return malformed(t, "MQTT-1.5.5-1", "remaining length is longer than needed")
	}
	// MQTT 3.1 has no rule for these bits, and its Clients set DUP on a repeated PUBREL or SUBSCRIBE.
	if t != PUBLISH && v != V31 && h.Flags != t.flags() {
		return malformed(t, "MQTT-2.1.3-1", "reserved flags of the fixed header")
	}
	return nil
}
