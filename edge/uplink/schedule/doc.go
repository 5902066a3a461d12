// Package schedule decides when a link is wanted.
//
// # Vocabulary
//
// A gate is open while its link is wanted: always, on demand (while something waits that may go over the link), or timed (now and then,
// and on demand for some classes). A stay is how long a timed session stands at least. The offset is a part of the interval that is the
// gateway's own, so that the gateways of a fleet do not connect in the same second.
//
// # Guarantees
//
// Pure: time is what [Gate.Look] is told. A timed gate opens at multiples of its interval by the date in UTC, plus its offset, as sensors
// are read; what was missed is left out; a clock that is set, forward or back, aligns it anew. An open gate does not close before all
// is acknowledged that waited at the end of the stay; what comes after that waits for the next time, or holds the gate open too where a
// session that stands costs nothing. A gate closes for half of the interval when it cannot
// connect, and one on demand stays open until what waits has gone.
//
// # Limits
//
// What comes from the Server is not known before it comes: it has the stay, or a few seconds of silence on demand, and then waits in the
// session upstream until the next time.
package schedule
