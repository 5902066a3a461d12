// Package scan finds what is wired to a board, and writes configuration for it.
//
// # Vocabulary
//
// A plan is what there is to look at: buses, ports. A finding is one device, or one thing worth knowing; a section has those of one kind. A
// block is the configuration of a finding. A doubtful block is written as a comment.
//
// # Guarantees
//
// On I2C nothing is written to an address that no driver of this program knows. There it is read, and then asked for its identity as
// its driver says (drivers.Probe): with a register number first, with a command only when that told nothing. Memories (0x50 to 0x57),
// clocks and motion sensors (0x68) and port expanders are read and nothing else. Addresses that a driver of the kernel has are left to it. A
// bus that hangs is given up.
//
// A serial port is listened to; nothing is sent unless Options say so. The port of the kernel's console is not opened, nor are ports
// and I2C buses that a running station holds.
//
// What is printed is YAML: findings are comments, and the rest is a configuration that `skerry check` accepts.
//
// # Limits
//
// Linux has no way to list what is on SPI. A chip that does not say what it is can only be supposed. Opening a port resets boards that
// take DTR for it, as many Arduinos do. A device that answers only when asked is silent.
package scan
