package formula

import (
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
)

// Truth is what is known of a condition.
type Truth int8

// The truths. They are those of Kleene's logic: false and unknown is false, true or unknown is true.
const (
	Unknown Truth = iota
	False
	True
)

// String is the word for it.
func (t Truth) String() string { return [...]string{"unknown", "false", "true"}[t] }

// Use says what can be done with an input.
type Use int8

// The uses.
const (
	Unread   Use = iota // nothing is known of it yet
	Unusable            // it is bad, stale or suspect
	Usable
)

func (t Truth) not() Truth {
	switch t {
	case True:
		return False
	case False:
		return True
	}
	return Unknown
}

// A Condition holds or does not hold, or cannot be told. It may be used by any number of goroutines.
type Condition struct {
	Inputs []Input // of all parts, each once
	root   part
}

// part is a part of a condition: an `and`, `or` or `not` of others, or a comparison.
type part struct {
	operator string // "and", "or", "not"; "": compare
	of       []part
	compare  *Formula
	uses     []int // per input of compare: its place in Condition.Inputs
}

// CompileCondition makes a Condition. The error is a *SyntaxError.
func CompileCondition(source string, s Scope) (*Condition, error) {
	whole, err := compile(source, s, true)
	if err != nil {
		return nil, err
	}
	c := &Condition{Inputs: whole.Inputs}
	tree, err := parser.Parse(source)
	ok := err == nil
	if ok {
		c.root, ok = c.split(tree.Node, s)
	}
	if !ok || c.root.operator == "" {
		c.root = c.comparison(whole)
	}
	return c, nil
}

// split takes a condition apart where its parts can be told apart. False: it has to stay in one piece.
func (c *Condition) split(n ast.Node, s Scope) (part, bool) {
	operator, of := connective(n)
	p := part{operator: operator}
	for _, one := range of {
		q, ok := c.split(one, s)
		if !ok {
			return part{}, false
		}
		p.of = append(p.of, q)
	}
	if operator != "" {
		return p, true
	}
	f, err := compile(n.String(), s, true)
	if err != nil {
		return part{}, false
	}
	return c.comparison(f), true
}

// connective takes an and, an or or a not apart; "": it is none.
func connective(n ast.Node) (operator string, of []ast.Node) {
	switch n := n.(type) {
	case *ast.BinaryNode:
		switch n.Operator {
		case "and", "&&":
			return "and", []ast.Node{n.Left, n.Right}
		case "or", "||":
			return "or", []ast.Node{n.Left, n.Right}
		}
	case *ast.UnaryNode:
		if n.Operator == "not" || n.Operator == "!" {
			return "not", []ast.Node{n.Node}
		}
	}
	return "", nil
}

func (c *Condition) comparison(f *Formula) part {
	p := part{compare: f}
	for _, in := range f.Inputs {
		for i, all := range c.Inputs {
			if in == all {
				p.uses = append(p.uses, i)
			}
		}
	}
	return p
}

// Judge tells whether the condition holds. Of each of Inputs there is one entry: its number, or its text in the second list, and what
// can be done with it.
func (c *Condition) Judge(numbers []float64, texts []string, uses []Use) Truth {
	return c.root.judge(numbers, texts, uses)
}

func (p *part) judge(numbers []float64, texts []string, uses []Use) Truth {
	switch p.operator {
	case "not":
		return p.of[0].judge(numbers, texts, uses).not()
	case "and":
		return both(p.of[0].judge(numbers, texts, uses), p.of[1].judge(numbers, texts, uses))
	case "or":
		return both(p.of[0].judge(numbers, texts, uses).not(), p.of[1].judge(numbers, texts, uses).not()).not()
	}
	x, t, u := make([]float64, len(p.uses)), make([]string, len(p.uses)), make([]bool, len(p.uses))
	for i, from := range p.uses {
		if uses[from] == Unread || uses[from] == Unusable && p.compare.needed[i] > 0 {
			return Unknown
		}
		x[i], t[i], u[i] = numbers[from], texts[from], uses[from] == Usable
	}
	result, err := p.compare.run(x, t, u)
	holds, ok := result.(bool)
	switch {
	case err != nil || !ok:
		return Unknown
	case holds:
		return True
	}
	return False
}

func both(a, b Truth) Truth {
	switch {
	case a == False || b == False:
		return False
	case a == Unknown || b == Unknown:
		return Unknown
	}
	return True
}
