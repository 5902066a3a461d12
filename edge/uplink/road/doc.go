// Package road decides which of the links of an uplink is used.
//
// # Vocabulary
//
// A link is one way to the Servers upstream; the links stand in order of preference. A session is an MQTT connection that carries
// messages; there is one at a time, on the link in use. A link is dialled before it is taken: TCP and TLS stand on the new link while
// the session on the old one goes on, and only then does the session move. Fail-over is going to a link of less preference, fail-back
// returning to one of more. A turn is the head start that a link has before one of less preference is dialled as well.
//
// # States
//
// ABSENT (no such interface), DOWN, CARRIER (no address yet), ADDRESSED (could be dialled), CONNECTING, ONLINE, DEGRADED.
//
// # Guarantees
//
// A [Road] is a pure machine: it starts nothing, and time is what it is told. Events go in, [Road.Next] says what is to be done; the same
// events give the same steps, but for the random part of the waits. At most one link is in use, and [Take] comes only when the session
// before it has ended. A link that was lost, or failed, is returned to only when it has stood for 120 s since, twice as long for each
// return that did not last, or that no Server accepted; a link that works is never left for one of less preference unless it was degraded for 2 minutes.
// Attempts are spread by decorrelated jitter, per link, within a budget of bytes; the address of an interface coming back, and an alarm,
// skip the wait, each link at most once a minute.
//
// # Limits
//
// The kernel does not say whether anything is behind an interface: a link on which nothing passes is found out by an attempt, or by
// the acknowledgements that do not come.
package road
