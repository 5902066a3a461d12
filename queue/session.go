package queue

import (
	"sort"
	"sync"

	"skerry/queue/slotlog"
)

// A Session is the delivery state of one broker session, durable or volatile: one state machine for both. It starts
// suspended.
//
// What waits is in three places, in this order: in flight (sent and not complete), the ring, and, for a durable
// session whose ring overflowed, the log from a cursor on.
type Session struct {
	s       *Store
	number  uint64
	durable bool
	o       SessionOptions

	mu        sync.Mutex
	waker     Waker
	connected bool
	ended     bool
	quota     int // Receive Maximum of the connection
	unacked   int // how much of it is taken

	next   uint64 // the ordinal the next message gets
	pulled uint64 // all ordinals below are in flight or complete
	flight ring
	resend int // first in flight that this connection has not been given
	ring   ring
	bytes  int // of both

	spilled bool   // everything from `want` on is in the log
	want    uint64 // and not in the ring
	cursor  slotlog.Position
	filling bool

	// What replay left.
	complete spans  // acknowledged, not reached yet by the cursor
	released spans  // PUBREC came
	sweeps   spans  // skipped after a loss of power: PUBREL frees what the receiver may hold under their packet ids
	dupBelow uint64 // may have been sent before the restart
	second   bool   // QoS 2 was ever queued

	dirty   bool // acknowledgements to be written
	reuse   reuse
	blocked bool // by reuse, until the acknowledgements are durable
	parked  bool // waits for a receipt; see work
	held    map[uint16]held
}

const (
	mostWindow     = 1024
	defaultRing    = 1024
	defaultBytes   = 512 << 10
	offlineBytes   = 32 << 10
	lastPacketID   = 65535
	volatileNumber = 1 << 63 // session numbers of volatile sessions start here
)

func (o SessionOptions) withDefaults() SessionOptions {
	if o.PacketIDs.First == 0 {
		o.PacketIDs.First = 1
	}
	if most := uint16(lastPacketID - o.PacketIDs.First + 1); o.PacketIDs.Count == 0 || o.PacketIDs.Count > most {
		o.PacketIDs.Count = most
	}
	if o.Window <= 0 || o.Window > mostWindow {
		o.Window = mostWindow
	}
	if o.RingMessages <= 0 {
		o.RingMessages = defaultRing
	}
	if o.RingBytes <= 0 {
		o.RingBytes = defaultBytes
	}
	return o
}

func newSession(s *Store, number uint64, durable bool, o SessionOptions) *Session {
	return &Session{s: s, number: number, durable: durable, o: o.withDefaults(), next: 1, pulled: 1}
}

// NewVolatile makes a session that lives in memory only and is bounded: when its ring is full, QoS 0 is dropped
// first.
func (s *Store) NewVolatile(o SessionOptions) *Session {
	return newSession(s, volatileNumber+s.volatiles.Add(1), false, o)
}

// Number names the session. That of a durable one is never used again.
func (x *Session) Number() uint64 { return x.number }

// Durable tells whether the session survives a restart.
func (x *Session) Durable() bool { return x.durable }

// PacketIDs is the range that was given when the session was made.
func (x *Session) PacketIDs() Range { return x.o.PacketIDs }

// SetWaker sets who is told when deliveries have become available that Next could not give before.
func (x *Session) SetWaker(w Waker) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.waker = w
}

func (x *Session) wake() {
	x.mu.Lock()
	w := x.waker
	x.mu.Unlock()
	if w != nil {
		w.Wake()
	}
}

// Resume says that a connection is there: everything unacknowledged is delivered again, in order. receiveMaximum 0
// means 65535.
func (x *Session) Resume(receiveMaximum uint16) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.connected, x.quota, x.unacked, x.resend = true, int(receiveMaximum), 0, 0
	if receiveMaximum == 0 {
		x.quota = lastPacketID
	}
	for i := range x.flight.len() {
		x.flight.at(i).counted = false
	}
	x.askFill()
}

// Suspend says that the connection is gone: QoS 0 is no longer queued.
func (x *Session) Suspend() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.connected = false
	x.ring.keep(func(e *entry) bool {
		if e.qos == 0 {
			x.bytes -= int(e.size)
		}
		return e.qos != 0
	})
	x.ring.release()
	x.flight.release()
}

// Queued is how many deliveries wait in memory, not yet handed out.
func (x *Session) Queued() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.ring.len()
}

// Unfinished is how many deliveries of QoS 1 and 2 the session owes: in flight, waiting, or on the disk, and not
// acknowledged. Unlike Waiting it does not depend on a connection or on what has been read back from the log.
// Expired messages count until their turn comes.
func (x *Session) Unfinished() uint64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.passHoles()
	n := uint64(0)
	for i := range x.flight.len() {
		if x.flight.at(i).state != done {
			n++
		}
	}
	for _, s := range x.complete.gaps(x.pulled, x.next) {
		n += s.to - s.from
	}
	return n
}

// passHoles takes ordinals that no message has for complete, when nothing waits.
func (x *Session) passHoles() {
	if !x.spilled && x.ring.len() == 0 && len(x.sweeps) == 0 {
		x.pulled = x.next
	}
}

// Drop ends a volatile session. Durable ones end through Batch.End.
func (x *Session) Drop() {
	if x.durable {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.end()
}

// end forgets everything. Messages on their way to the disk keep this session as a target: its end may be lost,
// they must not be.
func (x *Session) end() {
	x.flight, x.ring = ring{}, ring{}
	x.ended, x.connected, x.spilled, x.bytes, x.resend = true, false, false, 0, 0
	x.held, x.sweeps, x.complete, x.released = nil, nil, nil, nil
}

// packetID of an ordinal: derived, so that no record of sending is needed and a restart gives the same one.
func (x *Session) packetID(ordinal uint64) uint16 {
	return x.o.PacketIDs.First + uint16((ordinal-1)%uint64(x.o.PacketIDs.Count))
}

// inFlight finds a delivery by its packet id. All ordinals in flight are within one turn of the ids.
func (x *Session) inFlight(packetID uint16) *entry {
	if x.flight.len() == 0 || packetID < x.o.PacketIDs.First {
		return nil
	}
	count, first := uint64(x.o.PacketIDs.Count), x.flight.at(0).ordinal
	turn := uint64(packetID - x.o.PacketIDs.First)
	if turn >= count {
		return nil
	}
	ordinal := first + (turn+count-(first-1)%count)%count
	i := sort.Search(x.flight.len(), func(i int) bool { return x.flight.at(i).ordinal >= ordinal })
	if i == x.flight.len() || x.flight.at(i).ordinal != ordinal || x.flight.at(i).state == done {
		return nil
	}
	return x.flight.at(i)
}
