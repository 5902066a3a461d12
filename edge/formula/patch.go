package formula

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
)

// The names under which a program finds its inputs. No user can write them.
const (
	numbersName = "(numbers)"
	textsName   = "(texts)"
	usableName  = "(usable)"

	remainderName = "(remainder)"
)

// usableFunction asks whether a value can be used: only a condition can do without its number.
const usableFunction = "usable"

// sensorsName is the first part of a name whose other parts are no words of the language: sensors["soil-1"].temperature.
const sensorsName = "sensors"

// patch goes through an expression before it is compiled: it refuses what could cost without bound, and puts places in the
// lists of inputs where names of values stand.
type patch struct {
	scope   Scope
	inputs  []Input
	needed  []int // per input: how often its number or text is asked for
	callees map[ast.Node]bool
	lets    map[string]bool
	judges  bool     // it is a condition
	unit    string   // of the part visited last: in the end that is the whole
	wrong   *problem // the first
}

// problem is something that patch refuses, and where.
type problem struct {
	where      file.Location
	text, hint string
	word       string
	choices    []string
}

// at makes an error of the problem.
func (p *problem) at(source string) *SyntaxError {
	f := &file.Error{Location: p.where}
	f = f.Bind(file.NewSource(source))
	return &SyntaxError{Column: f.Column + 1, Problem: p.text, Hint: p.hint, Word: p.word, Choices: p.choices}
}

func newPatch(s Scope, judges bool) *patch {
	return &patch{scope: s, judges: judges, callees: map[ast.Node]bool{}, lets: map[string]bool{}}
}

// options are the language: which names there are, and which functions.
func (p *patch) options() []expr.Option {
	all := []expr.Option{
		expr.Env(map[string]any{numbersName: []float64(nil), textsName: []string(nil), usableName: []bool(nil)}),
		expr.AllowUndefinedVariables(), // patch knows the names, and says more about one that is unknown
		expr.MaxNodes(MaxNodes), expr.DisableAllBuiltins(),
		expr.Patch(visit(p.admit)), expr.Patch(visit(p.member)), expr.Patch(visit(p.name)), expr.Patch(visit(p.units)),
	}
	for _, f := range builtins {
		all = append(all, expr.EnableBuiltin(f))
	}
	for _, f := range functions {
		all = append(all, expr.Function(f.Name, f.call, f.signature()))
	}
	all = append(all, expr.Operator("%", remainderName),
		expr.Function(remainderName, remainder.call, math.Mod))
	return append(all, expr.Function(usableFunction, func(...any) (any, error) { return false, nil }, new(func(any) bool)))
}

// visit is one pass through an expression, parts before the whole.
type visit func(node *ast.Node)

// Visit is called for each node by the compiler.
func (v visit) Visit(node *ast.Node) { v(node) }

func (p *patch) refuse(n ast.Node, text, hint string) {
	p.refuseWord(n, text, hint, "", nil)
}

func (p *patch) refuseWord(n ast.Node, text, hint, word string, choices []string) {
	where := begin(n)
	if p.wrong == nil || where.From < p.wrong.where.From {
		p.wrong = &problem{where, text, hint, word, choices}
	}
}

// begin is where a name of several parts begins; the compiler has the place of its end.
func begin(n ast.Node) file.Location {
	for {
		m, ok := n.(*ast.MemberNode)
		if !ok {
			return n.Location()
		}
		n = m.Node
	}
}

// admit is the first pass: only numbers, texts, names, operators and calls have a place in a formula.
func (p *patch) admit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.IntegerNode: // whole numbers wrap around, in 32 bits on small boards
		put(node, &ast.FloatNode{Value: float64(n.Value)})
	case *ast.FloatNode, *ast.BoolNode, *ast.StringNode, *ast.ConstantNode, *ast.IdentifierNode, *ast.UnaryNode,
		*ast.ConditionalNode, *ast.MemberNode, *ast.BuiltinNode, *ast.ArrayNode:
	case *ast.VariableDeclaratorNode:
		p.lets[n.Name] = true
	case *ast.BinaryNode:
		if slices.Contains([]string{"..", "matches", "??"}, n.Operator) {
			p.refuse(n, "operator "+n.Operator+" has no place here", "values are numbers: a + b, a > 3 and b < 5")
		}
	case *ast.CallNode:
		p.call(n)
	default:
		p.refuse(n, "this has no place here", "numbers, values, operators and functions: "+FunctionNames())
	}
}

func (p *patch) call(n *ast.CallNode) {
	if callee, ok := n.Callee.(*ast.IdentifierNode); ok {
		p.callees[callee] = true
		if callee.Value == usableFunction {
			p.asksUsable(n)
			return
		}
		if _, known := lookUp(callee.Value); known {
			return
		}
		p.refuseWord(callee, fmt.Sprintf("there is no function %q", callee.Value), "functions: "+FunctionNames(), callee.Value, functionNames())
		return
	}
	p.refuse(n, "a call of something that is no function", "functions: "+FunctionNames())
}

