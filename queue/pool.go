package queue

import "sync/atomic"

// A Pool is memory that several shares take from together: whoever makes many of them has no more of it than with one.
type Pool struct {
	most int64
	used atomic.Int64
}

// NewPool makes a pool of so many bytes.
func NewPool(bytes int) *Pool { return &Pool{most: int64(bytes)} }

// SetPool has a share take its memory from a pool from now on. What does not fit is dropped or, if the share is durable, read
// from the log later.
func (x *Session) SetPool(p *Pool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	held := x.bytes
	x.occupy(int32(-held))
	x.shared.pool = p
	x.occupy(int32(held))
}

// occupy notes that a delivery has come into memory, or that one has gone.
func (x *Session) occupy(bytes int32) {
	x.bytes += int(bytes)
	if x.shared != nil && x.shared.pool != nil {
		x.shared.pool.used.Add(int64(bytes))
	}
}

// fitsPool tells whether the pool leaves room. Where others have taken all of it, a durable share reads one delivery at a time,
// when a member has asked for it.
func (x *Session) fitsPool(size int32) bool {
	if x.shared == nil || x.shared.pool == nil {
		return true
	}
	p := x.shared.pool
	return p.used.Load()+int64(size) <= p.most || x.durable && x.shared.asked && x.ring.len() == 0
}
