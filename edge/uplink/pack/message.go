package pack

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// A Message is one publication.
type Message struct {
	Topic      string // Topic Name, as it was published: at most 65,535 bytes
	Payload    []byte
	Properties []byte // properties of MQTT 5 in their wire form, without the length before them; opaque here
	Sequence   uint64 // place in the stream; strictly increasing in a block, gaps are allowed
	Time       int64  // milliseconds since 1970; 0: not known
	QoS        byte   // 0 to 2
	Retain     bool
}

// bytes is what counts against [MaxBytes].
func (m *Message) bytes() int { return len(m.Topic) + len(m.Payload) + len(m.Properties) }

// A Head says whose messages a block carries.
type Head struct {
	Epoch  uint64 // names a message together with its sequence: another one may use sequences anew
	Stream string // name of the stream: 1 to 255 bytes
	Floor  uint64 // nothing of the stream below this sequence will be sent again; 0: not told. It is not above the first message
	Sum    bool   // a CRC-32C ends the block
	Keep   bool   // the block is a primer: later ones may go on from its end ([NewPrimer]). It has a check sum in any case
	Primer uint32 // decoded: the primer that the block goes on from; 0: it stands by itself
}

// What a block can hold at most, whoever wrote it.
const (
	MaxMessages = 65535
	MaxBytes    = 16 << 20 // topics, payloads and properties of all its messages, repeated ones too
	maxTopic    = 65535
	maxStream   = 255
)

// Errors of Decode; what it returns wraps one of them and says more.
var (
	ErrCorrupt     = errors.New("block is damaged, or no block")
	ErrUnsupported = errors.New("block of a kind that this version cannot read")
	ErrLimit       = errors.New("block exceeds a limit")
)

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrCorrupt, fmt.Sprintf(format, args...))
}

func unsupported(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrUnsupported, fmt.Sprintf(format, args...))
}

// errTooMuch is what the coders return when what they decode exceeds what is left of Limits.Bytes.
var errTooMuch = fmt.Errorf("%w: it decodes to more bytes than are allowed", ErrLimit)

// Errors of Encoder.Append.
var (
	// ErrFull says that the message belongs into the next block.
	ErrFull = errors.New("block is full")
	// ErrMessage says that no block can carry the message; what it wraps says why.
	ErrMessage = errors.New("message cannot be packed")
)

func unfit(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMessage, fmt.Sprintf(format, args...))
}

// fits tells whether check finds nothing.
func (m *Message) fits() bool {
	return m.QoS <= 2 && uint64(m.Time) <= maxTime && m.bytes() <= MaxBytes
}

// check finds what no block can carry.
func (m *Message) check() error {
	switch {
	case m.QoS > 2:
		return unfit("QoS %d", m.QoS)
	case m.bytes() > MaxBytes:
		return unfit("%d bytes (hint: a block holds %d)", m.bytes(), MaxBytes)
	case uint64(m.Time) > maxTime:
		return unfit("time %d ms is before 1970 or after 9999", m.Time)
	}
	return nil
}

// validTopic tells whether MQTT allows to publish to a topic [MQTT-1.5.4-1, MQTT-1.5.4-2, MQTT-3.3.2-2, MQTT-4.7.3-1].
func validTopic(t string) bool {
	other := false
	for i := range len(t) {
		switch b := t[i]; {
		case b == 0 || b == '+' || b == '#':
			return false
		case b >= utf8.RuneSelf:
			other = true
		}
	}
	return t != "" && len(t) <= maxTopic && (!other || utf8.ValidString(t))
}

// maxTime is the end of the year 9999 in milliseconds.
const maxTime = 253402300799999
