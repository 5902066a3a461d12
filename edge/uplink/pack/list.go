package pack

import "encoding/binary"

// The byte that each message of a list begins with: QoS in its lowest two bits, and these.
const (
	listRetain     = 0x04
	listTimed      = 0x08 // the time is known, and follows
	listTopic      = 0x10 // the topic is another than that of the message before, and follows
	listProperties = 0x20 // so with the properties
	listKnown      = 0x3f
)

// lister is the list codec: what the message before it says as well is left out, all else is written as it is.
type lister struct {
	topic, properties string
	time              int64
	sequence          uint64
	started           bool
}

// append writes a message.
func (l *lister) append(dst []byte, m *Message) []byte {
	what := m.QoS
	if m.Retain {
		what |= listRetain
	}
	if m.Time != 0 {
		what |= listTimed
	}
	if m.Topic != l.topic {
		what |= listTopic
	}
	if string(m.Properties) != l.properties {
		what |= listProperties
	}
	dst = append(dst, what)
	dst = binary.AppendUvarint(dst, m.Sequence-l.sequence-1)
	if m.Time != 0 {
		dst = binary.AppendVarint(dst, m.Time-l.time)
		l.time = m.Time
	}
	if m.Topic != l.topic {
		dst = binary.AppendUvarint(dst, uint64(len(m.Topic)))
		dst = append(dst, m.Topic...)
		l.topic = m.Topic
	}
	if string(m.Properties) != l.properties {
		dst = binary.AppendUvarint(dst, uint64(len(m.Properties)))
		dst = append(dst, m.Properties...)
		l.properties = string(m.Properties)
	}
	l.sequence = m.Sequence
	dst = binary.AppendUvarint(dst, uint64(len(m.Payload)))
	return append(dst, m.Payload...)
}

// next reads a message.
func (l *lister) next(r *reader, m *Message) error {
	what := r.byte()
	if what&^listKnown != 0 || what&3 == 3 {
		return corrupt("a message has the flags 0x%02x", what)
	}
	gap := r.uvarint()
	sequence := l.sequence + gap + 1
	if l.started && sequence <= l.sequence || !l.started && gap != 0 {
		return corrupt("sequences begin anew")
	}
	l.started = true
	m.QoS, m.Retain, m.Time = what&3, what&listRetain != 0, 0
	if what&listTimed != 0 {
		l.time += unzigzag(r.uvarint())
		if m.Time = l.time; m.Time <= 0 || m.Time > maxTime {
			return corrupt("a time is out of range")
		}
	}
	if what&listTopic != 0 {
		l.topic = string(r.bytes(r.uvarint()))
	}
	if what&listProperties != 0 {
		l.properties = string(r.bytes(r.uvarint()))
	}
	m.Payload = r.bytes(r.uvarint())
	switch {
	case r.short:
		return corrupt("a message is cut off")
	case !validTopic(l.topic):
		return corrupt("%.80q is no Topic Name", l.topic)
	}
	l.sequence, m.Sequence = sequence, sequence
	m.Topic, m.Properties = l.topic, []byte(l.properties)
	return nil
}

func unzigzag(v uint64) int64 { return int64(v>>1) ^ -int64(v&1) }
