// Package formula computes with the values of a station: derived values, and the conditions of alarms.
//
// Vocabulary. A [Formula] is the text of a `derive`, a [Condition] that of a `when`, compiled once; the language is that of
// github.com/expr-lang/expr, less what could cost without bound. A [Scope] says which values there are. An [Input] is a value
// that an expression uses: `air.temperature`, or `temperature` alone inside the sensor air. Names that the language cannot read,
// such as soil-1, are written sensors["soil-1"].temperature.
//
// Guarantees. A name that is not in the Scope, a text in the place of a number, and a value in another unit than a function
// wants are errors of Compile, with their place. A result that is no finite number is an error, never a number that looks like one. A
// Condition is three-valued: what hangs on an input that cannot be used is Unknown, and neither true nor false; usable(air.temperature)
// asks for that itself.
//
// Limits. An expression has at most MaxNodes parts and no loops, so that it takes a time that is bounded by its length. Whether
// the units of a sum or a product fit is not checked.
package formula
