// Package server is the door of the broker: it accepts Network Connections, lets Clients in and turns their Control
// Packets into calls of a broker.Session and back, for MQTT 3.1, 3.1.1 and 5.0.
//
// Vocabulary: a listener takes Network Connections at one address, by TCP, TLS, WebSocket or a Unix socket, with its own
// certificates, limits and rule who may come in. A conn is one Network Connection, a stream one that is a WebSocket. An acknowledgement waits for its receipt, the point in the log at
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
//   - Connections that send no CONNECT shut out nobody but others of their own address.
//   - A listener that takes no connections any more, for whatever reason, is found out by Accepting.
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
// What is counted (Traffic) is counted in plain numbers by the one who handles a batch, and added to those of the connection
// once; Stats and Clients add up when they are asked. A trace of a Client costs one look at a pointer per batch when there
// is none, and holds up nobody when there is. Look finds Clients whose queues do not drain.
//
// What a connection costs: one goroutine, parked without a buffer while there is nothing to read, about 6 KB in all
// with its session; what CONNECT needs of a stack goes with the goroutine that handled it. Keep-alive is one deadline per
// connection that is set anew when it strikes, not with each packet.
//
// Limits: the memory of a connection is bounded by a read and a write buffer of 64 KiB, one packet in each direction,
// Limits.Pending for what waits for the disk or for the Client to read, and what package queue keeps for its
// session; before CONNECT it is 1 KiB and what has arrived of the packet. A WebSocket has two buffers of 2 KiB beside,
// and 8 KiB while its request is read. Towards Clients that ask for them at most 32 Topic Aliases are used. Enhanced
// authentication is by the methods that a listener has.
//
// Who is let in and may do what is decided by package access; here it is asked: at CONNECT (login, Throttle), and by a
// guard that the broker asks for each publication, subscription and delivery, and deliver once more, for what was queued
// under older rules. A listener without rules has no guard and costs nothing.
package server
