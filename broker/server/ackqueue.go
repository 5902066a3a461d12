package server

import "skerry/queue"

// ackQueue holds encoded acknowledgements in the order in which they are owed, each until its receipt is durable.
// One queue for all kinds keeps every order that section 4.6 asks for; an acknowledgement that owes the disk
// nothing waits behind one that does, at most for one commit.
type ackQueue struct {
	fifo  []ack
	first int // index of the head in fifo
	bytes []byte
	taken int // bytes that have left
	cost  int // of all that waits, see ack
}

// ack is one acknowledgement, or several in a row that wait for the same receipt.
type ack struct {
	at        queue.Receipt
	size      int32 // encoded bytes
	cost      int32 // memory in bytes that is held until it leaves: its own and its message's
	publishes int32 // PUBLISH exchanges that it ends: they count against the Receive Maximum
	subacks   int32 // it is a SUBACK, which messages must not overtake
	packets   int32 // how many they are; set by add
}

// add puts a behind the others; encoded are its bytes. What waits for no later receipt than the one before it
// leaves together with that.
func (q *ackQueue) add(a ack, encoded []byte) {
	q.bytes = append(q.bytes, encoded...)
	a.size, a.packets = int32(len(encoded)), 1
	a.cost += a.size
	q.cost += int(a.cost)
	if n := len(q.fifo); n > q.first && q.fifo[n-1].at >= a.at {
		last := &q.fifo[n-1]
		last.size += a.size
		last.cost += a.cost
		last.publishes += a.publishes
		last.subacks += a.subacks
		last.packets++
		return
	}
	q.fifo = append(q.fifo, a)
}

// take appends to dst what is durable, and sums up what it was.
func (q *ackQueue) take(dst []byte, durable queue.Receipt) (out []byte, sum ack) {
	for q.first < len(q.fifo) && q.fifo[q.first].at <= durable {
		a := q.fifo[q.first]
		dst = append(dst, q.bytes[q.taken:q.taken+int(a.size)]...)
		q.taken += int(a.size)
		q.cost -= int(a.cost)
		sum.publishes += a.publishes
		sum.subacks += a.subacks
		sum.packets += a.packets
		q.first++
	}
	if q.taken > len(q.bytes)/2 {
		q.compact()
	}
	return dst, sum
}

// compact gives the room of what has left to what is to come. A Client that always has something under way never empties
// the queue, which would grow with each acknowledgement.
func (q *ackQueue) compact() {
	q.fifo = q.fifo[:copy(q.fifo, q.fifo[q.first:])]
	q.bytes = q.bytes[:copy(q.bytes, q.bytes[q.taken:])]
	q.first, q.taken = 0, 0
}

// head is the receipt that the first acknowledgement waits for.
func (q *ackQueue) head() (at queue.Receipt, waiting bool) {
	if q.first == len(q.fifo) {
		return 0, false
	}
	return q.fifo[q.first].at, true
}

func (q *ackQueue) empty() bool { return q.first == len(q.fifo) }
