// Package sht reads Sensirion SHT3x and SHT4x on I2C: air temperature and relative humidity.
//
// The two families have other commands and other formulas. Which one is there is asked by the command that only it answers: the serial
// number, which both give with a checksum.
//
// # Guarantees
//
// Each value comes with a checksum of its own, and one that is wrong is an error: never a number. Each Sense is one measurement made then, with
// the highest repeatability; the chip sleeps in between. The heater is never switched on.
//
// # Limits
//
// No heater, no alert pin.
//
// Sources: Sensirion, "Datasheet SHT3x-DIS", version 7 (December 2022); "Datasheet SHT4x", version 6.5 (April 2024).
package sht
