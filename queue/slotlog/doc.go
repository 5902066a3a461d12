// Package slotlog is an append-only log in files that are written with zeros once and then only overwritten, so
// that a commit touches no metadata of the file system.
//
// Vocabulary. A slot is a file of fixed size. A segment is the part of the log that a slot holds; segments are
// numbered and never change their slot. The stream of records of a segment is cut into chunks, numbered through the
// whole log; a block is a chunk as it lies at a place of a slot. A group is a run of records that become durable
// with one fdatasync; the first block of a slot is its header.
//
// Guarantees. The only durable copy of a chunk is never overwritten: the part-filled last chunk alternates between
// two places. A torn group is cut off at its first gap; what was durable before it is complete. After Open
// appending starts in a new segment, whose header says where the one before ends, so that blocks of a torn group
// never come back. A write that failed is never repeated in its place: the group goes to a new slot, and if that
// fails too the log is down. Damage is never an error: the reader goes on at the next record it can find, and
// counts.
//
// Limits. Records do not cross slots. One writer and any number of readers. Nothing is freed yet. The byte tables
// are in ../DESIGN.md.
package slotlog
