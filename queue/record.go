package queue

import (
	"encoding/binary"
	"iter"
	"sync/atomic"
	"time"

	"skerry/queue/slotlog"
)

// Record types. They are on people's disks: a number never changes its meaning. Bit 7 marks what an older reader
// may skip.
const (
	recMessage    = 1
	recRelease    = 2 // PUBREL in: packet ids of a publisher are not held any more
	recReceived   = 3 // PUBREC in: deliveries that only need PUBREL now
	recAcked      = 4 // the whole acknowledgement state of a session
	recSession    = 5
	recSessionEnd = 6
	recPut        = 7
	recDelete     = 8
	recBatch      = 9
	recBoot       = 10
	recTime       = 11
	recEnd        = 12 // the log was closed
	recState      = 18 // written by an import: sets what no other record can
	recTaken      = 19 // a member of a share has taken a delivery over: the share owes it no more
	// Reserved: 13 topic dictionary, 14 retained message removed without a message, 15 delivery of a stored message
	// to one more session, 16 checkpoint covers the log up to here, 17 deliveries dropped by a limit.

	skippable = 0x80
)

// Flags of a message record.
const (
	flagQoS     = 0x03
	flagRetain  = 0x04
	flagGateway = 0x08
	flagExpiry  = 0x10
	flagFrom    = 0x20 // publisher's session and packet id follow: the id is held
	flagBoot    = 0x40 // the stamp is of an earlier boot, whose number follows
	flagMore    = 0x80 // a second byte of flags follows

	moreUnresolved = 0x01
	moreTopic      = 0x02 // reserved: topic by number; never set by this version
)

// Flags of a target.
const (
	targetQoS    = 0x03
	targetRetain = 0x04
	targetIDs    = 0x08 // subscription ids follow
)

// logTarget is a durable target of a message that is to be written.
type logTarget struct {
	x       *Session
	number  uint64
	ordinal uint64
	ids     []uint32
	qos     byte
	retain  bool
	fate    atomic.Uint32 // settled by whoever comes first, the receiver or the committer
}

// Fates of a target.
const (
	undecided = iota
	elided    // acknowledged before its group was encoded: left out of it
	forgone   // dropped before that: left out too
	encoded   // in the log, or on the way to it
)

// complete notes that the receiver has it.
func (t *logTarget) complete() { t.fate.CompareAndSwap(undecided, elided) }

// leave notes that it is not owed any more, whatever the reason. It returns true if the log knows the target.
func (t *logTarget) leave() (written bool) {
	return !t.fate.CompareAndSwap(undecided, forgone) && t.fate.Load() == encoded
}

// encode notes that the target goes into the log, unless it is complete.
func (t *logTarget) encode() bool {
	return t.fate.CompareAndSwap(undecided, encoded) || t.fate.Load() == encoded
}

func (t *logTarget) done() bool {
	fate := t.fate.Load()
	return fate == elided || fate == forgone
}

// from names the publisher of an inbound QoS 2 message whose packet id is held.
type from struct {
	session  uint64
	packetID uint16
}

// appendMessage encodes the body of a message record, with the targets that are not done.
func appendMessage(dst []byte, m *Message, by from, to []logTarget, boot uint32) []byte {
	flags, more := m.QoS&flagQoS, byte(0)
	set := func(b bool, f byte) {
		if b {
			flags |= f
		}
	}
	set(m.Retain, flagRetain)
	set(m.Origin == Gateway, flagGateway)
	set(m.HasExpiry, flagExpiry)
	set(by.session != 0, flagFrom)
	set(m.Stamp.Boot != boot, flagBoot)
	if m.Unresolved {
		flags, more = flags|flagMore, moreUnresolved
	}
	dst = append(dst, flags)
	if more != 0 {
		dst = append(dst, more)
	}
	dst = binary.AppendUvarint(dst, milliseconds(m.Stamp.At))
	if m.Stamp.Boot != boot {
		dst = binary.AppendUvarint(dst, uint64(m.Stamp.Boot))
	}
	if m.HasExpiry {
		dst = binary.AppendUvarint(dst, uint64(m.Expiry))
	}
	if by.session != 0 {
		dst = binary.AppendUvarint(dst, by.session)
		dst = binary.AppendUvarint(dst, uint64(by.packetID))
	}
	dst = appendString(dst, m.TopicName)
	dst = appendString(dst, m.Properties)
	dst = appendString(dst, m.Payload)
	for i := range to {
		if to[i].encode() {
			dst = to[i].append(dst)
		}
	}
	return dst
}

