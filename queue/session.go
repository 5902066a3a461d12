package queue

import (
	"sort"
	"sync"
	"time"

	"skerry/queue/slotlog"
)

// A Session is the delivery state of one broker session, durable or volatile: one state machine for both. It starts
// suspended.
//
// What waits is in three places, in this order: in flight (sent and not complete), the ring, and, for a durable
// session whose ring overflowed, the log from a cursor on.
type Session struct {
	s      *Store
	number uint64
	o      *SessionOptions // sessions in memory with the same ones share them

	mu      sync.Mutex
	waker   Waker
	quota   int // Receive Maximum of the connection
	unacked int // how much of it is taken

	durable   bool
	connected bool
	ended     bool
	spilled   bool // everything from `want` on is in the log
	filling   bool
	seek      bool // the ring is filled also without a connection, because what is in it may have expired
	overdue   bool // the first of the ring is to be dropped under the lock of the store
	dirty     bool // acknowledgements to be written
	blocked   bool // by reuse, until the acknowledgements are durable
	parked    bool // waits for a receipt; see work

	// What replay left.
	second bool // QoS 2 was ever queued
	hurt   bool // messages may have been lost to damage: ordinals without a message are swept
	doubt  bool // the log has no message of it, and ordinals were skipped: it may have forgotten some

	next   uint64 // the ordinal the next message gets
	pulled uint64 // all ordinals below are in flight or complete
	want   uint64 // of what has spilled, not in the ring
	flight ring
	resend int // first in flight that this connection has not been given
	ring   ring
	bytes  int // of both

	held map[uint16]held

	load   load            // what is owed
	drops  *Drops          // since it was made; nil: none
	loans  map[uint64]loan // deliveries drawn from shares, by ordinal here; nil for most sessions
	shared *share          // what only a share has
	*onDisk
}

// onDisk is what only a durable session has, and nil in others: there are thousands of those where many clients are connected.
type onDisk struct {
	complete spans  // acknowledged, not reached yet by the cursor
	released spans  // PUBREC came, and the message is not needed any more
	kept     spans  // PUBREC came, and the message is kept until PUBCOMP; of these, what is not in memory
	sweeps   spans  // skipped after a loss of power: PUBREL frees what the receiver may hold under their packet ids
	dupBelow uint64 // may have been sent before the restart
	base     uint64 // all ordinals below were durably complete at the restart
	reuse    reuse
	cursor   slotlog.Position
	place    place

	logged  load    // what was ever put into the log for it, acknowledged or not
	marks   []mark  // of the sealed segments that may hold what is owed, by segment
	cleared cleared // as the disk knows it
	keep    bool    // see KeepReceived
	again   Receipt // of the latest record of Republish
	gave    Receipt // of the latest addition to released or kept
	given   load    // of it
	tallies []tally
	full    fullness
	marked  uint64        // how often acknowledgements were to be written, and ...
	written uint64        // ... how many of these times are on the disk
	byStore uint64        // messages refused because the store was full, since Open; they are in drops
	shed    time.Duration // when expired messages were last looked for, on the boot clock; 0: never
}

const (
	mostWindow     = 1024
	defaultRing    = 1024
	defaultBytes   = 512 << 10
	offlineBytes   = 32 << 10 // of a durable session without connection, unless Options say otherwise ...
	offlineTotal   = 32 << 20 // ... and of all of them
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
	x := &Session{s: s, number: number, durable: durable, next: 1, pulled: 1}
	if durable {
		own := o.withDefaults()
		x.o, x.onDisk = &own, &onDisk{reuse: reuse{base: 1}}
	} else {
		x.o = s.sameOptions(o.withDefaults())
	}
	if o.Shared {
		x.shared = &share{}
	}
	return x
}

// sameOptions is o, in the place where the last session in memory has it if it has the same.
func (s *Store) sameOptions(o SessionOptions) *SessionOptions {
	last := s.options.Load()
	if last == nil || *last != o {
		own := o
		last = &own
		s.options.Store(last)
	}
	return last
}

// shareOffline divides the memory for sessions without connection among all durable ones, under the lock of the store.
// Those who have more are cut when it has become half of what it was.
func (s *Store) shareOffline() {
	share := min(s.o.OfflineBytes, offlineTotal/max(1, len(s.sessions)))
	s.offline.Store(int32(share))
	if share >= s.shared/2 {
		s.shared = max(s.shared, share)
		return
	}
	s.shared = share
	for _, x := range s.sessions {
		x.mu.Lock()
		x.shrink()
		x.mu.Unlock()
	}
}

// share is how many bytes of messages a session without a connection may hold.
func (x *Session) share() int { return min(x.o.RingBytes, int(x.s.offline.Load())) }

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
	unsent := x.suspend()
	for _, u := range unsent {
		x.s.putBack(u)
	}
	if x.durable {
		x.s.suspended()
	}
}

func (x *Session) suspend() (unsent []unsent) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.connected = false
	if len(x.loans) > 0 {
		unsent = x.giveBack()
	}
	x.ring.keep(func(e *entry) bool {
		if e.qos == 0 {
			x.occupy(-e.size)
		}
		return e.qos != 0
	})
	x.shrink()
	return unsent
}

// Queued is how many deliveries wait in memory, not yet handed out.
func (x *Session) Queued() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.ring.len()
}

// Lost is how many of its deliveries fell to a limit. What has expired or was removed by hand was not lost to one.
func (x *Session) Lost() uint64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	d := x.dropped()
	return d.Lost()
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
	var complete spans
	if x.durable {
		complete = x.complete
	}
	for _, s := range complete.gaps(x.pulled, x.next) {
		n += s.to - s.from
	}
	return n
}

// NextOrdinal is the one that the next message of QoS 1 or 2 gets. Once messages are on the disk their ordinals are below it in any later run; what was
// not on the disk when the process ended may have had the same ones as what comes then.
func (x *Session) NextOrdinal() uint64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.next
}

// passHoles takes ordinals that no message has for complete, when nothing waits.
func (x *Session) passHoles() {
	if x.shared != nil {
		x.tidy()
	}
	if !x.spilled && x.ring.len() == 0 && !x.sweeping() {
		x.pulled = x.next
		if x.flight.len() == 0 {
			x.load = load{} // what damage has taken is not owed for ever
		}
	}
}

// Drop ends a volatile session. Durable ones end through Batch.End.
func (x *Session) Drop() {
	if x.durable {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.shared != nil {
		messages, _ := x.inMemory()
		x.s.drops[DroppedEnded].Add(messages)
	}
	x.end()
}

// end forgets everything. Messages on their way to the disk keep this session as a target: its end may be lost,
// they must not be.
func (x *Session) end() {
	if len(x.loans) > 0 {
		x.giveBack()
	}
	x.flight, x.ring = ring{}, ring{}
	x.occupy(int32(-x.bytes))
	x.ended, x.connected, x.spilled, x.resend = true, false, false, 0
	x.unholdAll()
	x.loans = nil
	if x.durable {
		x.sweeps, x.complete, x.released, x.kept = nil, nil, nil, nil
	}
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
