// Package broker is the middle of Skerry: MQTT sessions and what goes between them. It has no sockets; package server puts
// Network Connections on it, and sensors and uplinks use the same sessions from inside the program.
//
// Vocabulary is that of the MQTT specification: a Client connects a [Session] under its ClientID, subscribes with Topic
// Filters, publishes messages to Topic Names. A [Conn] is what stands behind a connected session. A receipt (package queue)
// is a point in the order of publishing; an acknowledgement may be sent when it is resolved. [Touched] is a publisher's
// list of the sessions it has handed messages to and must flush.
//
// A content filter ([Filter]) is a condition on messages under a name; a subscription to "$filter/NAME/FILTER" is behind it.
//
// Guarantees. Messages of one publisher reach each subscriber in the order of publishing; retained messages of one topic in
// one order for everybody, and a subscriber never sees an older retained message after a newer one. Everything that a
// resolved receipt of Connect, Subscribe, Unsubscribe, Publish, Receive and Release stands for survives a loss of power, as
// far as the session is durable: a session whose SessionExpiryInterval is 0 leaves nothing on disk but its Will. A publisher
// never waits for a subscriber. A handle whose session was taken over is dead: each call on it is refused. Sessions and wills
// expire by the boot clock, summed over restarts, and never because somebody set the wall clock.
//
// A Client does what its [Access] allows: it is asked for each publication, Will and subscription, and for each message that is
// to be queued for it, live or retained; without one it may do everything and nothing is asked.
//
// A condition is asked at most once about a message that is published, only while somebody is behind its filter, and without
// a lock that others need to publish, subscribe or connect; Wills are the exception, and a filter that was subscribed to in
// that moment. Of retained messages it is asked before SUBACK without a lock, for a volatile session later, 128 in a row.
//
// CONFORMANCE.md beside this file says for each clause of the specifications which code and which test hold it.
//
// Nothing is called upward (on a Conn) while a lock is held. Downward the order is Broker.mu, Session.pull, retained.mu, the
// store; Publish takes no lock of this package but retained.mu, and that only for a retained message.
//
// Shared subscriptions: each message goes to one member of a group, in turns; see share.go.
//
// Limits. Content filters are those of [Options]; none stands behind a shared subscription. The number of sessions,
// subscriptions of a session and retained messages is bounded by [Limits]; what waits for a session is bounded by package
// queue, and what waits for a shared subscription by the same limits, once for all its members.
package broker
