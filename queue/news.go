package queue

import "skerry/queue/checkpoint"

// news is what one checkpoint file has learned from some segments. Each segment is read for two files, one after the other: the
// second is told what the first has found, as long as that is little. It is told results, not records: all that the segments
// name has the state that it has behind the last of them, so that the second file may already know some of them.
type news struct {
	from, to uint64 // the segments above from, up to to
	sessions map[uint64]*sessionState
	journey  journey
	changes  map[newsKey]newValue // of facts and retained messages
	bytes    int
}

type newsKey struct {
	bucket checkpoint.Bucket
	key    string
}

// newValue is the value that a key got, or that it is gone.
type newValue struct {
	value []byte
	gone  bool
}

// The most that is remembered; beyond it the second file reads the segments itself.
const (
	mostNews     = 256 << 10 // bytes of facts and retained messages
	mostNewsOf   = 1000      // sessions
	newsOverhead = 100       // bytes of a change beside key and value
)

func newNews(from uint64) *news {
	return &news{from: from, changes: map[newsKey]newValue{}}
}

// note remembers a change. It returns nil when that is too much.
func (n *news) note(b checkpoint.Bucket, key []byte, to newValue) *news {
	if n == nil {
		return nil
	}
	k := newsKey{b, string(key)}
	if old, again := n.changes[k]; again {
		n.bytes -= len(old.value)
	} else {
		n.bytes += len(key) + newsOverhead
	}
	if n.bytes += len(to.value); n.bytes > mostNews {
		return nil
	}
	n.changes[k] = to
	return n
}

// end remembers the rest, when all has been replayed.
func (n *news) end(a *advance) {
	if n != nil {
		n.to, n.sessions, n.journey = a.to, a.g.sessions, a.g.journey
	}
}

// kept is what the other file may be told, if it is not too much.
func (n *news) kept() *news {
	if n == nil || len(n.sessions) > mostNewsOf {
		return nil
	}
	return n
}

// learn tells this file what the other one has found beyond what it covers, and returns how far it has come by that.
func (a *advance) learn(covered uint64) uint64 {
	n := a.c.news
	if n == nil || covered < n.from || covered >= n.to {
		return covered
	}
	a.c.news = nil // its sessions are changed now
	a.g.sessions, a.g.journey = n.sessions, n.journey
	for k, to := range n.changes {
		if to.gone {
			a.delete(k.bucket, []byte(k.key))
		} else {
			a.put(k.bucket, []byte(k.key), to.value)
		}
	}
	return n.to
}
