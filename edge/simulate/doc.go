// Package simulate plays the devices of a station from a scenario: a board on which everything is connected that the configuration
// names, and at whose sensors is true what the scenario says.
//
// A Station puts a device for each sensor on a bare board of package sim: a chip at its address, registers on a line, files of the
// kernel, bytes on a port. The drivers are the real ones. A scenario says what a value comes out as, in the unit that is published: the
// device is made to say what calibration, factors and conversions turn into that. What the scenario does not name has a usual course, by its unit
// and name. Beside the sensors a Station plays MQTT clients, the server upstream, and faults.
//
// # Vocabulary
//
// A signal is how a number goes over time. The time of a scenario goes faster than the machine's by its speed; since is what has passed
// of it since the board was opened. A player puts the device of one sensor on the board.
//
// # Guarantees
//
// Every driver of package all has a player, or a test fails. A value is read back within the resolution of its device. The same seed makes
// the same noise. Nothing is sent to the servers of the uplinks: what is invented does not reach who takes it for true.
//
// # Limits
//
// The date is the machine's: readings carry its time, however fast the scenario goes. What a device measures over time by itself, as
// the rate of a pulse counter, is by the machine's clock. A window, a rounding and a deadband are on top. A chip without an identity cannot be told from a wrong one.
package simulate
