// Package rig has what the measuring programs share: a process that is started, watched and killed, and a plain MQTT client.
//
// Vocabulary: a Process is a program under test, mostly a broker; its Log is what it wrote. A Wire is one Network Connection
// that keeps no state of its own: Packet Identifiers, acknowledgements and what is sent again are its caller's.
//
// Guarantee: nothing is retried behind the caller's back, so that what was sent and received is exactly what was asked for.
//
// Limit: MQTT 3.1.1; a packet has at most 1 MiB.
package rig
