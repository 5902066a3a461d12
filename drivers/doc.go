// Package drivers says what those that read sensors or set outputs and the rest of the gateway expect of each other.
//
// # Vocabulary
//
// A sensor is one device, or one line of the board, in use. It has values: "temperature", "total", "latitude". A Reading is
// one value at one time with its quality. A Kind is what the configuration calls `driver:`; a driver package exports one,
// or one for each chip of a family, and package drivers/all lists them. An Actuator is a device or line that can be set; a Kind with an
// OutputKind makes them. Buses is what a driver needs of the machine; package board satisfies it with
// hardware and package board/sim without.
//
// # What every driver promises
//
//   - It starts no goroutine and keeps no schedule: it works when it is asked, inside Sense.
//   - Sense ends when its context does, also when the device is wedged, with an error that says what was waited for.
//   - A value that is not there is a Reading with Quality Bad or an error, never a number that looks like one. The chip is
//     identified before it is believed: an empty bus can answer 0xFF to everything without an error.
//   - After an error Sense may be called again: a device that comes back is set up anew, as if it had just been found.
//   - Halt may be called at any time and more than once.
//
// An Actuator promises the same of Set and Get, and reports no value as set that the device has not confirmed, where it can confirm.
//
// Package drivers/drivertest holds the tests that each driver passes.
//
// # Limits
//
// A Sensor or Actuator is used by one goroutine at a time. A value is one number or one short text; a position is three values.
package drivers
