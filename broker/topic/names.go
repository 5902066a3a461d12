package topic

import (
	"iter"
	"strings"
)

// Names maps Topic Names to values and finds them by Topic Filter: the index of the retained messages. The zero Names is
// empty and ready. It is not safe for concurrent use; the caller has an order to keep between a change and what it is
// part of, and so has the lock.
type Names[V any] struct {
	byName map[string]*leafName[V]
	root   level[V]
	levels int
}

// level is one level of names; leafName the end of one. A name's own levels are slices of its string, so that the tree
// holds no second copy of them.
type level[V any] struct {
	children map[string]*level[V]
	leaf     *leafName[V]
}

type leafName[V any] struct {
	name  string
	value V
}

// Len returns how many names have a value.
func (t *Names[V]) Len() int { return len(t.byName) }

// Levels returns how many levels the names have, those that names share counted once: what the index weighs.
func (t *Names[V]) Levels() int { return t.levels }

// Get returns the value of one name.
func (t *Names[V]) Get(name string) (value V, ok bool) {
	if l, ok := t.byName[name]; ok {
		return l.value, true
	}
	return value, false
}

// Set gives name a value and returns the one it had.
func (t *Names[V]) Set(name string, value V) (previous V, had bool) {
	if l, ok := t.byName[name]; ok {
		previous, l.value = l.value, value
		return previous, true
	}
	if t.byName == nil {
		t.byName = make(map[string]*leafName[V])
	}
	l := &leafName[V]{name: name, value: value}
	t.byName[name] = l
	n := &t.root
	for word := range strings.SplitSeq(name, "/") {
		var fresh bool
		if n, fresh = n.child(word); fresh {
			t.levels++
		}
	}
	n.leaf = l
	return previous, false
}

func (n *level[V]) child(word string) (c *level[V], fresh bool) {
	c, ok := n.children[word]
	if !ok {
		if n.children == nil {
			n.children = make(map[string]*level[V])
		}
		c = &level[V]{}
		n.children[word] = c
	}
	return c, !ok
}

// Delete takes the value from name and returns it.
func (t *Names[V]) Delete(name string) (previous V, had bool) {
	l, ok := t.byName[name]
	if !ok {
		return previous, false
	}
	delete(t.byName, name)
	_, pruned := t.root.prune(name, true)
	t.levels -= pruned
	return l.value, true
}

// prune removes the leaf at the end of rest and every level that then leads nowhere: it tells whether n is one of them, and how
// many were below it.
func (n *level[V]) prune(rest string, more bool) (empty bool, pruned int) {
	if !more {
		n.leaf = nil
		return len(n.children) == 0, 0
	}
	word, rest, more := strings.Cut(rest, "/")
	if c := n.children[word]; c != nil {
		if empty, pruned = c.prune(rest, more); empty {
			delete(n.children, word)
			pruned++
		}
	}
	return n.leaf == nil && len(n.children) == 0, pruned
}

// All yields every name with its value, in no particular order. The tree must not be changed while it runs.
func (t *Names[V]) All() iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for name, l := range t.byName {
			if !yield(name, l.value) {
				return
			}
		}
	}
}

// Match yields the names that match a valid Topic Filter, with their values, in no particular order. The tree must not be
// changed while it runs.
func (t *Names[V]) Match(filter string) iter.Seq2[string, V] { return t.find(filter, true) }

// MatchBelow is Match for a filter that stands behind a prefix, so that a "$" is nothing special.
func (t *Names[V]) MatchBelow(filter string) iter.Seq2[string, V] { return t.find(filter, false) }

// find is Match; top tells whether wildcards spare names that begin with "$".
func (t *Names[V]) find(filter string, top bool) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		if !HasWildcard(filter) {
			if l, ok := t.byName[filter]; ok {
				yield(l.name, l.value)
			}
			return
		}
		t.root.match(filter, top, yield)
	}
}

// match visits the names below n that the rest of a filter matches; false if yield wants no more.
func (n *level[V]) match(filter string, top bool, yield func(string, V) bool) bool {
	word, rest, more := strings.Cut(filter, "/")
	switch word {
	case "#":
		return n.all(top, yield)
	case "+":
		for name, c := range n.children {
			if top && hiddenLevel(name) {
				continue
			}
			if !c.follow(rest, more, yield) {
				return false
			}
		}
		return true
	}
	c, ok := n.children[word]
	return !ok || c.follow(rest, more, yield)
}

func (n *level[V]) follow(rest string, more bool, yield func(string, V) bool) bool {
	if more && rest != "#" {
		return n.match(rest, false, yield)
	}
	if more {
		return n.all(false, yield) // the parent itself is among what "#" matches
	}
	return n.leaf == nil || yield(n.leaf.name, n.leaf.value)
}

// all visits n and everything below it, except names that begin with "$" when n is the top. [MQTT-4.7.2-1]
func (n *level[V]) all(top bool, yield func(string, V) bool) bool {
	if n.leaf != nil && !yield(n.leaf.name, n.leaf.value) {
		return false
	}
	for name, c := range n.children {
		if top && hiddenLevel(name) {
			continue
		}
		if !c.all(false, yield) {
			return false
		}
	}
	return true
}

func hiddenLevel(name string) bool { return strings.HasPrefix(name, "$") }
