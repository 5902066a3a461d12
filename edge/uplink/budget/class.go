package budget

// Class is what bytes are spent on.
type Class uint8

// The classes of streams, and what belongs to none of them.
const (
	Alarm    Class = iota // first, and may use the reserve
	State                 // the latest value of each topic
	Live                  // as it comes
	Backfill              // the old backlog
	Overhead              // connecting, keep-alive, names, acknowledgements of what comes in
	classes
)

// Classes is how many there are.
const Classes = int(classes)

func (c Class) String() string {
	switch c {
	case Alarm:
		return "alarm"
	case State:
		return "state"
	case Live:
		return "live"
	case Backfill:
		return "backfill"
	case Overhead:
		return "overhead"
	}
	return "unknown"
}

// Tally counts by class: bytes, or messages.
type Tally [Classes]int64

// Sum is all of it.
func (t Tally) Sum() (sum int64) {
	for _, n := range t {
		sum = plus(sum, n)
	}
	return sum
}

// Regular is what comes again: everything but the backlog, which is drained once.
func (t Tally) Regular() int64 { return t.Sum() - t[Backfill] }

// add counts n, and takes a class that does not exist for overhead.
func (t *Tally) add(c Class, n int64) {
	if c >= classes {
		c = Overhead
	}
	t[c] = plus(t[c], n)
}
