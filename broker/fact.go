package broker

import (
	"encoding/binary"
	"strconv"
	"strings"
	"time"

	"skerry/queue"
)

// Facts begin with a version, so that a later one can be told from damage. Numbers are uvarints; texts have their length
// before them.
const factVersion = 1

// sessionFact is what is stored of a durable session beside its deliveries.
type sessionFact struct {
	number uint64
	expiry uint32
	away   queue.Stamp // zero while connected
	user   string
	group  string
	door   string // see ConnectOptions
}

func (f *sessionFact) encode() []byte {
	b := []byte{factVersion}
	b = binary.AppendUvarint(b, f.number)
	b = binary.AppendUvarint(b, uint64(f.expiry))
	b = binary.AppendUvarint(b, uint64(f.away.Boot))
	b = binary.AppendUvarint(b, uint64(f.away.At))
	b = appendText(b, f.user)
	b = appendText(b, f.group)
	return appendDoor(b, f.door)
}

func decodeSession(value []byte) (f sessionFact, ok bool) {
	r := reader{rest: value}
	r.version()
	f.number = r.number(1<<64 - 1)
	f.expiry = uint32(r.number(1<<32 - 1))
	f.away.Boot = uint32(r.number(1<<32 - 1))
	f.away.At = time.Duration(r.number(1<<63 - 1))
	f.user = r.text()
	f.group = r.text()
	f.door = r.door()
	return f, r.done()
}

// appendDoor ends a fact with the door of a Client. Without one it ends as facts did before there were any.
func appendDoor(b []byte, door string) []byte {
	if door == "" {
		return b
	}
	return appendText(b, door)
}

// door reads what appendDoor has written.
func (r *reader) door() string {
	if r.bad || len(r.rest) == 0 {
		return ""
	}
	return r.text()
}

// Flags of a subscription fact; the QoS is in the two low bits.
const (
	flagNoLocal           = 1 << 2
	flagRetainAsPublished = 1 << 3
)

// subscriptionKey is the key of a subscription fact.
func subscriptionKey(number uint64, filter string) string {
	return strconv.FormatUint(number, 36) + " " + filter
}

func parseSubscriptionKey(key string) (number uint64, filter string, ok bool) {
	digits, filter, ok := strings.Cut(key, " ")
	number, err := strconv.ParseUint(digits, 36, 64)
	return number, filter, ok && err == nil
}

func (sub *subscription) encode() []byte {
	flags := sub.qos
	if sub.noLocal {
		flags |= flagNoLocal
	}
	if sub.retainAsPublished {
		flags |= flagRetainAsPublished
	}
	b := []byte{factVersion, flags}
	for _, id := range sub.ids {
		b = binary.AppendUvarint(b, uint64(id))
	}
	return b
}

func decodeSubscription(s *session, filter string, value []byte) (sub *subscription, ok bool) {
	r := reader{rest: value}
	r.version()
	flags := r.byte()
	sub = &subscription{
		session:           s,
		filter:            filter,
		qos:               flags & 3,
		noLocal:           flags&flagNoLocal != 0,
		retainAsPublished: flags&flagRetainAsPublished != 0,
	}
	if len(r.rest) > 0 {
		sub.ids = []uint32{uint32(r.number(maxSubscriptionID))}
	}
	return sub, r.done() && sub.qos <= 2
}

// encodeGroup is what is stored of a group that is durable: the number of its queue.
func encodeGroup(number uint64) []byte { return binary.AppendUvarint([]byte{factVersion}, number) }

func decodeGroup(value []byte) (number uint64, ok bool) {
	r := reader{rest: value}
	r.version()
	number = r.number(1<<64 - 1)
	return number, r.done()
}

// willFact is a Will as it is stored while it may have to be published by another run.
type willFact struct {
	user      string
	keepAlive time.Duration
	will      Will
	door      string
}

// Flags of a will fact; the QoS is in the two low bits.
const (
	flagWillRetain  = 1 << 2
	flagWillExpires = 1 << 3
	flagWillGateway = 1 << 4
)

func (f *willFact) encode() []byte {
	m := f.will.Message
	flags := m.QoS
	if m.Retain {
		flags |= flagWillRetain
	}
	if m.HasExpiry {
		flags |= flagWillExpires
	}
	if m.Origin == queue.Gateway {
		flags |= flagWillGateway
	}
	b := []byte{factVersion, flags}
	b = binary.AppendUvarint(b, uint64(f.keepAlive))
	b = binary.AppendUvarint(b, uint64(f.will.Delay))
	b = binary.AppendUvarint(b, uint64(m.Expiry))
	b = appendText(b, f.user)
	b = appendText(b, m.TopicName)
	b = appendText(b, string(m.Properties))
	b = appendText(b, string(m.Payload))
	return appendDoor(b, f.door)
}

func decodeWill(value []byte) (f willFact, ok bool) {
	r := reader{rest: value}
	r.version()
	flags := r.byte()
	m := &Message{QoS: flags & 3, Retain: flags&flagWillRetain != 0, HasExpiry: flags&flagWillExpires != 0}
	if flags&flagWillGateway != 0 {
		m.Origin = queue.Gateway
	}
	f.keepAlive = time.Duration(r.number(1<<63 - 1))
	f.will = Will{Message: m, Delay: uint32(r.number(1<<32 - 1))}
	m.Expiry = uint32(r.number(1<<32 - 1))
	f.user = r.text()
	m.TopicName = r.text()
	m.Properties = []byte(r.text())
	m.Payload = []byte(r.text())
	f.door = r.door()
	return f, r.done() && m.QoS <= 2 && m.TopicName != ""
}

func appendText(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// reader takes a fact apart. After the first thing that does not fit it gives zeros, and done is false.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) version() {
	if r.byte() != factVersion {
		r.bad = true
	}
}

func (r *reader) byte() byte {
	if r.bad || len(r.rest) == 0 {
		r.bad = true
		return 0
	}
	v := r.rest[0]
	r.rest = r.rest[1:]
	return v
}

func (r *reader) number(most uint64) uint64 {
	v, n := binary.Uvarint(r.rest)
	if r.bad || n <= 0 || v > most {
		r.bad = true
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *reader) text() string {
	n := r.number(uint64(len(r.rest)))
	if r.bad || n > uint64(len(r.rest)) {
		r.bad = true
		return ""
	}
	s := string(r.rest[:n])
	r.rest = r.rest[n:]
	return s
}

func (r *reader) done() bool { return !r.bad && len(r.rest) == 0 }
