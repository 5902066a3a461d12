package packet

import "strings"

// Error says why a packet was refused. errors.Is finds its ReasonCode:
// errors.Is(err, packet.PacketTooLarge).
type Error struct {
	Code    ReasonCode // what a 5.0 Server puts into CONNACK or DISCONNECT
	Type    Type       // the packet, 0 when not known
	Clause  string     // such as MQTT-3.3.1-4, or a section number
	Problem string     // what is wrong, in a few words
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(strings.ToLower(e.Code.String()))
	b.WriteString(": ")
	if e.Type != 0 {
		b.WriteString(e.Type.String())
		b.WriteString(": ")
	}
	b.WriteString(e.Problem)
	b.WriteString(" [")
	b.WriteString(e.Clause)
	b.WriteString("]")
	return b.String()
}

// Unwrap gives the ReasonCode.
func (e *Error) Unwrap() error { return e.Code }

// malformed: the packet cannot be parsed according to the specification (section 4.13).
func malformed(t Type, clause, problem string) error {
	return &Error{Code: MalformedPacket, Type: t, Clause: clause, Problem: problem}
}

// protocolError: the packet can be parsed, but holds what the protocol does not allow.
func protocolError(t Type, clause, problem string) error {
	return &Error{Code: ProtocolError, Type: t, Clause: clause, Problem: problem}
}
