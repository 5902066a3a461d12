package topic

import (
	"hash/maphash"
	"math/bits"
	"slices"
)

// dict is an immutable map from strings to V, a trie over the bits of the key's hash with up to 32 ways per branch.
// A change returns a new dict that shares all branches but those on the path to the key: that is what makes a
// subscription cheap beside ten thousand siblings, where copying a built-in map would not be. The zero dict is empty.
type dict[V any] struct {
	root *branch[V]
}

type branch[V any] struct {
	used  uint32 // bit i: way i is taken; slots holds the taken ways in order
	slots []slot[V]
}

// slot is either one leaf (a chain, if hashes are wholly equal) or the next branch.
type slot[V any] struct {
	leaf *leaf[V]
	next *branch[V]
}

type leaf[V any] struct {
	hash  uint64
	key   string
	value V
	next  *leaf[V]
}

const (
	wayBits  = 5
	hashBits = 64
)

var seed = maphash.MakeSeed()

func hashOf(key string) uint64 { return maphash.String(seed, key) }

// way returns the bit of the branch that hash takes at a depth counted in bits, and its index among the slots.
func (b *branch[V]) way(hash uint64, depth uint) (bit uint32, index int) {
	bit = 1 << (hash >> depth & (1<<wayBits - 1))
	return bit, bits.OnesCount32(b.used & (bit - 1))
}

func (d dict[V]) empty() bool { return d.root == nil }

func (d dict[V]) get(key string) (value V, ok bool) {
	if d.root == nil {
		return value, false
	}
	return d.root.lookUp(hashOf(key), key)
}

func (b *branch[V]) lookUp(hash uint64, key string) (value V, ok bool) {
	for depth := uint(0); ; depth += wayBits {
		bit, i := b.way(hash, depth)
		if b.used&bit == 0 {
			return value, false
		}
		s := b.slots[i]
		if s.next != nil {
			b = s.next
			continue
		}
		for l := s.leaf; l != nil; l = l.next {
			if l.hash == hash && l.key == key {
				return l.value, true
			}
		}
		return value, false
	}
}

// with returns d with key bound to value.
func (d dict[V]) with(key string, value V) dict[V] {
	hash := hashOf(key)
	return dict[V]{root: d.root.with(0, &leaf[V]{hash: hash, key: key, value: value})}
}

func (b *branch[V]) with(depth uint, l *leaf[V]) *branch[V] {
	if b == nil {
		b = &branch[V]{}
	}
	bit, i := b.way(l.hash, depth)
	if b.used&bit == 0 {
		return &branch[V]{used: b.used | bit, slots: insert(b.slots, i, slot[V]{leaf: l})}
	}
	return b.replace(i, b.slots[i].with(depth+wayBits, l))
}

func (s slot[V]) with(depth uint, l *leaf[V]) slot[V] {
	switch {
	case s.next != nil:
		return slot[V]{next: s.next.with(depth, l)}
	case s.leaf.hash == l.hash || depth >= hashBits:
		return slot[V]{leaf: s.leaf.without(l.key).prepend(l)}
	}
	var b *branch[V]
	return slot[V]{next: b.with(depth, s.leaf).with(depth, l)}
}

// without returns d with no value for key.
func (d dict[V]) without(key string) dict[V] {
	return dict[V]{root: d.root.without(0, hashOf(key), key)}
}

func (b *branch[V]) without(depth uint, hash uint64, key string) *branch[V] {
	if b == nil {
		return nil
	}
	bit, i := b.way(hash, depth)
	if b.used&bit == 0 {
		return b
	}
	s := b.slots[i]
	if s.next != nil {
		s.next = s.next.without(depth+wayBits, hash, key)
	} else {
		s.leaf = s.leaf.without(key)
	}
	switch {
	case s.next != nil || s.leaf != nil:
		return b.replace(i, s)
	case len(b.slots) == 1:
		return nil
	}
	return &branch[V]{used: b.used &^ bit, slots: remove(b.slots, i)}
}

func (b *branch[V]) replace(i int, s slot[V]) *branch[V] {
	slots := slices.Clone(b.slots)
	slots[i] = s
	return &branch[V]{used: b.used, slots: slots}
}

// prepend returns the chain l, rest. l is new, and so may still be written.
func (rest *leaf[V]) prepend(l *leaf[V]) *leaf[V] {
	l.next = rest
	return l
}

// without returns the chain with no leaf for key; the chain itself is left as it is.
func (l *leaf[V]) without(key string) *leaf[V] {
	if l == nil {
		return nil
	}
	if l.key == key {
		return l.next
	}
	rest := l.next.without(key)
	if rest == l.next {
		return l
	}
	c := *l
	c.next = rest
	return &c
}

// insert and remove return copies with exactly the room they need: the slices are never appended to again.
func insert[E any](s []E, i int, e E) []E {
	c := make([]E, len(s)+1)
	copy(c, s[:i])
	c[i] = e
	copy(c[i+1:], s[i:])
	return c
}

func remove[E any](s []E, i int) []E {
	if len(s) == 1 {
		return nil
	}
	c := make([]E, len(s)-1)
	copy(c, s[:i])
	copy(c[i:], s[i+1:])
	return c
}
