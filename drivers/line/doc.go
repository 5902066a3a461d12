// Package line reads devices on a serial port that say lines of text: scales, loggers, ultrasonic gauges, microcontrollers.
//
// # Vocabulary
//
// A line is what stands between two ends. It is read by a pattern, a regular expression whose named groups are the values, or by a
// separator, which makes fields of it that the configuration names by their number. A request is what must be sent before the device
// says a line.
//
// # Guarantees
//
// Only whole lines count: what is heard first, and may be the rest of one, is dropped up to its end; so is everything after bytes may have
// been lost. A pattern must fit the whole line, so that a line of which something is missing does not pass for another one. A line that has no end does not
// fill the memory, and one with bytes that are no text counts for nothing.
//
// A value that a line does not have, or that is no number where one is due, is a reading without a value (Bad). All values come from
// lines heard in the same reading.
//
// Silence, an unplugged adapter, bytes without lines, and lines that do not fit are four different errors.
//
// # Limits
//
// There is no checksum: a digit that the line changed is believed. Values of several kinds of lines are gathered until all are there, and
// may be of different moments. Numbers are decimal. An answer that comes later than `wait` and then 200 ms passes for the one to the next
// request: its values are those of their names, and older than said.
package line
