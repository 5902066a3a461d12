package filter

import (
	"fmt"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
)

// Functions are those of the language that a filter may use: each takes a time that grows with its arguments at most.
var Functions = []string{
	"abs", "all", "any", "ceil", "count", "find", "first", "float", "floor", "hasPrefix", "hasSuffix", "indexOf", "int", "last",
	"len", "lower", "max", "mean", "min", "none", "one", "round", "sum", "trim", "trimPrefix", "trimSuffix", "type", "upper",
}

// letNames finds the names that an expression gives to parts of its own, before patch asks which names are known.
type letNames struct{ p *patch }

// Visit is called for each node by the compiler.
func (l *letNames) Visit(node *ast.Node) {
	if v, ok := (*node).(*ast.VariableDeclaratorNode); ok {
		l.p.lets[v.Name] = true
	}
}

// patch goes through an expression before it is compiled. It refuses what could cost without bound, notes which names are
// used, and has every way to something that may be missing end in an error instead of nil: `data.x != 5` does not hold of a
// message without an x. Where the user says what is to happen then (`data.x ?? 0`, `data?.x`) it is left as it was.
type patch struct {
	lets  map[string]bool
	uses  uses
	wrong *problem // the first
}

// problem is something that patch refuses, and where.
type problem struct {
	where       file.Location
	text, hint  string
	unknownName string
}

// at makes an error of the problem.
func (p *problem) at(source string) *SyntaxError {
	f := &file.Error{Location: p.where}
	f = f.Bind(file.NewSource(source))
	return &SyntaxError{Column: f.Column + 1, Problem: p.text, Hint: p.hint, Word: p.unknownName}
}

func (p *patch) refuse(n ast.Node, text, hint string) {
	if p.wrong == nil || n.Location().From < p.wrong.where.From {
		p.wrong = &problem{where: n.Location(), text: text, hint: hint}
	}
}

// Visit is called for each node by the compiler, parts before the whole.
func (p *patch) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		p.name(node, n)
	case *ast.MemberNode:
		if !n.Optional {
			ast.Patch(node, call(n, memberName, n.Node, n.Property))
		}
	case *ast.ChainNode:
		lenient(&n.Node)
	case *ast.BinaryNode:
		p.operator(node, n)
	case *ast.PredicateNode:
		p.predicate(n)
	case *ast.CallNode:
		p.refuse(n, "a call of something that is no function here", "functions: "+strings.Join(Functions, ", "))
	}
}

func (p *patch) name(node *ast.Node, n *ast.IdentifierNode) {
	use, known := useOf(n.Value)
	switch {
	case known:
		p.uses |= use
		if mayBeMissing&use != 0 {
			ast.Patch(node, call(n, presentName, n, &ast.StringNode{Value: n.Value}))
		}
	case p.lets[n.Value]:
	default:
		p.refuse(n, fmt.Sprintf("nothing is called %q here", n.Value), "")
		if p.wrong.where == n.Location() {
			p.wrong.unknownName = n.Value
		}
	}
}

func (p *patch) operator(node *ast.Node, n *ast.BinaryNode) {
	switch n.Operator {
	case "+":
		if !isNumber(n.Left) && !isNumber(n.Right) { // it may be texts, which double if that is repeated
			ast.Patch(node, call(n, sumName, n.Left, n.Right))
		}
	case "??":
		lenient(&n.Left)
	case "..":
		p.refuse(n, "a range has no place in a filter", "value >= 20 and value <= 30")
	case "matches":
		if _, ok := n.Right.(*ast.StringNode); !ok {
			p.refuse(n, "the pattern behind matches is not a text in quotes", `topic matches "^lake/"`)
		}
	}
}

// isNumber tells whether a node is a number that stands in the expression.
func isNumber(n ast.Node) bool {
	switch n.(type) {
	case *ast.IntegerNode, *ast.FloatNode:
		return true
	}
	return false
}

// predicate refuses a loop inside a loop: what a message could make of it grows with the square of its length.
func (p *patch) predicate(n *ast.PredicateNode) {
	inner := &innerPredicate{}
	ast.Walk(&n.Node, inner)
	if inner.found != nil {
		p.refuse(inner.found, "a loop over a list inside another one", "one loop is enough for most: any(data, .name == \"t\" and .value > 30)")
	}
}

type innerPredicate struct{ found ast.Node }

func (i *innerPredicate) Visit(node *ast.Node) {
	if _, ok := (*node).(*ast.PredicateNode); ok && i.found == nil {
		i.found = *node
	}
}

// The functions that patch puts in. No user can write these names.
const (
	presentName = "(present)"
	memberName  = "(member)"
	sumName     = "(sum)"
)

func call(at ast.Node, function string, args ...ast.Node) *ast.CallNode {
	c := &ast.CallNode{Callee: &ast.IdentifierNode{Value: function}, Arguments: args}
	c.SetLocation(at.Location())
	return c
}

// lenient takes out what patch has put into a part whose absence the user provides for.
func lenient(node *ast.Node) { ast.Walk(node, unpatch{}) }

type unpatch struct{}

func (unpatch) Visit(node *ast.Node) {
	c, ok := (*node).(*ast.CallNode)
	if !ok {
		return
	}
	callee, ok := c.Callee.(*ast.IdentifierNode)
	switch {
	case !ok:
	case callee.Value == presentName:
		ast.Patch(node, c.Arguments[0])
	case callee.Value == memberName:
		m := &ast.MemberNode{Node: c.Arguments[0], Property: c.Arguments[1], Optional: true}
		chain := &ast.ChainNode{Node: m}
		m.SetLocation(c.Location())
		chain.SetLocation(c.Location())
		ast.Patch(node, chain)
	}
}

// endsEarly is the compiler's "unexpected token EOF".
const endsEarly = "the expression ends too early"

// hintFor knows what people mean who write what the compiler does not understand.
func hintFor(message string) string {
	switch {
	case strings.Contains(message, "expected bool"):
		return "a filter compares: value > 30"
	case strings.Contains(message, `Operator("=")`):
		return "two values are compared with =="
	case message == endsEarly:
		return "is a bracket not closed? In YAML an expression with # stands in quotes"
	case strings.Contains(message, "nodes"):
		return fmt.Sprintf("at most %d names, numbers and operators; two filters can share the work", MaxNodes)
	}
	return `such as: value > 30 and topic endsWith "/temperature"`
}
