// Package cost reckons what a configuration will cost on its links before it is used: messages and bytes of each value, each stream and each link,
// in a day and a month.
//
// # Vocabulary
//
// A figure is a Range: typical, and at worst. A flow is the messages of one topic; a lane is a stream on one uplink with the flows that it carries. A tick is a moment
// at which messages of one origin, as a sensor, are published together. A trace is a stretch of a day, message by message. Bytes are those of IP packets in both
// directions, as package edge/uplink/budget counts them. A month has 30 days.
//
// # How it is reckoned
//
// The station is played: the readings of a usual day (see edge/simulate) go through edge/mapping, so that deadbands, heartbeats, windows and payloads are
// what they will be, and the messages through the filters, `when`, `on_change` and `reduce` of the streams. At worst every reading passes. What leaves one by one costs its packets,
// its record of TLS, its acknowledgement and the acknowledgement of that. Blocks are made of the trace by the coder itself, as large as linger, block and
// rate let them become, with the primers that package uplink would publish for them. A server that bills by message bills what it would see: see Bill. What a connection costs, and how often there is one, are assumptions, which docs/explain.md lists.
//
// # Guarantees
//
// Nothing is read, written or sent, and no clock is asked: the same configuration costs the same on the same kind of Machine, which the caller has looked at.
//
// # Limits
//
// What other clients publish is not known: streams that may carry such messages say so (Stream.Foreign), and count what a stream is told to expect. Losses, outages and attempts to connect
// that come to nothing are not in the figures.
package cost
