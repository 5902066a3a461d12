// Package nmea reads satellite receivers (GPS, Galileo, GLONASS, BeiDou) that speak NMEA 0183 on a serial port, with the
// sentences decoded by github.com/adrianmo/go-nmea.
//
// # Vocabulary
//
// A sentence is one line, "$GPRMC,...*6A". An epoch is what a receiver says about one moment: a burst of sentences, mostly one a
// second, that carry the same time of day.
//
// # Guarantees
//
// Sense listens until one whole epoch has come and reports that one; what waited in the port for longer is thrown away first.
//
// A sentence counts only with its checksum. The reader finds its way back at the next '$' from any garbage, and a line without
// an end does not fill the memory.
//
// A receiver without a fix sends positions that decode as 0°N 0°E without an error; and an empty field decodes as 0. Here what is
// not said, or said to be invalid by any sentence of the epoch, is a reading without a value (Bad); so is 0°N 0°E to all decimals. A
// receiver that says the same moment for ever is an error. Dead reckoning, manual and
// simulated positions, and the altitude of a two-dimensional fix, are Suspect. A date before this program was written, as
// receivers give it after a week rollover, is Suspect; the century is never taken from the local clock.
//
// Silence, an unplugged adapter, and bytes that are no sentences (the wrong speed) are three different errors.
//
// # Limits
//
// The receiver is not configured: it must send RMC, GGA, GNS, GLL or ZDA by itself, as they do from the factory.
package nmea