func (t *logTarget) append(dst []byte) []byte {
	flags := t.qos & targetQoS
	if t.retain {
		flags |= targetRetain
	}
	if len(t.ids) > 0 {
		flags |= targetIDs
	}
	dst = binary.AppendUvarint(dst, t.number)
	dst = append(dst, flags)
	dst = binary.AppendUvarint(dst, t.ordinal)
	if len(t.ids) > 0 {
		dst = binary.AppendUvarint(dst, uint64(len(t.ids)))
		for _, id := range t.ids {
			dst = binary.AppendUvarint(dst, uint64(id))
		}
	}
	return dst
}

// milliseconds rounds up: an age must never come out too large.
func milliseconds(d time.Duration) uint64 {
	return uint64((max(0, d) + time.Millisecond - 1) / time.Millisecond)
}

func appendString[T string | []byte](dst []byte, s T) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

// messageRecord is a decoded message record. Its bytes alias the record.
type messageRecord struct {
	flags, more           byte
	at                    time.Duration
	boot                  uint32
	expiry                uint32
	by                    from
	topic, props, payload []byte
	targets               []byte
	body                  []byte // all before the targets
}

func decodeMessage(b []byte, boot uint32) (r messageRecord, ok bool) {
	d := decoder{b: b}
	r.flags = d.byte()
	if r.flags&flagMore != 0 {
		r.more = d.byte()
	}
	r.at, r.boot = d.millis(), boot
	if r.flags&flagBoot != 0 {
		r.boot = uint32(d.uvarint())
	}
	if r.flags&flagExpiry != 0 {
		r.expiry = uint32(d.uvarint())
	}
	if r.flags&flagFrom != 0 {
		r.by = from{d.uvarint(), uint16(d.uvarint())}
	}
	r.topic, r.props, r.payload = d.bytes(), d.bytes(), d.bytes()
	r.targets, r.body = d.b, b[:len(b)-len(d.b)]
	ok = !d.bad && r.flags&flagQoS != 3 && r.more&^moreUnresolved == 0
	for range r.eachTarget(&ok) {
		continue
	}
	return r, ok
}

// message makes a Message that owns its bytes.
func (r *messageRecord) message() *Message {
	m := &Message{
		TopicName: string(r.topic), QoS: r.flags & flagQoS, Retain: r.flags&flagRetain != 0,
		Stamp:  Stamp{Boot: r.boot, At: r.at},
		Expiry: r.expiry, HasExpiry: r.flags&flagExpiry != 0, Unresolved: r.more&moreUnresolved != 0,
	}
	if r.flags&flagGateway != 0 {
		m.Origin = Gateway
	}
	both := append(append(make([]byte, 0, len(r.props)+len(r.payload)), r.props...), r.payload...)
	m.Properties, m.Payload = both[:len(r.props):len(r.props)], both[len(r.props):]
	return m
}

// targetRecord is a decoded target.
type targetRecord struct {
	session, ordinal uint64
	flags            byte
	ids              []byte
}

func (t *targetRecord) subscriptionIDs() (ids []uint32) {
	for d := (decoder{b: t.ids}); len(d.b) > 0; {
		ids = append(ids, uint32(d.uvarint()))
	}
	return ids
}

// eachTarget yields the targets; ok, if not nil, becomes false when they are malformed.
func (r *messageRecord) eachTarget(ok *bool) iter.Seq[targetRecord] {
	return func(yield func(targetRecord) bool) {
		d := decoder{b: r.targets}
		for len(d.b) > 0 {
			t := targetRecord{session: d.uvarint(), flags: d.byte(), ordinal: d.uvarint()}
			if t.flags&targetIDs != 0 {
				t.ids = d.uvarints(d.uvarint())
			}
			if d.bad || t.flags&targetQoS == 3 {
				if ok != nil {
					*ok = false
				}
				return
			}
			if !yield(t) {
				return
			}
		}
	}
}

// span is a run of ordinals, without `to`.
type span struct{ from, to uint64 }

// ackedRecord says which ordinals of a session are complete: all below base, and some runs above.
type ackedRecord struct {
	session uint64
	flags   byte
	base    uint64
	acked   load  // with ackedLoad: what was put into the log for the session and is not needed any more
	drops   Drops // with ackedDrops
	above   []span
}

// Flags of an acked record. Both numbers are totals since the session was made.
const (
	ackedLoad  = 0x01
	ackedDrops = 0x02
	ackedKnown = ackedLoad | ackedDrops
)

func (r *ackedRecord) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, r.session)
	dst = append(dst, r.flags)
	dst = binary.AppendUvarint(dst, r.base)
	if r.flags&ackedLoad != 0 {
		dst = r.acked.append(dst)
	}
	if r.flags&ackedDrops != 0 {
		dst = r.drops.append(dst)
	}
	return appendSpans(dst, r.base, r.above)
}

// appendSpans writes the distance to each run, and its length.
func appendSpans(dst []byte, at uint64, above []span) []byte {
	for _, s := range above {
		dst = binary.AppendUvarint(dst, s.from-at)
		dst = binary.AppendUvarint(dst, s.to-s.from)
		at = s.to
	}
	return dst
}

