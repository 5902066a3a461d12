// Package queuetest plays power cuts against package queue.
//
// A world has a store on a vfs.Disk, publishers and subscribers. Each of them keeps its own protocol state at QoS 1
// and 2, as a client at the other end of a connection would, and keeps it when the power of the store goes. One
// random step follows the other, in one goroutine, so that a seed always gives the same run. The power is cut in a
// chosen operation of the disk, what was not synced is dropped, torn or garbled, the store is opened again, and the
// world goes on, for several boots.
//
// Guarantees checked: what was acknowledged to a publisher reaches every subscriber; nothing else does; in order;
// at QoS 2 exactly once; facts and retained messages are never older than what was acknowledged; batches are all or
// nothing; opening never fails.
//
// Limits: the connections of the world are memory; package broker/server has tests of its own.
package queuetest
