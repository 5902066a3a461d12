// Package primers remembers the primers of streams of gateways (edge/uplink/pack), which primed blocks cannot be decoded without.
//
// # Vocabulary
//
// A row is the primers of one topic of blocks, which stands for a stream of a gateway; it is stored in a slot. A state is what a decoder makes of a
// primer, and is kept in memory as long as there is room.
//
// # Guarantees
//
// A primer is known from when it was stored until the bounds are reached, and serves blocks of its own topic alone. [Shelf.With] changes nothing: [Shelf.Keep] does,
// when what it gave was stored.
//
// # Limits
//
// The newest [Each] of a topic, [Topics] topics, [Bytes] of all of them. Beyond that the topic whose last primer is the oldest is forgotten. A server retains the
// latest primer of each, so what was forgotten can be asked for.
package primers
