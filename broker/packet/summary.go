package packet

import (
	"bytes"
	"fmt"
	"strings"
)

// A Summary says what a packet is, for people. It holds no payload, no password and no authentication data.
type Summary struct {
	Type Type
	Size int    // of the whole packet in bytes
	Text string // its fields in words
}

// Summarize takes a whole packet of a connection of version v. One that cannot be read says why.
func Summarize(v Version, frame []byte) Summary {
	h, err := Split(frame)
	s := Summary{Type: Type(frame[0] >> 4), Size: len(frame)}
	if err == nil {
		s.Text, err = summary(v, h)
	}
	if err != nil {
		s.Text = "cannot be read: " + err.Error()
	}
	s.Text = shortened(s.Text)
	return s
}

// mostText bounds a Summary in bytes: a SUBSCRIBE may name thousands of filters.
const mostText = 1000

func shortened(text string) string {
	if len(text) <= mostText {
		return text
	}
	return strings.ToValidUTF8(text[:mostText], "") + "..."
}

func summary(v Version, h Header) (string, error) {
	switch h.Type {
	case CONNECT:
		var p Connect
		var bridge string
		h.Body, bridge = withoutBridge(h.Body)
		err := p.Decode(h)
		return p.summary() + bridge, err
	case CONNACK:
		var p Connack
		err := p.Decode(v, h)
		return fmt.Sprintf("%s, session present %t", p.ReasonCode.Error(), p.SessionPresent), err
	case PUBLISH:
		var p Publish
		err := p.Decode(v, h)
		return p.summary(), err
	case PUBACK, PUBREC, PUBREL, PUBCOMP:
		var p Ack
		err := p.Decode(v, h)
		return fmt.Sprintf("id %d, %s", p.PacketID, p.ReasonCode.Error()), err
	case DISCONNECT:
		var p Disconnect
		err := p.Decode(v, h)
		return p.ReasonCode.Error(), err
	}
	return listSummary(v, h)
}

// withoutBridge takes the high bit of the protocol level out of a copy of a CONNECT: bridges set it, before 5.0, to be told
// from other Clients.
func withoutBridge(body []byte) (plain []byte, note string) {
	if len(body) < 2 {
		return body, ""
	}
	if at := 2 + int(body[0])<<8 + int(body[1]); at < len(body) && body[at]&0x80 != 0 {
		plain = bytes.Clone(body)
		plain[at] &^= 0x80
		return plain, ", as a bridge"
	}
	return body, ""
}

// listSummary is for packets with a list in them, and those with nothing.
func listSummary(v Version, h Header) (string, error) {
	switch h.Type {
	case SUBSCRIBE:
		var p Subscribe
		err := p.Decode(v, h)
		return fmt.Sprintf("id %d, %s", p.PacketID, joined(p.Subscriptions, func(s Subscription) string {
			return fmt.Sprintf("%.200q QoS %d", s.TopicFilter, s.QoS)
		})), err
	case UNSUBSCRIBE:
		var p Unsubscribe
		err := p.Decode(v, h)
		return fmt.Sprintf("id %d, %s", p.PacketID, joined(p.TopicFilters, func(f []byte) string { return fmt.Sprintf("%.200q", f) })), err
	case SUBACK:
		var p Suback
		err := p.Decode(v, h)
		return fmt.Sprintf("id %d, %s", p.PacketID, codes(p.ReasonCodes)), err
	case UNSUBACK:
		var p Unsuback
		err := p.Decode(v, h)
		return fmt.Sprintf("id %d, %s", p.PacketID, codes(p.ReasonCodes)), err
	}
	return "", nil
}

func codes(all []ReasonCode) string { return joined(all, ReasonCode.Error) }

// joined writes as much of a list as has room: it may have thousands of elements, and who carries the packet waits.
func joined[T any](all []T, text func(T) string) string {
	var b strings.Builder
	for i := 0; i < len(all) && b.Len() <= mostText; i++ {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(text(all[i]))
	}
	return b.String()
}

func (p *Connect) summary() string {
	s := fmt.Sprintf("MQTT %s, client %.200q, clean start %t, keep alive %d s", p.Version, p.ClientID, p.CleanStart, p.KeepAlive)
	if p.UserName != nil {
		s += fmt.Sprintf(", user %.200q", p.UserName)
	}
	if p.Password != nil {
		s += ", with a password"
	}
	if p.WillFlag {
		s += fmt.Sprintf(", will to %.200q QoS %d retain %t", p.Will.TopicName, p.Will.QoS, p.Will.Retain)
	}
	return s
}

func (p *Publish) summary() string {
	s := fmt.Sprintf("%.200q", p.TopicName)
	if alias, ok := p.Properties.TopicAlias(); ok {
		s += fmt.Sprintf(" alias %d", alias)
	}
	s += fmt.Sprintf(", QoS %d", p.QoS)
	if p.QoS > 0 {
		s += fmt.Sprintf(", id %d", p.PacketID)
	}
	if p.Retain {
		s += ", retain"
	}
	if p.Dup {
		s += ", dup"
	}
	return s + fmt.Sprintf(", payload %d bytes", len(p.Payload))
}
