package topic

import (
	"strings"
	"sync"
	"sync/atomic"
)

// Tree maps Topic Filters to subscribers. Each filter holds one value V per subscriber key K. The zero Tree is empty and
// ready. Match takes no lock; changes take one, among themselves.
type Tree[K comparable, V any] struct {
	current atomic.Pointer[Snapshot[K, V]]
	mu      sync.Mutex // held by whoever makes the next snapshot
}

// Snapshot is what a Tree held at one moment. It never changes.
type Snapshot[K comparable, V any] struct {
	exact dict[[]entry[K, V]] // filters without a wildcard, by the whole filter
	wild  *node[K, V]         // the others, level by level
	count int
}

type entry[K comparable, V any] struct {
	key   K
	value V
}

// Snapshot returns what the tree holds now.
func (t *Tree[K, V]) Snapshot() *Snapshot[K, V] {
	if s := t.current.Load(); s != nil {
		return s
	}
	return &Snapshot[K, V]{}
}

// Len returns how many values (subscriptions) the tree holds.
func (t *Tree[K, V]) Len() int { return t.Snapshot().count }

// Match appends the values of all filters that match the Topic Name to dst. filters tells how many filters matched: with
// 0 or 1 no key can appear twice in what was appended.
func (t *Tree[K, V]) Match(name string, dst []V) (values []V, filters int) {
	s := t.current.Load()
	if s == nil {
		return dst, 0
	}
	return s.Match(name, dst)
}

// MatchBelow is Match for filters and a name that stand behind a prefix, so that a "$" is nothing special.
func (t *Tree[K, V]) MatchBelow(name string, dst []V) (values []V, filters int) {
	s := t.current.Load()
	if s == nil {
		return dst, 0
	}
	return s.find(name, dst, true)
}

// Match is Tree.Match on this snapshot.
func (s *Snapshot[K, V]) Match(name string, dst []V) (values []V, filters int) {
	return s.find(name, dst, !hidden(name))
}

// find is Match; wildcards tells whether the first level may be matched by one.
func (s *Snapshot[K, V]) find(name string, dst []V, wildcards bool) (values []V, filters int) {
	m := matching[K, V]{dst: dst}
	if here, ok := s.exact.get(name); ok {
		m.take(here)
	}
	if s.wild != nil {
		m.walk(s.wild, name, wildcards)
	}
	return m.dst, m.filters
}

// Set gives key the value under filter, and returns what it had before.
func (t *Tree[K, V]) Set(filter string, key K, value V) (previous V, had bool) {
	t.change(filter, func(old []entry[K, V]) []entry[K, V] {
		i := find(old, key)
		if i < 0 {
			return insert(old, len(old), entry[K, V]{key, value})
		}
		previous, had = old[i].value, true
		c := append([]entry[K, V](nil), old...)
		c[i].value = value
		return c
	}, func(s *Snapshot[K, V]) {
		if !had {
			s.count++
		}
	})
	return previous, had
}

// Delete takes key from filter, and returns what it had.
func (t *Tree[K, V]) Delete(filter string, key K) (previous V, had bool) {
	t.change(filter, func(old []entry[K, V]) []entry[K, V] {
		i := find(old, key)
		if i < 0 {
			return old
		}
		previous, had = old[i].value, true
		return remove(old, i)
	}, func(s *Snapshot[K, V]) {
		if had {
			s.count--
		}
	})
	return previous, had
}

// change publishes a snapshot in which edit was applied to the entries of filter. edit must not write into what it gets.
func (t *Tree[K, V]) change(filter string, edit func([]entry[K, V]) []entry[K, V], count func(*Snapshot[K, V])) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := *t.Snapshot()
	if HasWildcard(filter) {
		s.wild = s.wild.edit(filter, edit)
	} else {
		old, _ := s.exact.get(filter)
		s.exact = bind(s.exact, filter, edit(old))
	}
	count(&s)
	t.current.Store(&s)
}

func find[K comparable, V any](entries []entry[K, V], key K) int {
	for i := range entries {
		if entries[i].key == key {
			return i
		}
	}
	return -1
}

func bind[K comparable, V any](d dict[[]entry[K, V]], filter string, entries []entry[K, V]) dict[[]entry[K, V]] {
	if len(entries) == 0 {
		return d.without(filter)
	}
	return d.with(filter, entries)
}

// node stands for the levels of a filter read so far. Nodes are immutable once they hang in a snapshot.
type node[K comparable, V any] struct {
	children dict[*node[K, V]] // the next level, literally
	plus     *node[K, V]       // the next level is "+"
	here     []entry[K, V]     // the filter ends with this level
	rest     []entry[K, V]     // "#" follows
}

func (n *node[K, V]) empty() bool {
	return n.children.empty() && n.plus == nil && len(n.here) == 0 && len(n.rest) == 0
}

// edit returns a copy of the path to filter with its entries edited; nil if nothing is left below n.
func (n *node[K, V]) edit(filter string, edit func([]entry[K, V]) []entry[K, V]) *node[K, V] {
	var c node[K, V]
	if n != nil {
		c = *n
	}
	level, rest, more := strings.Cut(filter, "/")
	switch level {
	case "#":
		c.rest = edit(c.rest)
	case "+":
		c.plus = c.plus.below(rest, more, edit)
	default:
		child, _ := c.children.get(level)
		if child = child.below(rest, more, edit); child == nil {
			c.children = c.children.without(level)
		} else {
			c.children = c.children.with(level, child)
		}
	}
	if c.empty() {
		return nil
	}
	return &c
}

// below goes on with the rest of a filter at the node its level led to, or edits that node if it was the last.
func (n *node[K, V]) below(rest string, more bool, edit func([]entry[K, V]) []entry[K, V]) *node[K, V] {
	if more {
		return n.edit(rest, edit)
	}
	var c node[K, V]
	if n != nil {
		c = *n
	}
	c.here = edit(c.here)
	if c.empty() {
		return nil
	}
	return &c
}

// matching gathers the values for one name.
type matching[K comparable, V any] struct {
	dst     []V
	filters int
}

func (m *matching[K, V]) take(entries []entry[K, V]) {
	if len(entries) == 0 {
		return
	}
	m.filters++
	for i := range entries {
		m.dst = append(m.dst, entries[i].value)
	}
}

// walk visits what can match the levels in rest below n. wildcards is false for the first level of a "$" name.
func (m *matching[K, V]) walk(n *node[K, V], rest string, wildcards bool) {
	level, rest, more := strings.Cut(rest, "/")
	if wildcards {
		m.take(n.rest)
		m.step(n.plus, rest, more)
	}
	if child, ok := n.children.get(level); ok {
		m.step(child, rest, more)
	}
}

func (m *matching[K, V]) step(n *node[K, V], rest string, more bool) {
	switch {
	case n == nil:
	case more:
		m.walk(n, rest, true)
	default:
		m.take(n.here)
		m.take(n.rest) // "a/#" matches "a" as well (section 4.7.1.2)
	}
}