// asksUsable admits usable(NAME).
func (p *patch) asksUsable(n *ast.CallNode) {
	switch {
	case !p.judges:
		p.refuse(n, "usable has no place here", "it is for alarms; a derived value is as good as the worst of its inputs")
	case len(n.Arguments) != 1 || chain(n.Arguments[0]) == nil:
		p.refuse(n, "usable wants the name of a value", "usable(air.temperature)")
	}
}

// member is the second pass: names of several parts.
func (p *patch) member(node *ast.Node) {
	n, ok := (*node).(*ast.MemberNode)
	if !ok {
		return
	}
	parts := chain(n)
	switch {
	case parts == nil || n.Optional:
		p.refuse(n, "this is no name of a value", "air.temperature, or sensors[\"soil-1\"].temperature")
	case parts[0] == sensorsName && len(parts) == 3:
		p.input(node, parts[1], parts[2])
	case parts[0] == sensorsName:
	case p.constant(node, strings.Join(parts, ".")):
	case len(parts) == 2:
		if _, sensor := p.scope.valuesOf(parts[0]); sensor {
			p.input(node, parts[0], parts[1])
		}
	}
}

// chain takes a name of several parts apart; nil: it is none.
func chain(n ast.Node) []string {
	switch n := n.(type) {
	case *ast.IdentifierNode:
		return []string{n.Value}
	case *ast.MemberNode:
		before := chain(n.Node)
		if part, ok := n.Property.(*ast.StringNode); ok && before != nil {
			return append(before, part.Value)
		}
	}
	return nil
}

// constant puts a number in the place of its name.
func (p *patch) constant(node *ast.Node, name string) bool {
	if x, ok := p.scope.Constants[name]; ok {
		put(node, &ast.FloatNode{Value: x})
		return true
	}
	if hint, ok := p.scope.Missing[name]; ok {
		p.refuse(*node, name+" is not configured", hint)
		put(node, &ast.FloatNode{})
		return true
	}
	return false
}

// input puts a place in the lists of inputs where the name of a value stands.
func (p *patch) input(node *ast.Node, sensor, value string) {
	in, ok := p.scope.find(sensor, value)
	if !ok {
		if values, known := p.scope.valuesOf(sensor); known {
			p.refuseWord(*node, fmt.Sprintf("sensor %s has no value %q", sensor, value), "", value, values)
		} else {
			p.refuseWord(*node, fmt.Sprintf("there is no sensor %q", sensor), "", sensor, p.scope.sensors())
		}
		put(node, &ast.FloatNode{})
		return
	}
	i := slices.Index(p.inputs, in)
	if i < 0 {
		i = len(p.inputs)
		p.inputs, p.needed = append(p.inputs, in), append(p.needed, 0)
	}
	p.needed[i]++
	list := numbersName
	if in.Text {
		list = textsName
	}
	from := begin(*node)
	m := &ast.MemberNode{Node: &ast.IdentifierNode{Value: list}, Property: &ast.IntegerNode{Value: i}}
	m.Node.SetLocation(from)
	m.Property.SetLocation(from)
	put(node, m)
}

func put(node *ast.Node, n ast.Node) {
	n.SetLocation((*node).Location())
	ast.Patch(node, n)
}

// name is the third pass: names of one part, and what the second one left of others.
func (p *patch) name(node *ast.Node) {
	n, ok := (*node).(*ast.IdentifierNode)
	if !ok || p.callees[n] || p.lets[n.Value] || n.Value == numbersName || n.Value == textsName || n.Value == usableName {
		return
	}
	if _, own := p.scope.find(p.scope.Own, n.Value); own {
		p.input(node, p.scope.Own, n.Value)
		return
	}
	p.unknown(n)
}

// unknown says what is wrong with a name.
func (p *patch) unknown(n *ast.IdentifierNode) {
	if values, sensor := p.scope.valuesOf(n.Value); sensor {
		p.refuse(n, n.Value+" is a sensor, not a value", "its values: "+strings.Join(values, ", "))
		return
	}
	for _, c := range p.scope.constants() {
		if strings.HasPrefix(c, n.Value+".") {
			p.refuse(n, n.Value+" alone is no number", "there is "+strings.Join(p.scope.constants(), ", "))
			return
		}
	}
	if n.Value == sensorsName {
		p.refuse(n, "this is no name of a value", `sensors["soil-1"].temperature`)
		return
	}
	if s, ok := unquotable(p.scope.sensors(), n.Value); ok {
		p.refuse(n, fmt.Sprintf("the name %s is no single word here", s), fmt.Sprintf("sensors[%q].VALUE", s))
		return
	}
	if values, _ := p.scope.valuesOf(p.scope.Own); len(values) > 0 {
		if v, ok := unquotable(values, n.Value); ok {
			p.refuse(n, fmt.Sprintf("the name %s is no single word here", v), fmt.Sprintf("sensors[%q][%q]", p.scope.Own, v))
			return
		}
	}
	p.refuseWord(n, fmt.Sprintf("nothing is called %q here", n.Value), "", n.Value, p.scope.choices())
}

