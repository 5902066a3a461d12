// Package gpio sets a line of the board: a relay, a valve, a lamp.
//
// # Guarantees
//
// The line has its first level from the moment in which it is taken, without a pulse. A line that goes away, as with an expander that is
// pulled, is an error of the next Set or Get, and is taken anew by the Set after it.
//
// # Limits
//
// What the line does when nobody has it, as after the end of the program, is the chip's business: docs/outputs.md. That the level
// arrives at the other end of the wire is not seen.
package gpio
