package board

import (
	"os"
	"sync"

	"skerry/drivers"
)

// keepEdges is how many edges wait for a driver; one that counts needs only their numbers.
const keepEdges = 1024

// edgeQueue keeps the newest edges between the kernel and a driver. It may be used by several goroutines.
type edgeQueue struct {
	mu    sync.Mutex
	ring  []drivers.Edge
	first int
	count int
	ended bool
}

func newEdgeQueue(size int) *edgeQueue { return &edgeQueue{ring: make([]drivers.Edge, size)} }

// put adds an edge; when the queue is full the oldest is dropped, which its successor's number shows.
func (q *edgeQueue) put(e drivers.Edge) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.count == len(q.ring) {
		q.first = (q.first + 1) % len(q.ring)
		q.count--
	}
	q.ring[(q.first+q.count)%len(q.ring)] = e
	q.count++
}

// take appends all edges to dst.
func (q *edgeQueue) take(dst []drivers.Edge) ([]drivers.Edge, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ended {
		return dst, os.ErrClosed
	}
	for i := range q.count {
		dst = append(dst, q.ring[(q.first+i)%len(q.ring)])
	}
	q.first, q.count = 0, 0
	return dst, nil
}

// end closes the queue. false: it was closed before.
func (q *edgeQueue) end() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	was := q.ended
	q.ended = true
	return !was
}