func decodeAcked(b []byte) (r ackedRecord, ok bool) {
	d := decoder{b: b}
	r.session = d.uvarint()
	r.flags = d.byte()
	r.base = d.uvarint()
	if r.flags&ackedLoad != 0 {
		r.acked = d.load()
	}
	if r.flags&ackedDrops != 0 {
		r.drops = d.drops()
	}
	for at := r.base; len(d.b) > 0 && !d.bad; {
		s := d.span(at)
		r.above = append(r.above, s)
		at = s.to
	}
	return r, !d.bad && r.flags&^ackedKnown == 0
}

// sessionRecord creates a session.
type sessionRecord struct {
	number uint64
	o      SessionOptions
}

func (r *sessionRecord) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, r.number)
	for _, n := range []int{int(r.o.PacketIDs.First), int(r.o.PacketIDs.Count), r.o.Window, r.o.RingMessages, r.o.RingBytes} {
		dst = binary.AppendUvarint(dst, uint64(n))
	}
	return dst
}

// decodeSession leaves room for fields that a later version appends.
func decodeSession(b []byte) (r sessionRecord, ok bool) {
	d := decoder{b: b}
	r = d.session()
	return r, !d.bad && r.number != 0
}

func (d *decoder) session() (r sessionRecord) {
	r.number = d.uvarint()
	r.o.PacketIDs = Range{uint16(d.uvarint()), uint16(d.uvarint())}
	r.o.Window, r.o.RingMessages, r.o.RingBytes = d.int(), d.int(), d.int()
	return r
}

// bootRecord begins what one Open writes.
type bootRecord struct {
	number uint32
	flags  byte
	skip   uint64 // ordinals that each session skips, if the power was lost
	wall   int64  // Unix milliseconds
	at     time.Duration
	id     [16]byte
}

const (
	bootPowerLost = 0x01
	bootMoved     = 0x02 // an import wrote it
)

func (r *bootRecord) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(r.number))
	dst = append(dst, r.flags)
	dst = binary.AppendUvarint(dst, r.skip)
	dst = binary.AppendVarint(dst, r.wall)
	dst = binary.AppendUvarint(dst, milliseconds(r.at))
	return append(dst, r.id[:]...)
}

func decodeBoot(b []byte) (r bootRecord, ok bool) {
	d := decoder{b: b}
	r.number, r.flags, r.skip, r.wall, r.at = uint32(d.uvarint()), d.byte(), d.uvarint(), d.varint(), d.millis()
	copy(r.id[:], d.take(len(r.id)))
	return r, !d.bad
}

// timeRecord proves that a boot lasted until then, and if the date was trustworthy, when that was.
type timeRecord struct {
	at      time.Duration
	wall    int64 // Unix milliseconds
	trusted bool
}

const wallTrusted = 0x01 // other bits are for later: a reader ignores them

func (r *timeRecord) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, milliseconds(r.at))
	dst = binary.AppendVarint(dst, r.wall)
	if r.trusted {
		return append(dst, wallTrusted)
	}
	return append(dst, 0)
}

func decodeTime(b []byte) (r timeRecord, ok bool) {
	d := decoder{b: b}
	r.at, r.wall = d.millis(), d.varint()
	r.trusted = d.byte()&wallTrusted != 0
	return r, !d.bad
}

// runRecord is a session and a run of ordinals.
type runRecord struct{ session, first, count uint64 }

func (r *runRecord) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, r.session)
	dst = binary.AppendUvarint(dst, r.first)
	return binary.AppendUvarint(dst, r.count)
}

func decodeRun(b []byte) (r runRecord, ok bool) {
	d := decoder{b: b}
	r = runRecord{d.uvarint(), d.uvarint(), d.uvarint()}
	return r, !d.bad && r.first+r.count >= r.first
}

// factRecord sets or deletes a fact. Its bytes alias the record.
type factRecord struct {
	space      byte
	key, value []byte
}

func appendFact(dst []byte, space byte, key string, value []byte) []byte {
	dst = appendString(append(dst, space), key)
	return append(dst, value...)
}

func decodeFact(b []byte) (r factRecord, ok bool) {
	d := decoder{b: b}
	r.space, r.key = d.byte(), d.bytes()
	r.value = d.b
	return r, !d.bad
}

// eachRecord yields the records of a batch; ok becomes false when they are malformed.
func eachRecord(b []byte, ok *bool) iter.Seq2[byte, []byte] {
	return func(yield func(byte, []byte) bool) {
		*ok = true
		for len(b) > 0 {
			typ, body, rest, whole := slotlog.CutRecord(b)
			if !whole {
				*ok = false
				return
			}
			if !yield(typ, body) {
				return
			}
			b = rest
		}
	}
}
