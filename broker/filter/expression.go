package filter

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"
)

const (
	// MaxNodes is how many names, numbers, operators and calls an expression may have.
	MaxNodes = 200
	// maxLength is how many bytes it may have.
	maxLength = 4 << 10
	// memoryBudget bounds the elements that an expression may make, in lists and maps of its own.
	memoryBudget = 10_000
)

// An Expression is a condition on messages. It may be used by any number of goroutines.
type Expression struct {
	program *vm.Program
	asks    []named

	asked, held, failed atomic.Uint64
}

// Counts are what an Expression has answered so far.
type Counts struct {
	Asked  uint64 // messages that it was asked about
	Held   uint64 // of these it held
	Failed uint64 // it could not tell: something was missing, or could not be compared. It did not hold
}

// A SyntaxError says what is wrong with the text of an expression.
type SyntaxError struct {
	Column  int    // where, in characters from 1; 0: nowhere in particular
	Problem string // such as: nothing is called "valeu"
	Hint    string // may be empty
	Word    string // the name that is not known, if that is the problem; those of Names and Functions are
}

func (e *SyntaxError) Error() string {
	if e.Hint == "" {
		return e.Problem
	}
	return e.Problem + " (hint: " + e.Hint + ")"
}

// Compile makes an Expression. The error is a *SyntaxError.
func Compile(source string) (x *Expression, err error) {
	defer func() { // the source is the user's, the compiler is not ours
		if r := recover(); r != nil {
			x, err = nil, &SyntaxError{Problem: fmt.Sprintf("cannot be compiled: %v", r)}
		}
	}()
	if len(source) > maxLength {
		return nil, &SyntaxError{Problem: fmt.Sprintf("is longer than %d bytes", maxLength), Hint: "two filters can share the work"}
	}
	p := &patch{lets: map[string]bool{}}
	program, err := expr.Compile(source, p.options()...)
	if p.wrong != nil {
		return nil, p.wrong.at(source)
	}
	if err != nil {
		return nil, syntaxError(err)
	}
	return &Expression{program: program, asks: p.uses.chosen()}, nil
}

// options are the language: which names there are, and which functions.
func (p *patch) options() []expr.Option {
	all := []expr.Option{
		expr.Env(environment()), expr.AllowUndefinedVariables(), // patch knows the names, and says more about one that is unknown
		expr.AsBool(), expr.MaxNodes(MaxNodes), expr.DisableAllBuiltins(),
		expr.Function(presentName, present), expr.Function(memberName, member), expr.Function(sumName, sum),
		expr.Patch(&letNames{p}), expr.Patch(p),
	}
	for _, f := range Functions {
		all = append(all, expr.EnableBuiltin(f))
	}
	return all
}

// syntaxError takes the compiler's error apart, whose text shows the source once more.
func syntaxError(err error) *SyntaxError {
	if f, ok := errors.AsType[*file.Error](err); ok {
		problem := f.Message
		if problem == "unexpected token EOF" {
			problem = endsEarly
		}
		return &SyntaxError{Column: f.Column + 1, Problem: problem, Hint: hintFor(problem)}
	}
	return &SyntaxError{Problem: err.Error(), Hint: hintFor(err.Error())}
}

// Holds tells whether the expression holds of a message. What it cannot tell does not hold.
func (x *Expression) Holds(s *Subject) bool {
	holds, err := x.Check(s)
	x.asked.Add(1)
	if holds {
		x.held.Add(1)
	}
	if err != nil {
		x.failed.Add(1)
	}
	return holds
}

// Check is Holds that says why it cannot tell, and counts nothing.
func (x *Expression) Check(s *Subject) (bool, error) {
	s.fill(x.asks)
	result, err := s.vm.Run(x.program, s.env)
	if err != nil {
		return false, reason(err)
	}
	holds, ok := result.(bool)
	if !ok {
		return false, fmt.Errorf("it comes to %v, which is neither true nor false", describe(result))
	}
	return holds, nil
}

// reason is a runtime error without the picture of the source that comes with it.
func reason(err error) error {
	f, ok := errors.AsType[*file.Error](err)
	if !ok {
		return err
	}
	if f.Prev != nil {
		return f.Prev
	}
	return errors.New(f.Message)
}

// Counts returns what the expression has answered.
func (x *Expression) Counts() Counts {
	return Counts{Asked: x.asked.Load(), Held: x.held.Load(), Failed: x.failed.Load()}
}
