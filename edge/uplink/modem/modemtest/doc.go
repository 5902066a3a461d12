// Package modemtest is a modem for tests, at the level of its serial port.
//
// A [Modem] answers AT commands as cellular modems and those of Iridium do, by what it is set to: signal, registration, operator, APN. It can be
// made sick: silent, slow, in pieces, with garbage and lines that nobody asked for, without some commands, with a SIM that is missing. It notes
// each command that it heard. Serve connects it to any stream of bytes; Plug and Unplug to a pseudo-terminal whose path stays the same.
//
// # Limits
//
// What it does not know it answers with ERROR. It shares no code with the client that it tests. Pseudo-terminals need Linux and /dev/ptmx.
package modemtest
