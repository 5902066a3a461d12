// Package server is the door of the broker: it accepts Network Connections,
// lets Clients in and turns their Control Packets into calls of a
// broker.Session and back, for MQTT 3.1, 3.1.1 and 5.0.
//
// Vocabulary: a listener takes Network Connections at one address, with its own
// TLS settings and its own rule who may come in. A conn is one Network Connection.
// An acknowledgement waits for its receipt, the point in the log at which what it
// confirms is durable. The turn is the right to write to a connection: whoever has
// it writes, everybody else only leaves word that there is more.
//
// Guarantees:
//   - CONNACK, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK and UNSUBACK leave after
//     their receipt is durable, and in the order in which they came to be owed
//     (section 4.6). When the store fails they do not leave at all and the
//     connection is closed.
//   - A publisher never waits for a subscriber: what it does for others at the end of
//     its input is one attempt to write that does not block.
//   - No input, however malformed, ends more than the connection that it came on.
//   - Run returns within Limits.Shutdown and leaves no goroutine, whatever Clients do.
//
// How a connection costs little: one goroutine reads, parked without a buffer while
// there is nothing to read; the writer is a goroutine that exists while a
// socket is full or the committer has news. Keep-alive is one deadline per
// connection that is set anew when it strikes, not with each packet.
//
// Limits: memory per connection is bounded by what a Client may send before it must
// wait (Limits.Pending), one buffer of 64 KiB and one packet in each direction. Topic Aliases are
// taken from Clients but not yet used towards them; enhanced authentication and shared
// subscriptions are refused; there is no access control list yet.
package server
