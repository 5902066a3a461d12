// Package watch is what can be seen of a Network Connection from outside, whichever end of it is ours: how much it has
// carried, and, when somebody wants to know, each Control Packet.
//
// Vocabulary. [Traffic] is what has passed in one direction; a [Meter] counts it. A [Trace] shows packets to one who watches.
//
// Guarantees. Nobody who carries packets waits for one who watches: packets that come faster than they are looked at are left
// out, and counted. What is shown holds no payload, no password and no authentication data.
//
// Limits. A Trace keeps 1024 packets at most, of about 1 KB each.
package watch
