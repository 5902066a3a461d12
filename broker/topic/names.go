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
		n = n.child(word)
	}
	n.leaf = l
	return previous, false
}

func (n *level[V]) child(word string) *level[V] {
	c, ok := n.children[word]
	if !ok {
		if n.children == nil {
			n.children = make(map[string]*level[V])
		}
		c = &level[V]{}
		n.children[word] = c
	}
	return c
}

// Delete takes the value from name and returns it.
func (t *Names[V]) Delete(name string) (previous V, had bool) {
	l, ok := t.byName[name]
	if !ok {
		return previous, false
	}
	delete(t.byName, name)
	t.root.prune(name, true)
	return l.value, true
}

// prune removes the leaf at the end of rest and every level that then leads nowhere; true if n is one of them.
func (n *level[V]) prune(rest string, more bool) bool {
	if !more {
		n.leaf = nil
	} else {
		var word string
		word, rest, more = strings.Cut(rest, "/")
		if c := n.children[word]; c != nil && c.prune(rest, more) {
			delete(n.children, word)
		}
	}
	return n.leaf == nil && len(n.children) == 0
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
func (t *Names[V]) Match(filter string) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		if !HasWildcard(filter) {
			if l, ok := t.byName[filter]; ok {
				yield(l.name, l.value)
			}
			return
		}
		t.root.match(filter, true, yield)
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
