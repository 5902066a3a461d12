// Package filter decides by content: whether an expression holds of a message.
//
// Vocabulary. An [Expression] is the text of a `when`, compiled once; the language is that of github.com/expr-lang/expr, less what
// could cost without bound. A [Subject] is one message as expressions see it, and the memory that looking at it needs. A name
// that a message has nothing for (a member that is not there, a payload that cannot be read) is missing.
//
// Guarantees. What a Subject reads of a payload it reads once, when the first expression asks for it, and not at all when none
// does. An expression that meets something missing, or compares things that cannot be compared, does not hold; that is counted,
// and [Expression.Check] says why. No payload panics, and none costs more than the bounds below.
//
// Limits. A payload of more than MaxPayload is not looked into. JSON and CBOR of more than MaxValues values, or nested deeper
// than MaxDepth, cannot be read. An expression has at most MaxNodes parts, and no loop inside a loop, so that it takes at most
// MaxNodes * MaxValues steps, each in a time that grows with the text it looks at; it may not make ranges, or patterns out of a
// payload. Numbers are float64: whole ones are exact up to 2^53.
package filter
