package formula

import (
	"errors"
	"fmt"
	"math"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"
)

const (
	// MaxNodes is how many names, numbers, operators and calls an expression may have.
	MaxNodes = 200
	// maxLength is how many bytes it may have.
	maxLength = 4 << 10
)

// A Formula computes a number. It may be used by any number of goroutines.
type Formula struct {
	Inputs  []Input // each once, in the order in which they stand in the text
	Unit    string  // of the result, where it is known: that of a single value, or what a function gives; else ""
	needed  []int   // per input: how often its number or text is asked for; 0: only whether it can be used
	program *vm.Program
}

// A SyntaxError says what is wrong with the text of an expression.
type SyntaxError struct {
	Column  int    // where, in characters from 1; 0: nowhere in particular
	Problem string // such as: nothing is called "temprature" here
	Hint    string // may be empty
	Word    string // the name that is not known, if that is the problem
	Choices []string
}

func (e *SyntaxError) Error() string {
	if e.Hint == "" {
		return e.Problem
	}
	return e.Problem + " (hint: " + e.Hint + ")"
}

// Compile makes a Formula. The error is a *SyntaxError.
func Compile(source string, s Scope) (*Formula, error) {
	return compile(source, s, false)
}

// compile makes a Formula of a number, or of what is true or false.
func compile(source string, s Scope, judges bool) (f *Formula, err error) {
	defer func() { // the source is the user's, the compiler is not ours
		if r := recover(); r != nil {
			f, err = nil, &SyntaxError{Problem: fmt.Sprintf("cannot be compiled: %v", r)}
		}
	}()
	if len(source) > maxLength {
		return nil, &SyntaxError{Problem: fmt.Sprintf("is longer than %d bytes", maxLength), Hint: "a derived value can hold a part of it"}
	}
	p, result := newPatch(s, judges), expr.AsFloat64()
	if judges {
		result = expr.AsBool()
	}
	program, err := expr.Compile(source, append(p.options(), result)...)
	if p.wrong != nil {
		return nil, p.wrong.at(source)
	}
	if err != nil {
		return nil, syntaxError(err)
	}
	return &Formula{Inputs: p.inputs, Unit: p.unit, needed: p.needed, program: program}, nil
}

// syntaxError takes the compiler's error apart, whose text shows the source once more.
func syntaxError(err error) *SyntaxError {
	f, ok := errors.AsType[*file.Error](err)
	if !ok {
		return &SyntaxError{Problem: err.Error(), Hint: hintFor(err.Error())}
	}
	problem := f.Message
	if problem == "unexpected token EOF" {
		problem = endsEarly
	}
	return &SyntaxError{Column: f.Column + 1, Problem: problem, Hint: hintFor(problem)}
}

// Number computes the formula. Of each of Inputs there is one entry: its number, or its text in the other list.
func (f *Formula) Number(numbers []float64, texts []string) (float64, error) {
	result, err := f.run(numbers, texts, nil)
	if err != nil {
		return math.NaN(), err
	}
	x, ok := result.(float64)
	if !ok || math.IsNaN(x) || math.IsInf(x, 0) {
		return math.NaN(), fmt.Errorf("it comes to %v, which is no number", result)
	}
	return x, nil
}

func (f *Formula) run(numbers []float64, texts []string, usable []bool) (any, error) {
	result, err := vm.Run(f.program, map[string]any{numbersName: numbers, textsName: texts, usableName: usable})
	if e, ok := errors.AsType[*file.Error](err); ok {
		return nil, errors.New(e.Message)
	}
	return result, err
}
