// Package scd4x reads the Sensirion SCD40, SCD41 and SCD43 on I2C: CO2, air temperature, humidity.
//
// The commands are given here and not through periph's driver of the chip, which reads the answer in the same transfer as the command: the chip wants
// a millisecond between.
//
// # Guarantees
//
// The chip measures every five seconds by itself. A Sense takes the newest measurement, which it waits for if there is none since the last
// Sense: at most six seconds. Each word has a checksum. The first measurement after a start is not yet settled, and Suspect.
//
// # Limits
//
// The chip's own correction (automatic self-calibration: it takes the lowest value of a week for 400 ppm) stays as it is set; give the air
// pressure with the altitude. Single-shot mode is not used.
//
// Source: Sensirion, "Datasheet SCD4x", version 1.6 (July 2024).
package scd4x