// unquotable finds the name of several words of which a word is the first.
func unquotable(names []string, first string) (string, bool) {
	for _, s := range names {
		if strings.HasPrefix(s, first+"-") {
			return s, true
		}
	}
	return "", false
}

// units is the last pass: a function that wants degrees Celsius is not given degrees Fahrenheit.
func (p *patch) units(node *ast.Node) {
	p.unit = p.unitOf(*node)
	n, ok := (*node).(*ast.CallNode)
	if !ok {
		return
	}
	callee, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		return
	}
	if callee.Value == usableFunction {
		p.usable(node, n)
		return
	}
	f, known := lookUp(callee.Value)
	for i, arg := range n.Arguments {
		in, direct := p.inputOf(arg)
		if !known || !direct || i >= len(f.units) || f.units[i] == "" || in.Unit == "" || in.Unit == f.units[i] {
			continue
		}
		p.refuse(arg, fmt.Sprintf("%s wants %s, and %s is in %s", f.Name, f.units[i], in, in.Unit),
			fmt.Sprintf("publish it in %s, or convert it here: a sum or product is not checked", f.units[i]))
	}
}

// usable puts a place in the list of what can be used where usable(NAME) stands.
func (p *patch) usable(node *ast.Node, n *ast.CallNode) {
	if len(n.Arguments) != 1 {
		return
	}
	m, ok := n.Arguments[0].(*ast.MemberNode)
	if !ok {
		return
	}
	list, ok1 := m.Node.(*ast.IdentifierNode)
	i, ok2 := m.Property.(*ast.IntegerNode)
	if ok1 && ok2 && (list.Value == numbersName || list.Value == textsName) {
		p.needed[i.Value]--
		list.Value = usableName
		put(node, m)
	}
}

// unitOf is the unit of a part of an expression, where it is known.
func (p *patch) unitOf(n ast.Node) string {
	if in, ok := p.inputOf(n); ok {
		return in.Unit
	}
	switch n := n.(type) {
	case *ast.UnaryNode:
		return p.unitOf(n.Node)
	case *ast.ConditionalNode:
		if u := p.unitOf(n.Exp1); u == p.unitOf(n.Exp2) {
			return u
		}
	case *ast.CallNode:
		callee, ok := n.Callee.(*ast.IdentifierNode)
		if !ok {
			break
		}
		f, _ := lookUp(callee.Value)
		if f.like && len(n.Arguments) > 0 {
			return p.unitOf(n.Arguments[0])
		}
		return f.result
	}
	return ""
}

// inputOf returns the input that a part of an expression is, after the passes before.
func (p *patch) inputOf(n ast.Node) (Input, bool) {
	m, ok := n.(*ast.MemberNode)
	if !ok {
		return Input{}, false
	}
	list, ok1 := m.Node.(*ast.IdentifierNode)
	i, ok2 := m.Property.(*ast.IntegerNode)
	if !ok1 || !ok2 || list.Value != numbersName {
		return Input{}, false
	}
	return p.inputs[i.Value], true
}

// endsEarly is the compiler's "unexpected token EOF".
const endsEarly = "the expression ends too early"

// hintFor knows what people mean who write what the compiler does not understand.
func hintFor(message string) string {
	switch {
	case strings.Contains(message, "expected bool"):
		return "a condition compares: air.temperature < 0"
	case strings.Contains(message, "expected float64"):
		return "a derived value is a number"
	case strings.Contains(message, `Operator("=")`):
		return "two values are compared with =="
	case message == endsEarly:
		return "is a bracket not closed? In YAML an expression with # stands in quotes"
	case strings.Contains(message, "bad number syntax"):
		return `a name with - in it stands in quotes: sensors["soil-1"].temperature`
	case strings.Contains(message, "integer literal is too large"):
		return "with a point it may be as large as it likes: 3600000000.0"
	case strings.Contains(message, "nodes"):
		return fmt.Sprintf("at most %d names, numbers and operators; a derived value can hold a part of it", MaxNodes)
	case strings.Contains(message, "arguments"):
		return "the arguments of each function: docs/values.md"
	}
	return "such as: dew_point(temperature, humidity), or air.temperature < 0"
}
