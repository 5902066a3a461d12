package queue

// state of a delivery.
type state uint8

const (
	waiting  state = iota // not sent yet, or sent and not answered
	received              // PUBREC came: only PUBREL is left
	done
)

// entry is a delivery in memory.
type entry struct {
	m       *Message
	owed    *logTarget // its target in it; nil if it was read from the log
	it      *item
	ordinal uint64
	gate    Receipt // QoS 2 to a durable session: may be sent when resolved
	rec     Receipt // of the PUBREC: PUBREL may be sent when resolved
	ids     []uint32
	size    int32
	state   state
	qos     byte
	retain  bool
	dup     bool
	counted bool // takes one of Receive Maximum
}

// ring is a queue of entries that grows, and shrinks when it has been empty and seldom full for a while: a
// connection under load empties its ring with each batch, and must not pay for a new one each time.
type ring struct {
	buf  []entry // length is a power of two
	head int
	n    int
	peak int // most entries since it was empty
	calm int // how often in a row it became empty without having needed half its room
}

const (
	smallRing = 8
	keptRing  = 128 // a larger one is given back as soon as it is empty
	calmTurns = 64
)

func (r *ring) len() int { return r.n }

func (r *ring) at(i int) *entry { return &r.buf[(r.head+i)&(len(r.buf)-1)] }

func (r *ring) push(e entry) {
	if r.n == len(r.buf) {
		r.resize(max(smallRing, 2*r.n))
	}
	r.n++
	r.peak = max(r.peak, r.n)
	*r.at(r.n - 1) = e
}

func (r *ring) pop() entry {
	e := *r.at(0)
	*r.at(0) = entry{}
	r.head = (r.head + 1) & (len(r.buf) - 1)
	r.n--
	if r.n == 0 {
		r.emptied()
	}
	return e
}

func (r *ring) emptied() {
	if r.calm++; 2*r.peak > len(r.buf) {
		r.calm = 0
	}
	r.peak = 0
	switch {
	case len(r.buf) > keptRing:
		*r = ring{}
	case r.calm >= calmTurns && len(r.buf) > smallRing:
		r.resize(len(r.buf) / 2)
		r.calm = 0
	}
}

// release gives the memory of an empty ring back.
func (r *ring) release() {
	if r.n == 0 {
		*r = ring{}
	}
}

func (r *ring) resize(n int) {
	buf := make([]entry, n)
	for i := range r.n {
		buf[i] = *r.at(i)
	}
	r.buf, r.head = buf, 0
}

// keep removes the entries for which f is false.
func (r *ring) keep(f func(*entry) bool) {
	kept := 0
	for i := range r.n {
		e := r.at(i)
		if f(e) {
			if kept != i {
				*r.at(kept) = *e
			}
			kept++
		}
	}
	for i := kept; i < r.n; i++ {
		*r.at(i) = entry{}
	}
	r.n = kept
}
