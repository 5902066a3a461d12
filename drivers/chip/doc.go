// Package chip is what drivers of I2C chips have in common: finding the chip among its addresses, setting it up again after it was away,
// and an end to every call.
//
// A Model says how a kind of chip is set up; a Device is one that is; Model.Open gives the drivers.Sensor around it.
//
// # Guarantees
//
// Transfers pass a gate that is open during a call, and closes with its context or when Model.Patience is over: a chip driver that polls a
// chip which never gets ready ends in an error. After an error of a measurement the chip is looked for and set up anew by the next one, as if
// it had just been found: it may have lost its supply, and its settings. Errors name the chip, its address and its bus, and end with a hint.
//
// # Limits
//
// The chip stays at the address where it was found first.
package chip
