// Package slotlog is an append-only log in files that are written with zeros once and then only overwritten, so
// that a commit touches no metadata of the file system.
//
// Vocabulary. A slot is a file of fixed size. A segment is the part of the log that a slot holds; segments are
// numbered and never cross slots. The stream of records of a segment is cut into chunks, numbered through the
// whole log; a block is a chunk as it lies at a place of a slot. A group is a run of records that become durable
// with one fdatasync; the first block of a slot is its header. A boot is one Open that writes; what it writes into a
// segment is a stretch, and begins with a marker. A segment that another has followed is sealed; a sealed one that
// nobody needs is freed, and its slot is a spare or removed.
//
// Guarantees. The only durable copy of a chunk is never overwritten: the part-filled last chunk alternates between
// two places. A torn group is cut off at its first gap; what was durable before it is complete. After Open the log
// goes on in the last slot, behind a marker that says where it ended, or in a new segment whose header says it, so
// that blocks of a torn group never come back. A write that failed is never repeated in its place: the group goes to a
// new slot, and if that fails too the log is down. Damage is never an error: the reader goes on at the next record it
// can find, and counts. What is freed is never replayed again, whenever the power goes.
//
// Limits. Records do not cross slots. One writer and any number of readers. What may be freed, and when no more should
// be written, is the caller's to know: see Checkpoint and Room. The byte tables are in ../DESIGN.md.
package slotlog
