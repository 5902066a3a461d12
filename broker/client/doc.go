// Package client is the Client's end of a Network Connection: MQTT 3.1.1 and 5.0 over any stream of bytes that the caller has
// dialled. The uplink, `skerry pub` and `skerry sub` stand on it.
//
// # Vocabulary
//
// A [Conn] is one Network Connection after a successful CONNECT. It frames, coalesces writes, keeps the connection alive and
// knows what the Server allows ([Server]); the caller names the Packet Identifiers and keeps the session state. When it asks
// whether the Server is there ([KeepAlive]) may change while it stands, and it tells what became of each silence ([Exchange]). A [Client]
// is a Conn with session state: Publish returns when the promise of its QoS is kept, messages arrive at a callback. A [Session]
// is what a Client remembers from one Conn to the next.
//
// # Guarantees
//
// Send only appends to a buffer and never blocks; Flush writes everything that waits in one call and is the only one that
// can block on the peer. A QoS 1 or 2 PUBLISH beyond the Server's Receive Maximum and a packet above its Maximum Packet Size
// are refused before they are sent, so that the Server never has to disconnect because of them [MQTT-3.3.4-9]
// [MQTT-3.2.2-15]. Topic Aliases ([Aliases]) stay within what the Server grants, and never make all messages together
// longer. To a 3.1.1 Server, which cannot name its limit, 18 QoS 2 messages are on their way at most. A dead peer is noticed: what is not answered to a PINGREQ within a deadline ends the connection. Every
// connection that ends says why: [Refused], [Disconnected], ErrTimeout, ErrLost. A Client gives a QoS 2 message to its callback
// exactly once within a Session.
//
// # Limits
//
// No Topic Alias from the Server, no enhanced authentication (AUTH). A Session lives in memory: who must not lose a
// message in a power cut uses a Conn and keeps the state on disk, as the uplink does.
package client
