// Package packtest makes readings to pack: the sets that docs/pack.md gives figures for, and messages of every sort that a block can
// carry.
//
// The two sets are those of the project's measurements of senders: twenty sensors of a farm, payloads of about 61 bytes, topics of 23. They are synthetic:
// measure your own recordings.
package packtest
