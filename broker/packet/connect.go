package packet

import "math"

// Connect is a CONNECT packet (section 3.1).
type Connect struct {
	Version    Version
	CleanStart bool   // Clean Session before 5.0
	KeepAlive  uint16 // seconds, 0 = none
	Properties Properties
	ClientID   []byte
	WillFlag   bool
	Will       Will   // only if WillFlag
	UserName   []byte // nil = absent; empty and present is not the same
	Password   []byte // nil = absent
}

// SessionExpiry is how long the session is to last after the connection, in seconds; math.MaxUint32 is for ever. Before 5.0
// Clean Session ends the session with the connection, and without it the session has no end (3.1.2.11.2).
func (p *Connect) SessionExpiry() uint32 {
	switch {
	case p.Version == V5:
		seconds, _ := p.Properties.SessionExpiryInterval()
		return seconds
	case p.CleanStart:
		return 0
	}
	return math.MaxUint32
}

// Will is the Will Message within a CONNECT packet.
type Will struct {
	QoS        QoS
	Retain     bool
	Properties Properties
	TopicName  []byte
	Payload    []byte
}

// The bits of the Connect Flags (section 3.1.2.3).
const (
	flagReserved   = 0x01
	flagCleanStart = 0x02
	flagWill       = 0x04
	flagWillQoS    = 0x18
	flagWillRetain = 0x20
	flagPassword   = 0x40
	flagUserName   = 0x80
)

// Decode reads a CONNECT packet of any version. Version is set as soon as it
// has been read, also when an error follows, so that the answer can be written in it.
//
// A protocol name or level that is not spoken here gives an error with the
// code UnsupportedProtocolVersion, and Version is then the level that the Client named.
func (c *Connect) Decode(h Header) error {
	*c = Connect{}
	if h.Type != CONNECT {
		return h.expect(CONNECT, 0)
	}
	r := reader{packet: CONNECT, rest: h.Body}
	name := r.string("protocol name")
	c.Version = Version(r.byte("protocol level"))
	if r.err != nil {
		return r.err
	}
	if err := checkProtocol(name, c.Version); err != nil {
		return err
	}
	if err := h.expect(CONNECT, c.Version); err != nil {
		return err
	}
	flags := r.byte("connect flags")
	if err := checkConnectFlags(flags, c.Version); err != nil && r.err == nil {
		return err
	}
	c.KeepAlive = r.uint16("keep alive")
	if c.Version == V5 {
		c.Properties = r.properties(1 << CONNECT)
	}
	c.decodePayload(&r, flags)
	return r.end()
}

func checkProtocol(name []byte, v Version) error {
	known := string(name) == "MQTT" && (v == V311 || v == V5) || string(name) == "MQIsdp" && v == V31
	if known {
		return nil
	}
	clause := "MQTT-3.1.2-2"
	if string(name) != "MQTT" {
		clause = "MQTT-3.1.2-1"
	}
	return &Error{
		Code: UnsupportedProtocolVersion, Type: CONNECT, Clause: clause,
		Problem: "protocol is neither MQTT 3.1, 3.1.1 nor 5.0",
	}
}

func checkConnectFlags(flags byte, v Version) error {
	switch {
	case flags&flagReserved != 0 && v != V31:
		return malformed(CONNECT, "MQTT-3.1.2-3", "reserved connect flag")
	case flags&flagWillQoS == flagWillQoS:
		return malformed(CONNECT, "MQTT-3.1.2-12", "Will QoS 3")
	case flags&flagWill == 0 && flags&flagWillQoS != 0 && v != V31:
		return malformed(CONNECT, "MQTT-3.1.2-11", "Will QoS without Will Flag")
	case flags&flagWill == 0 && flags&flagWillRetain != 0 && v != V31:
		return malformed(CONNECT, "MQTT-3.1.2-13", "Will Retain without Will Flag")
	case flags&flagPassword != 0 && flags&flagUserName == 0 && v != V5:
		return malformed(CONNECT, "3.1.1 MQTT-3.1.2-22", "password without user name")
	}
	return nil
}

func (c *Connect) decodePayload(r *reader, flags byte) {
	c.CleanStart = flags&flagCleanStart != 0
	c.ClientID = r.string("client identifier")
	if c.WillFlag = flags&flagWill != 0; c.WillFlag {
		c.Will.decode(r, c.Version, flags)
	}
	// MQTT 3.1 lets a packet end early: Remaining Length counts for more than the flags.
	early := func() bool { return c.Version == V31 && r.err == nil && len(r.rest) == 0 }
	if flags&flagUserName != 0 && !early() {
		c.UserName = r.string("user name")
	}
	if flags&flagPassword != 0 && !early() {
		c.Password = r.binary("password")
	}
}

func (w *Will) decode(r *reader, v Version, flags byte) {
	w.QoS = flags & flagWillQoS >> 3
	w.Retain = flags&flagWillRetain != 0
	if v == V5 {
		w.Properties = r.properties(inWill)
	}
	w.TopicName = r.topicName("Will Topic")
	if r.err == nil && len(w.TopicName) == 0 {
		r.fail(malformed(CONNECT, "MQTT-4.7.3-1", "Will Topic is empty"))
	}
	w.Payload = r.binary("Will Payload")
}

// Size is the size of the packet in bytes.
func (c *Connect) Size() int { return frameSize(c.bodySize()) }

func (c *Connect) bodySize() int {
	n := 2 + len(c.Version.protocolName()) + 4 + c.Properties.size(c.Version) + 2 + len(c.ClientID)
	if c.WillFlag {
		n += c.Will.Properties.size(c.Version) + 2 + len(c.Will.TopicName) + 2 + len(c.Will.Payload)
	}
	if c.UserName != nil {
		n += 2 + len(c.UserName)
	}
	if c.Password != nil {
		n += 2 + len(c.Password)
	}
	return n
}

func (v Version) protocolName() string {
	if v == V31 {
		return "MQIsdp"
	}
	return "MQTT"
}

func (c *Connect) flags() (flags byte) {
	if c.CleanStart {
		flags |= flagCleanStart
	}
	if c.WillFlag {
		flags |= flagWill | c.Will.QoS<<3
		if c.Will.Retain {
			flags |= flagWillRetain
		}
	}
	if c.UserName != nil {
		flags |= flagUserName
	}
	if c.Password != nil {
		flags |= flagPassword
	}
	return flags
}

// Append writes the packet behind dst, in the version that it names.
func (c *Connect) Append(dst []byte) []byte {
	dst = appendHeader(dst, CONNECT, 0, c.bodySize())
	dst = appendString(dst, c.Version.protocolName())
	dst = append(dst, byte(c.Version), c.flags())
	dst = appendUint16(dst, c.KeepAlive)
	dst = appendProperties(dst, c.Version, c.Properties)
	dst = appendString(dst, c.ClientID)
	if c.WillFlag {
		dst = appendProperties(dst, c.Version, c.Will.Properties)
		dst = appendString(dst, c.Will.TopicName)
		dst = appendString(dst, c.Will.Payload)
	}
	if c.UserName != nil {
		dst = appendString(dst, c.UserName)
	}
	if c.Password != nil {
		dst = appendString(dst, c.Password)
	}
	return dst
}
