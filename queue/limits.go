package queue

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// A Policy says what gives way when a limit is reached. QoS 0 is never refused by any of them: nobody was promised
// anything.
type Policy uint8

const (
	// DropOldest drops what has waited longest and is not in flight.
	DropOldest Policy = iota
	// DropNewest does not take what comes; its publisher is told that it was taken.
	DropNewest
	// Reject answers ErrFull: the publisher keeps its message and may try again. One session that is full refuses the
	// message for all.
	Reject
)

var policies = [...]string{DropOldest: "drop-oldest", DropNewest: "drop-newest", Reject: "reject"}

// String is the policy as a configuration has it.
func (p Policy) String() string {
	if int(p) < len(policies) {
		return policies[p]
	}
	return fmt.Sprintf("Policy(%d)", uint8(p))
}

// Limits bound what waits, for one session or for the whole store. A zero field is no limit.
type Limits struct {
	Messages uint64        // deliveries of QoS 1 and 2 that are owed
	Bytes    uint64        // of a session: topic names, properties and payloads of those; of the store: files of the log
	Age      time.Duration // proven age, see Store.Since; older deliveries are dropped whatever the policy
	WhenFull Policy
}

// maxBytes is how much of the disk the log may take.
func (o *Options) maxBytes() int64 { return int64(min(o.Limits.Bytes, math.MaxInt64)) }

// ErrFull: a limit with the policy Reject is reached. Nothing was published. The error in the chain that says which is a
// *FullError.
var ErrFull = errors.New("the queue is full")

// A FullError says which limit refused a message.
type FullError struct {
	Session uint64 // its number; 0: the whole store
	Limit   string // "100000 messages", "256 MiB", "the disk"
}

// Error names the limit.
func (e *FullError) Error() string {
	if e.Session == 0 {
		return "the store is full: " + e.Limit
	}
	return fmt.Sprintf("session %d is full: %s", e.Session, e.Limit)
}

// Unwrap makes it an ErrFull.
func (e *FullError) Unwrap() error { return ErrFull }
