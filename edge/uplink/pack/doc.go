// Package pack puts many messages of one stream into one block of few bytes, and takes them out again byte for byte.
//
// # Vocabulary
//
// A [Message] is what was published on the site, with its time and its place in the stream, the sequence. A block carries messages of one
// stream in their order; its [Head] says whose they are. The codec is how a block is written: list, plain fields one after the
// other, or shape. The shape coder takes a payload apart into a skeleton, its text without numbers, and the numbers; a shape is a
// skeleton under a topic, with QoS, Retain and properties. A number is expected from those before it, and what it differs by is written
// in about as many bits as such differences had of late. A primer is a block that others go on from: a primed block is decoded with what the
// coder knew at the end of its primer. docs/pack.md is the specification, docs/unpack.py a decoder of other hands.
//
// # Guarantees
//
// What [Decode] gives is what was appended, byte for byte: topic, payload, QoS, Retain, time, properties, sequence. An [Encoder] decodes
// each block before it hands it out and writes it as a list if anything differs, which is counted. A payload that has no numbers, or writes
// them in a way of its own, is carried as text. Blocks are independent of each other: any may be lost or come in another order. A primed block depends
// on its primer alone, which it names by a check sum of 32 bits: without it, it is refused with [ErrNoPrimer]. A primer stands by itself. A block of a later version, of another codec or with a flag that is not known is refused with [ErrUnsupported]; one that is damaged or hostile with
// [ErrCorrupt] or [ErrLimit], in memory and time that [Limits] bound. The same messages give the same block on every machine.
//
// # Limits
//
// A block has at most [MaxMessages] messages and [MaxBytes] of them; an Encoder takes about 50 KiB, some MiB if shapes are many and long, and its block, its topics and the
// messages besides, which must not change until it is sealed. A [Primer] is bounded by [MaxPrimer] and its kin. A block is not encrypted and not signed. Its check sum is optional: TLS has one.
// Damage that no check sum sees may decode to something else.
package pack
