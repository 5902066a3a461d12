// Package queuetest plays power cuts against package queue.
//
// A world has a store on a vfs.Disk, publishers and subscribers. Each of them keeps its own protocol state at QoS 1
// and 2, as a client at the other end of a connection would, and keeps it when the power of the store goes. One
// random step follows the other, in one goroutine, so that a seed always gives the same run. The power is cut in a
// chosen operation of the disk, or the process is killed there; what was not synced is dropped, torn or garbled, the store
// is opened again, and the world goes on, for several boots. Besides, sessions end and come back, one hardly ever
// connects, limits drop and refuse, the disk is full, forgets flushes, fails, and cannot be read.
//
// Guarantees checked: what was acknowledged to a publisher reaches every subscriber, unless a limit, its expiry or a
// disk that broke its own promise had reason to take it; nothing else does; in order; at QoS 2 exactly once; no
// packet id stays held; facts and retained messages are what was acknowledged, or what was under way; batches are
// all or nothing; a start never fails, and takes no honest power cut for damage; what was ended does not come back; with
// one of its two checkpoints, or none while the whole log is there, a store is what it is with both; when nothing
// is owed any more the counters say so, and a few slots are left.
//
// Limits: the connections of the world are memory; package broker/server has tests of its own. A failed sync followed
// by a kill is not played: what the page cache shows then looks durable to the next process.
package queuetest
