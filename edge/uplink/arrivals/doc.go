// Package arrivals remembers which messages have come in blocks (edge/uplink/pack), so that one that comes again is not published again.
//
// # Vocabulary
//
// A source is a stream of a gateway, which is named by its topic. An epoch is what is published in one run of a gateway: a sequence names a message only together with it. The
// floor is the sequence below which nothing is ever sent again. A span is a row of sequences without a gap. A clash is that two epochs of one
// source alternate: two gateways with one identity, or a card that was cloned. A slot is where a source is stored.
//
// # Guarantees
//
// A sequence is known from when its block was stored until the bounds are reached. [Memory.Begin] gives a [Block], which changes nothing until
// [Block.Keep]: that is called when what [Block.With] gave was stored, in one piece with what was published. A source is told by a block with something
// new in it, so that what a server only repeats is no clash. Nor is a primer, which a server may give
// after others of its topic ([Block.Primer]). A message that has not come is never taken for known, unless
// it lies below the floor and before the latest [Gaps] gaps.
//
// # Limits
//
// [Sources] sources, [Epochs] epochs of each, or [Recent] for a while if they have no more spans, [Spans] spans of each epoch. Beyond that the source that has been silent for longest is forgotten, the
// epoch that was used before all others, the lowest span. What was forgotten counts as new if it comes again: twice is better than never. A source
// takes at most 28 kB in memory and on the disk, and about 40 bytes beside its names if it has no gaps, 12 more for each epoch beyond.
package arrivals
