// Package modbustest is a Modbus slave in memory, for tests and for the simulated board.
//
// A Slave has devices by unit id with their four tables; it answers RTU frames and Modbus TCP messages. Line connects it to a serial
// line, and can be made sick: answers that come late, twice, in pieces, as another device, damaged, with garbage around them, or never.
//
// # Limits
//
// Functions 1 to 6, 15 and 16. It shares no code with the master that it tests.
package modbustest
