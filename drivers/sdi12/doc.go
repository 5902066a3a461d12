// Package sdi12 reads the sensors of an SDI-12 bus (water level, soil moisture, weather, water quality) by an adapter on a serial
// port, as a data recorder does by the SDI-12 specification, version 1.4 (January 10, 2019, sdi-12.org).
//
// # Vocabulary
//
// Up to 62 sensors share one wire; each has an address, one of 0-9, A-Z, a-z. A command begins with the address and ends with
// '!'; an answer begins with the address and ends with a line end. A measurement is started (aM! or aC!), gets ready some seconds
// later, and is fetched in pieces (aD0!, aD1! ...); its values have no names, only their places 1, 2, 3, which the configuration names.
// A sensor that measures all the time is asked with aR0!. Identification is what a sensor says of itself (aI!): version of the protocol,
// maker, model.
//
// The adapter is transparent, when the port is the wire (1200 bit/s, 7E1, with breaks made here), or text, when it takes commands
// as text at its own speed and does the rest.
//
// # Guarantees
//
// No value is ever reported under the name of another, whatever comes late, twice, torn, or from elsewhere. An answer counts only if it
// begins with the address, is of the form that its command asks for, and carries the right CRC where the sensor knows one (from version 1.3). A
// measurement counts only with exactly the number of values that it announced, and with a place for each name.
//
// Answers carry no number, so one that is late could stand for the next one. Therefore the sensor is asked for its
// identification after anything that went wrong, and at the end of each measurement that was fetched in pieces: no data looks like an
// identification, and a serial line keeps its order, so what comes before it belongs to the past. Data that shows up there where none
// should be voids the measurement. A piece that equals the one before it counts only when it comes a second time.
//
// A sensor of another model at the same address is refused.
//
// No answer, an answer of another address, a wrong CRC, a garbled or torn answer, too few values, and a measurement that the sensor
// gave up are errors of their own. A command is tried three times, with a new break each time, and to wake a sensor three times
// after each break.
//
// # Limits
//
// A measurement that takes longer than a reading may (about 7 s) needs aC!; a reading that is not ready is a drivers.NotYetError. High-volume
// commands (aHA!, aHB!), metadata and changing of addresses are not there. What a single bit changes in an answer without a CRC
// is seen only if it breaks the form.
package sdi12
