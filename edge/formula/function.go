package formula

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
)

// builtins are those of the language: each takes a time that does not grow.
var builtins = []string{"abs", "ceil", "float", "floor", "max", "min", "round"}

// Function is one that expressions can use beside the operators.
type Function struct {
	Name   string
	Doc    string // one line
	units  []string
	one    func(x float64) float64
	two    func(x, y float64) float64
	three  func(x, y, z float64) float64
	result string // unit; "": none that is known
	like   bool   // the unit is that of the first argument
}

// functions in the order of the documentation. Units are those that the arguments must have; "" takes all.
var functions = []Function{
	{Name: "sea_level", Doc: "pressure reduced to sea level", units: []string{"", "°C", "m"}, three: SeaLevel, like: true},
	{Name: "dew_point", Doc: "temperature at which dew forms", units: []string{"°C", "%"}, two: DewPoint, result: "°C"},
	{Name: "frost_point", Doc: "temperature at which hoar frost forms", units: []string{"°C", "%"}, two: FrostPoint, result: "°C"},
	{Name: "absolute_humidity", Doc: "water in the air", units: []string{"°C", "%"}, two: AbsoluteHumidity, result: "g/m³"},
	{Name: "vapour_pressure_deficit", Doc: "what the air lacks to saturation", units: []string{"°C", "%"}, two: VapourPressureDeficit, result: "kPa"},
	{Name: "heat_index", Doc: "what heat feels like in humid air", units: []string{"°C", "%"}, two: HeatIndex, result: "°C"},
	{Name: "wet_bulb", Doc: "temperature of a wet thermometer", units: []string{"°C", "%"}, two: WetBulb, result: "°C"},
	{Name: "wind_chill", Doc: "what cold feels like in wind", units: []string{"°C", "km/h"}, two: WindChill, result: "°C"},
	{Name: "sqrt", Doc: "square root", units: []string{""}, one: math.Sqrt},
	{Name: "exp", Doc: "e to the power of x", units: []string{""}, one: math.Exp},
	{Name: "ln", Doc: "natural logarithm", units: []string{""}, one: math.Log},
	{Name: "log10", Doc: "decimal logarithm", units: []string{""}, one: math.Log10},
	{Name: "sin", Doc: "sine of an angle in radians", units: []string{""}, one: math.Sin},
	{Name: "cos", Doc: "cosine of an angle in radians", units: []string{""}, one: math.Cos},
	{Name: "int", Doc: "the whole part", units: []string{""}, one: math.Trunc, like: true},
	{Name: "atan2", Doc: "angle of the vector (x, y) in radians", units: []string{"", ""}, two: math.Atan2},
}

// Functions lists what expressions can use, with a line for each.
func Functions() []Function { return slices.Clone(functions) }

func lookUp(name string) (Function, bool) {
	i := slices.IndexFunc(functions, func(f Function) bool { return f.Name == name })
	if i < 0 {
		return Function{}, false
	}
	return functions[i], true
}

func functionNames() []string {
	var all []string
	for _, f := range functions {
		all = append(all, f.Name)
	}
	return append(all, builtins...)
}

// FunctionNames lists all functions for a hint.
func FunctionNames() string { return strings.Join(functionNames(), ", ") }

// signature is a pointer to the type of the function, which the compiler checks calls against.
func (f Function) signature() any {
	in := slices.Repeat([]reflect.Type{reflect.TypeFor[float64]()}, len(f.units))
	return reflect.New(reflect.FuncOf(in, []reflect.Type{reflect.TypeFor[float64]()}, false)).Interface()
}

// call runs the function. The compiler has counted the arguments. What is no finite number is an error here already: no comparison with it
// is true or false.
func (f Function) call(args ...any) (any, error) {
	x := make([]float64, len(args))
	for i, a := range args {
		switch a := a.(type) {
		case float64:
			x[i] = a
		case int:
			x[i] = float64(a)
		default:
			return nil, fmt.Errorf("%s of %v, which is no number", f.Name, a)
		}
	}
	result := f.of(x)
	if math.IsNaN(result) || math.IsInf(result, 0) {
		return nil, fmt.Errorf("%s of %v comes to %v, which is no number", f.Name, x, result)
	}
	return result, nil
}

func (f Function) of(x []float64) float64 {
	switch {
	case f.one != nil:
		return f.one(x[0])
	case f.two != nil:
		return f.two(x[0], x[1])
	}
	return f.three(x[0], x[1], x[2])
}

// remainder is what % means. The language has it for whole numbers only.
var remainder = Function{Name: "%", two: math.Mod}
