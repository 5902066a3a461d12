package queue

import "time"

// Origin tells who published a message, and with that how long its commit may wait.
type Origin byte

const (
	// Client is a device or program on a Network Connection: its message is committed before it is acknowledged.
	Client Origin = iota
	// Gateway is this program itself: nobody outside was promised anything yet, so the commit may wait for the
	// window.
	Gateway
)

// A Stamp is a moment on the boot clock. The zero Stamp means "not stamped".
type Stamp struct {
	Boot uint32        // number of the Open that made it
	At   time.Duration // CLOCK_BOOTTIME of that moment
}

// A Message is what was published. It is immutable once given to Publish, Receive or a Batch, which stamp it if it
// has no stamp.
type Message struct {
	TopicName  string
	Properties []byte // MQTT 5 properties without TopicAlias, MessageExpiryInterval and SubscriptionIdentifier
	Payload    []byte
	QoS        byte
	Retain     bool // to be kept as (or, with an empty payload, to delete) the retained message of its topic
	Origin     Origin
	Stamp      Stamp
	Expiry     uint32 // seconds; counts only with HasExpiry
	HasExpiry  bool
	Unresolved bool // the wall clock was not trustworthy when the reading was made
}

// overhead is what a message costs in memory beside its bytes.
const overhead = 128

// size is the memory a message is charged with in a ring.
func (m *Message) size() int {
	return overhead + len(m.TopicName) + len(m.Properties) + len(m.Payload)
}

// charge is the memory that a delivery is charged with: many Subscription Identifiers can weigh more than the message.
func charge(m *Message, ids []uint32) int32 { return int32(m.size() + 4*len(ids)) }

// A Target says to whom and how a message is delivered.
type Target struct {
	Session         *Session
	QoS             byte     // the lower of message and subscription
	Retain          bool     // RETAIN flag of the delivery
	SubscriptionIDs []uint32 // kept by reference; must not change afterwards
}

// A Delivery is one message for one session, as Session.Next hands it out.
type Delivery struct {
	Message         *Message // nil when Release is set
	Ordinal         uint64   // 0 for QoS 0
	PacketID        uint16   // 0 for QoS 0
	QoS             byte
	Dup             bool // it may have been sent before
	Retain          bool
	Release         bool // send PUBREL, not PUBLISH
	SubscriptionIDs []uint32
}

// A Range is a run of packet ids.
type Range struct{ First, Count uint16 }

// SessionOptions bound a session. Zero fields take the defaults.
type SessionOptions struct {
	PacketIDs    Range // default 1..65535
	Shared       bool  // it is a share: nobody connects to it, members draw from it with Give; not stored either, see Session.SetShared
	Window       int   // deliveries of QoS 1 and 2 unacknowledged at once; default and at most 1024
	RingMessages int   // messages waiting in memory; default 1024
	RingBytes    int   // memory of the messages waiting or in flight; default 512 KiB; a durable session without connection keeps at most Options.OfflineBytes, and all together 32 MiB

	// Limits of a durable session; they are not stored with it, see Session.SetLimits. A volatile one has its ring.
	Limits Limits
	Name   string // what log lines call a durable session; not stored either, see Session.SetName
}
