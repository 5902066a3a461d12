package access

import "strings"

// node is the place that some levels of filters lead to, in a tree of the filters of one section. Filters that end in it give
// their rights to a topic whose levels lead here.
type node struct {
	here      Right            // of filters that end here
	below     Right            // of those that go on with #: for here and everything below
	few       []child          // by the next level, while they are few
	many      map[string]*node // ... all of them, when they are not
	plus      *node
	templates []template // levels with %u or %c
	asks      bool       // of a root: a rule in the tree is about subscribing
}

// child is the node behind a level.
type child struct {
	level string
	node  *node
}

// few is how many children are looked through one by one: that is faster than a map.
const few = 8

// template is a level that depends on who asks.
type template struct {
	level  string
	pieces []piece
	node   *node
}

// piece is a part of such a level.
type piece struct {
	kind pieceKind
	text string
}

type pieceKind uint8

const (
	literal pieceKind = iota
	userName
	clientID
)

// add hangs a rule into the tree that n is the root of. In a pattern %u and %c stand for something.
func (n *node) add(r rule) {
	n.asks = n.asks || r.rights == Subscribe
	at := n
	for rest, more := r.filter, true; more; {
		var level string
		level, rest, more = strings.Cut(rest, "/")
		if level == "#" {
			at.below |= r.rights
			return
		}
		at = at.child(level, r.section == ofEverybody)
	}
	at.here |= r.rights
}

func (n *node) child(level string, pattern bool) *node {
	switch {
	case level == "+":
		if n.plus == nil {
			n.plus = &node{}
		}
		return n.plus
	case pattern && (strings.Contains(level, "%u") || strings.Contains(level, "%c")):
		return n.template(level)
	}
	if next := n.next(level); next != nil {
		return next
	}
	next := &node{}
	switch {
	case n.many != nil:
		n.many[level] = next
	case len(n.few) < few:
		n.few = append(n.few, child{level, next})
	default:
		n.many = map[string]*node{level: next}
		for _, c := range n.few {
			n.many[c.level] = c.node
		}
	}
	return next
}

// next is the child behind a level; nil: none.
func (n *node) next(level string) *node {
	if n.many != nil {
		return n.many[level]
	}
	for i := range n.few {
		if n.few[i].level == level {
			return n.few[i].node
		}
	}
	return nil
}

func (n *node) template(level string) *node {
	for _, t := range n.templates {
		if t.level == level {
			return t.node
		}
	}
	t := template{level: level, pieces: piecesOf(level), node: &node{}}
	n.templates = append(n.templates, t)
	return t.node
}

// piecesOf parts a level at its %u and %c.
func piecesOf(level string) []piece {
	var all []piece
	from := 0 // of the literal that is being read
	for at := 0; at < len(level); at++ {
		kind := literal
		switch {
		case strings.HasPrefix(level[at:], "%u"):
			kind = userName
		case strings.HasPrefix(level[at:], "%c"):
			kind = clientID
		default:
			continue
		}
		if at > from {
			all = append(all, piece{literal, level[from:at]})
		}
		all = append(all, piece{kind: kind})
		at++
		from = at + 1
	}
	if from < len(level) {
		all = append(all, piece{literal, level[from:]})
	}
	return all
}

// rightsAt gathers the rights of all filters in the tree that match a topic, or that cover a filter: match every topic that
// it matches. n is the root.
func (n *node) rightsAt(name string, who *Client) Right {
	if n == nil || name == "" {
		return 0
	}
	if name[0] != '$' {
		return n.find(name, true, who)
	}
	level, rest, more := strings.Cut(name, "/")
	got := n.findTemplates(name, who)
	if next := n.next(level); next != nil { // wildcards do not match it [MQTT-4.7.2-1]
		got |= next.find(rest, more, who)
	}
	return got
}

// find is rightsAt below a node: rest are the levels to come, if there are more.
func (n *node) find(rest string, more bool, who *Client) Right {
	if !more {
		return n.below | n.here
	}
	got := n.below
	level, after, deeper := cutLevel(rest)
	if level == "#" { // part of a filter that is asked about: only # covers it
		return got
	}
	if next := n.next(level); next != nil {
		got |= next.find(after, deeper, who)
	}
	if n.plus != nil {
		got |= n.plus.find(after, deeper, who)
	}
	if n.templates != nil {
		got |= n.findTemplates(rest, who)
	}
	return got
}

// cutLevel is strings.Cut at a slash, faster for levels that are short.
func cutLevel(s string) (level, after string, deeper bool) {
	for i := 0; i < len(s); i++ {
		if s[i] == '/' {
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}

func (n *node) findTemplates(rest string, who *Client) Right {
	got := Right(0)
	for i := range n.templates {
		t := &n.templates[i]
		if after, deeper, ok := t.cut(rest, who); ok {
			got |= t.node.find(after, deeper, who)
		}
	}
	return got
}

// cut takes the levels from rest that the template stands for. They are one, or more when a name has slashes in it.
func (t *template) cut(rest string, who *Client) (after string, deeper, ok bool) {
	for _, p := range t.pieces {
		text := p.text
		switch p.kind {
		case userName:
			text = who.user
			if text == "" { // who has named no user has no place of his own
				return "", false, false
			}
		case clientID:
			text = who.clientID
		}
		if rest, ok = strings.CutPrefix(rest, text); !ok {
			return "", false, false
		}
	}
	if rest == "" {
		return "", false, true
	}
	return rest[1:], true, rest[0] == '/'
}
