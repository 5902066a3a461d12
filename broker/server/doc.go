// Package server is the door of the broker: it accepts Network Connections, lets Clients in and turns their Control
// Packets into calls of a broker.Session and back, for MQTT 3.1, 3.1.1 and 5.0.
//
// Vocabulary: a listener takes Network Connections at one address, with its own TLS settings and its own rule who
// may come in. A conn is one Network Connection. An acknowledgement waits for its receipt, the point in the log at
// which what it confirms is durable. The turn is the right to write to a connection: whoever has it writes,
// everybody else only leaves word that there is more.
//
// Guarantees:
//   - CONNACK, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK and UNSUBACK leave after their receipt is durable, and in the
//     order in which they came to be owed (section 4.6). When the store fails they do not leave at all and the
//     connection is closed.
//   - A publisher never waits for a subscriber: what it does for others at the end of its input is one attempt to
//     write that does not block.
//   - No input, however malformed, ends more than the connection that it came on.
//   - Run returns soon after Limits.Shutdown and leaves no goroutine, whatever Clients do.
//
// The way of a message: a connection's goroutine reads up to 64 KiB and handles every packet in it; publishing hands
// the message to the sessions of its subscribers by reference and notes whom it has touched. When the input holds no
// complete packet any more, each touched connection is flushed once: its turn is asked for, what waits is taken in
// bulk, and one write goes out. If the turn is taken the other side looks once more; if the socket is full, or is
// none (TLS), a goroutine is started that may block and ends when nothing is left. The committer wakes a connection
// once per group of commits; that starts the same goroutine, and the acknowledgements whose receipts are durable
// leave in one write with the messages that were waiting.
//
// What a connection costs: one goroutine, parked without a buffer while there is nothing to read, about 7 KB in all
// with its session. Keep-alive is one deadline per connection that is set anew when it strikes, not with each packet.
//
// Limits: the memory of a connection is bounded by a read and a write buffer of 64 KiB, one packet in each direction,
// Limits.Pending for what waits for the disk or for the Client to read, and what package queue keeps for its
// session; before CONNECT it is 1 KiB and what has arrived of the packet. Topic Aliases are taken from Clients but
// not used towards them. Enhanced authentication and shared subscriptions are refused. There is no access control
// list: its places are publish, subscribe and deliver, each of which has one point where a message or a filter can be
// refused.
package server
