package queuetest

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"skerry/queue"
	"skerry/queue/vfs"
)

// Plan of one run.
type Plan struct {
	Seed       uint64
	Cuts       []Cut // one for each boot
	Steps      int   // random steps in each boot
	Fate       vfs.Fate
	Lie        int         // so many operations before a cut Sync begins to do nothing: what was acknowledged may be lost, nothing later
	Faults     int         // one of so many writes and syncs fails; 0: none
	ReadFaults int         // one of so many reads fails; 0: none. What was acknowledged before may be lost then, nothing later
	Capacity   int64       // bytes of the disk; 0: no limit
	PacketIDs  queue.Range // of the subscribers; a few make them wrap
	Window     int
	Slow       bool         // the last subscriber hardly ever connects: it holds old segments while others drain
	Limits     queue.Limits // of each subscriber's session
	Expiry     bool         // some messages have an expiry, and the wall clock is often wrong
	Twins      bool         // some starts are compared with what they were without one or both checkpoints
	Shares     bool         // a share with three members gets everything too
	Late       bool         // some subscribers pass a QoS 2 message on when it is released, and lose their sessions now and then
	Moves      bool         // some starts are those of an import of what was exported
	Options    queue.Options
	Trace      func(format string, args ...any) // what happens, for a person; nil: nobody wants to know
}

// lossy tells whether acknowledged messages may be gone after a restart.
func (p *Plan) lossy() bool { return p.Lie > 0 || p.ReadFaults > 0 }

// A Cut ends a boot.
type Cut struct {
	At   int  // the operation of the disk, counted from the opening; 0: after all steps
	Kill bool // only the process goes: what was written stays, but may still be lost later
}

// Cuts writes cuts as ParseCuts reads them: "12,40k,0".
func Cuts(cuts []Cut) string {
	parts := make([]string, len(cuts))
	for i, c := range cuts {
		parts[i] = strconv.Itoa(c.At)
		if c.Kill {
			parts[i] += "k"
		}
	}
	return strings.Join(parts, ",")
}

// ParseCuts reads what Cuts wrote.
func ParseCuts(s string) (cuts []Cut, err error) {
	for part := range strings.SplitSeq(s, ",") {
		number, kill := strings.CutSuffix(part, "k")
		at, err := strconv.Atoi(number)
		if err != nil {
			return nil, fmt.Errorf("cut %q: %w", part, err)
		}
		cuts = append(cuts, Cut{at, kill})
	}
	return cuts, nil
}

// Result says what a run met, so that a test can see that it met what it was made for.
type Result struct {
	Ops         []int // operations of the disk in each boot
	Segments    int   // most that were in use at once
	Freed       int   // segments
	Left        int   // most slots when nothing was owed
	Checkpoints int
	Unreadable  int // checkpoints, found at starts
	Dropped     uint64
	Again       int // deliveries that were begun anew, because a subscriber had lost its session
	Refused     int // publishes answered with ErrFull
	Busy        int // and with ErrBusy, to make room
	Expired     uint64
	Twins       int // starts that were compared
	Lied        int // starts that said that the disk had lied
	Truncated   int // starts that cut a torn group off
	Moved       int // messages that went through an export
}

// Add sums up.
func (r *Result) Add(o Result) {
	r.Ops = nil
	r.Segments = max(r.Segments, o.Segments)
	r.Freed += o.Freed
	r.Left = max(r.Left, o.Left)
	r.Checkpoints += o.Checkpoints
	r.Unreadable += o.Unreadable
	r.Dropped += o.Dropped
	r.Refused += o.Refused
	r.Again += o.Again
	r.Busy += o.Busy
	r.Expired += o.Expired
	r.Twins += o.Twins
	r.Moved += o.Moved
	r.Lied += o.Lied
	r.Truncated += o.Truncated
}

// epoch is the date at which every world begins.
var epoch = time.Date(2031, time.March, 1, 0, 0, 0, 0, time.UTC)
