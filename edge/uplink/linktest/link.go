package linktest

import (
	"math/rand/v2"
	"sync"
	"syscall"
	"time"
)

const (
	segmentSize   = 1448 // bytes of payload
	headers       = 52   // IPv4 20, TCP 20, timestamps 12
	handshake     = 60   // SYN and SYN-ACK: no payload, more options
	defaultBuffer = 64 << 10
	defaultGiveUp = 15 * time.Minute // of Linux: tcp_retries2
)

// Options of a Link. The zero value is a link without any limit.
type Options struct {
	Up, Down Conditions
	NAT      NAT
	Buffer   int           // bytes that an end holds unacknowledged, and that the other end holds unread; 0: 64 KiB
	GiveUp   time.Duration // after so long without an acknowledgement a connection ends with ETIMEDOUT; 0: 15 min
	Seed     uint64        // of losses and jitter
}

// Conditions are those of one direction.
type Conditions struct {
	Rate   int64         // bit/s, headers included; 0: no limit
	Delay  time.Duration // one way
	Jitter time.Duration // up to so much more, evenly spread
	Loss   float64       // 0..1: part of the segments that is lost
}

// NAT is the memory of an address translator. A packet of either direction keeps a connection alive: with TCP it makes no difference
// whether those down count, because an acknowledgement up follows.
type NAT struct {
	Idle  time.Duration // after so long without a packet a connection is forgotten, for good; 0: never
	Reset bool          // what is written up then is answered by RST; false: it vanishes
}

// Count sums up one direction. Bytes are those of IP packets.
type Count struct {
	Packets int64 // pure acknowledgements and repeated segments included
	Bytes   int64
	Payload int64 // of it, each byte once
	Lost    int64 // of the packets
}

// Sub is what came since an earlier count.
func (c Count) Sub(o Count) Count {
	return Count{c.Packets - o.Packets, c.Bytes - o.Bytes, c.Payload - o.Payload, c.Lost - o.Lost}
}

// A Link is the way to a server. Its methods may be called from several goroutines.
type Link struct {
	options Options

	mu       sync.Mutex
	changed  *sync.Cond // of mu: something that somebody may wait for
	up, down way
	chance   *rand.Rand
	hole     bool
	stalled  bool
	isDown   bool // the interface
	refuses  bool
	dials    int
	pairs    []*pair
	waiting  []*end // connections that nobody has accepted yet
	closed   bool   // the listener
}

// way is one direction of a Link.
type way struct {
	c     Conditions
	count Count
	free  time.Time // when what was written so far will have left
}

// New makes a link.
func New(o Options) *Link {
	if o.Buffer <= 0 {
		o.Buffer = defaultBuffer
	}
	if o.GiveUp <= 0 {
		o.GiveUp = defaultGiveUp
	}
	l := &Link{options: o, up: way{c: o.Up}, down: way{c: o.Down}, chance: rand.New(rand.NewPCG(o.Seed, 0))}
	l.changed = sync.NewCond(&l.mu)
	return l
}

// with changes the link and has all connections look what follows.
func (l *Link) with(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
	for _, p := range l.pairs {
		p.up.advance()
		p.down.advance()
	}
	l.changed.Broadcast()
}

// Counts are the sums of both directions so far.
func (l *Link) Counts() (up, down Count) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.up.count, l.down.count
}

// Dials is how often somebody has dialled.
func (l *Link) Dials() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dials
}

// Change sets the conditions; they hold for what is written from now on.
func (l *Link) Change(up, down Conditions) {
	l.with(func() { l.up.c, l.down.c = up, down })
}

// BlackHole has everything vanish, without any event, or pass again.
func (l *Link) BlackHole(on bool) { l.with(func() { l.hole = on }) }

// Stall sets both directions to 0 bit/s, without any event. What was written waits, and leaves when it ends, with false.
func (l *Link) Stall(on bool) {
	l.with(func() {
		resumed := l.stalled && !on
		l.stalled = on
		for _, p := range l.pairs {
			if resumed {
				p.up.leaveAgain()
				p.down.leaveAgain()
			}
		}
	})
}

// SetUp sets the dialler's interface up or down. Down, dialling fails at once, and connections stand still: their sockets are told nothing.
func (l *Link) SetUp(up bool) { l.with(func() { l.isDown = !up }) }

// Refuse has nobody listen at the server's address, so that dialling is refused; or lets it pass again.
func (l *Link) Refuse(on bool) { l.with(func() { l.refuses = on }) }

// Forget has the NAT forget all connections now.
func (l *Link) Forget() {
	l.with(func() {
		for _, p := range l.pairs {
			p.forgotten = true
		}
	})
}

// Cut ends all connections by RST to both ends.
func (l *Link) Cut() {
	l.with(func() {
		for _, p := range l.pairs {
			p.near.fail(syscall.ECONNRESET)
			p.far.fail(syscall.ECONNRESET)
		}
		l.pairs = nil
	})
}

// Close ends everything: the listener, and all connections at both ends, those too of which one end knows nothing yet. A test in a bubble
// ends with it, because a server may still read from a connection that its client has left.
func (l *Link) Close() {
	l.with(func() { l.closed = true })
	l.Cut()
}

// Rehome is a change of the dialler's address: what connections there are stand still for good, new ones can be made.
func (l *Link) Rehome() {
	l.with(func() {
		for _, p := range l.pairs {
			p.homeless = true
		}
	})
}

// sent counts a packet. l.mu is held.
func (w *way) sent(payload, head int) {
	w.count.Packets++
	w.count.Bytes += int64(payload + head)
}

// leaves takes the time to send a packet, and tells when it will have left.
func (w *way) leaves(now time.Time, size int) time.Time {
	if w.free.Before(now) {
		w.free = now
	}
	if w.c.Rate > 0 {
		w.free = w.free.Add(time.Duration(float64(size) * 8 / float64(w.c.Rate) * float64(time.Second)))
	}
	return w.free
}

// roundTrip is that of an empty packet.
func (l *Link) roundTrip() time.Duration { return l.up.c.Delay + l.down.c.Delay }
