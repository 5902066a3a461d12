package queue

// state of a delivery.
type state uint8

const (
	waiting  state = iota // not sent yet, or sent and not answered
	received              // PUBREC came: only PUBREL is left; the message is there as long as it is kept, see KeepReceived
	done
	taken // of a share: bound to a member at QoS 2, see share.go
)

// entry is a delivery in memory.
type entry struct {
	m       *Message
	owed    *logTarget // its target in it; nil if it was read from the log
	it      *item
	ordinal uint64
	gate    Receipt // QoS 2 to a durable session: may be sent when resolved
	rec     Receipt // of the PUBREC: PUBREL may be sent when resolved; of a share: see state taken
	ids     []uint32
	size    int32
	weight  uint32 // of a message of which only PUBREL is left
	state   state
	qos     byte
	retain  bool
	dup     bool
	counted bool // takes one of Receive Maximum; of a share: a member has it
	lent    bool // drawn from a share, which still answers for it
}

// ring is a queue of entries that grows, and shrinks when it has been empty and seldom full for a while: a
// connection under load empties its ring with each batch, and must not pay for a new one each time.
type ring struct {
	buf  []entry // length is a power of two
	head int32
	n    int32
	peak int32 // most entries since it was empty
	calm int32 // how often in a row it became empty without having needed half its room
}

const (
	smallRing = 8
	keptRing  = 128 // a larger one is given back as soon as it is empty
	calmTurns = 64
)

func (r *ring) len() int { return int(r.n) }

func (r *ring) at(i int) *entry { return &r.buf[(int(r.head)+i)&(len(r.buf)-1)] }

func (r *ring) push(e entry) {
	if r.len() == len(r.buf) {
		r.resize(max(smallRing, 2*len(r.buf)))
	}
	r.n++
	r.peak = max(r.peak, r.n)
	*r.at(r.len() - 1) = e
}

func (r *ring) pop() entry {
	e := *r.at(0)
	*r.at(0) = entry{}
	r.head = (r.head + 1) & int32(len(r.buf)-1)
	r.n--
	if r.n == 0 {
		r.emptied()
	}
	return e
}

// take removes entry i. The others keep their order.
func (r *ring) take(i int) entry {
	e := *r.at(i)
	for ; i > 0; i-- {
		*r.at(i) = *r.at(i - 1)
	}
	r.pop()
	return e
}

func (r *ring) emptied() {
	if r.calm++; 2*int(r.peak) > len(r.buf) {
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

// compact gives memory back that the ring does not need now.
func (r *ring) compact() {
	if r.n == 0 {
		*r = ring{}
		return
	}
	room := smallRing
	for room < r.len() {
		room *= 2
	}
	if room < len(r.buf) {
		r.resize(room)
	}
}

// within counts the first entries whose messages fit into so many bytes, and takes those off.
func (r *ring) within(left *int) (n int) {
	for ; n < r.len() && int(r.at(n).size) <= *left; n++ {
		*left -= int(r.at(n).size)
	}
	return n
}

// cut leaves the first n entries.
func (r *ring) cut(n int) {
	for i := n; i < r.len(); i++ {
		*r.at(i) = entry{}
	}
	r.n = int32(n)
}

func (r *ring) resize(n int) {
	buf := make([]entry, n)
	for i := range r.len() {
		buf[i] = *r.at(i)
	}
	r.buf, r.head = buf, 0
}

// keep removes the entries for which f is false.
func (r *ring) keep(f func(*entry) bool) {
	kept := 0
	for i := range r.len() {
		e := r.at(i)
		if f(e) {
			if kept != i {
				*r.at(kept) = *e
			}
			kept++
		}
	}
	for i := kept; i < r.len(); i++ {
		*r.at(i) = entry{}
	}
	r.n = int32(kept)
}
