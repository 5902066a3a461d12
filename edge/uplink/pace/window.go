package pace

import (
	"sync"
	"time"
)

const (
	// least is the smallest window, in bytes: what a server that is asked for nothing else takes in one segment of TCP or two.
	least = 2 << 10
	// extra is what a window is larger than what the link holds, in bytes: some messages, also on a slow link.
	extra = 1000
	// first is the window of a new connection, in bytes: about what TCP sends before it has heard anything.
	first = 8 << 10
	// most is the largest window, in bytes.
	most = 4 << 20
	// rounds is how long a rate counts.
	rounds = 6
	// plateau is in how many rounds the rate must not have grown until the link is taken for full.
	plateau = 3
	// tripFades is how long the shortest round trip counts.
	tripFades = 5 * time.Minute
)

// Window is that of one connection. Its methods may be called by several goroutines; times are those of time.Now.
type Window struct {
	mu   sync.Mutex
	size int
	out  map[uint16]sent
	used int // bytes on their way

	acked   int       // bytes, since the beginning
	ackedAt time.Time // the last one
	sentAt  time.Time // when that one was sent

	full    bool // the link was
	grown   rate // when the window was last found to have grown
	stalled int  // rounds since

	round   round
	rates   [rounds]rate // the best of each of the last rounds
	trip    time.Duration
	tripAt  time.Time
	smooth  time.Duration
	varies  time.Duration
	limited bool // in this round there was more to send than room
}

// rate is in bytes per second.
type rate float64

// round is a round that goes on until what is sent after it began is acknowledged.
type round struct {
	number int
	end    int // Window.acked when it began: it is over with the first that was sent since
}

// sent is a message on its way.
type sent struct {
	bytes   int
	at      time.Time
	acked   int // Window.acked then
	ackedAt time.Time
	first   time.Time // when the one was sent that had been acknowledged last
}

// New makes the window of a new connection.
func New() *Window { return &Window{size: first, out: map[uint16]sent{}} }

// Room is how many bytes may be sent now. As long as that is more than 0 another message may be sent, however large it is. asks tells that there is something to send.
func (w *Window) Room(asks bool) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	room := w.size - w.used
	if room <= 0 && asks {
		w.limited = true
	}
	return max(room, 0)
}

// Size is how many bytes may be on their way.
func (w *Window) Size() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.size
}

// Sent notes that a message was written.
func (w *Window) Sent(id uint16, bytes int, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if old, again := w.out[id]; again {
		w.used -= old.bytes
	}
	if w.used == 0 {
		w.ackedAt, w.sentAt = now, now // the silence before says nothing about the link
	}
	w.out[id] = sent{bytes, now, w.acked, w.ackedAt, w.sentAt}
	w.used += bytes
}

// Acked notes that the Server has taken a message, or has refused it. One that was not sent is none.
func (w *Window) Acked(id uint16, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s, ok := w.out[id]
	if !ok {
		return
	}
	delete(w.out, id)
	w.used -= s.bytes
	w.acked += s.bytes
	w.ackedAt, w.sentAt = now, s.at
	w.measure(s, now)
	if s.acked >= w.round.end {
		w.nextRound()
	}
	w.resize(s.bytes)
}

// measure learns from one acknowledgement.
func (w *Window) measure(s sent, now time.Time) {
	trip := now.Sub(s.at)
	if w.trip == 0 || trip <= w.trip || now.Sub(w.tripAt) > tripFades {
		w.trip, w.tripAt = trip, now
	}
	if w.smooth == 0 {
		w.smooth, w.varies = trip, trip/2
	} else { // RFC 6298, 2.3
		w.varies += (abs(w.smooth-trip) - w.varies) / 4
		w.smooth += (trip - w.smooth) / 8
	}
	// Acknowledgements that were held up come in a burst: they came no faster than what they answer was sent.
	if took := max(now.Sub(s.ackedAt), s.at.Sub(s.first)); took > 0 {
		if r := rate(float64(w.acked-s.acked) / took.Seconds()); r > w.rates[w.round.number%rounds] {
			w.rates[w.round.number%rounds] = r
		}
	}
}

// nextRound ends a round. One in which the window was not used up leaves what was known of the link as it is.
func (w *Window) nextRound() {
	best := w.best()
	w.round.end = w.acked
	if !w.limited {
		return
	}
	w.limited = false
	if !w.full {
		if w.stalled++; best >= w.grown*5/4 {
			w.grown, w.stalled = best, 0
		}
		w.full = w.stalled >= plateau || w.smooth > 2*w.trip
	}
	w.round.number++
	w.rates[w.round.number%rounds] = 0
}

// best is the highest rate that counts: that of the last rounds, or of this and the one before if acknowledgements take so long that the link
// must have become slower.
func (w *Window) best() (best rate) {
	n := rounds
	if w.smooth > 3*w.trip {
		n = 2
	}
	for i := range min(n, w.round.number+1) {
		best = max(best, w.rates[(w.round.number-i)%rounds])
	}
	return best
}

// resize sets the window after so many bytes were acknowledged.
func (w *Window) resize(acked int) {
	switch {
	case w.full:
		w.size = int(float64(w.best())*w.trip.Seconds()*9/8) + extra
	case w.limited:
		w.size += acked
	}
	w.size = min(max(w.size, least), most)
}

// Largest is the Packet Identifier of the largest message on its way; 0: none is.
func (w *Window) Largest() (id uint16) {
	w.mu.Lock()
	defer w.mu.Unlock()
	bytes := 0
	for one, s := range w.out {
		if s.bytes > bytes {
			id, bytes = one, s.bytes
		}
	}
	return id
}

// Trip is how long an acknowledgement takes: smoothed, and how much that varies. 0: none has come yet.
func (w *Window) Trip() (smoothed, varies time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.smooth, w.varies
}

// State is what a window has found out.
type State struct {
	Size, Used int           // bytes
	Rate       float64       // bytes of messages per second that the link has carried; 0: not known
	Shortest   time.Duration // round trip
	Full       bool          // the link was full at times; else its rate may be higher
}

// State tells what was found out.
func (w *Window) State() State {
	w.mu.Lock()
	defer w.mu.Unlock()
	return State{w.size, w.used, float64(w.best()), w.trip, w.full}
}

func abs(d time.Duration) time.Duration { return max(d, -d) }
