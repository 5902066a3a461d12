// Package hdc302x reads the Texas Instruments HDC3020, HDC3021 and HDC3022 on I2C: air temperature and relative humidity.
//
// # Guarantees
//
// The chip is identified by its manufacturer's id. Each Sense is one measurement made then, with the lowest noise; each value has a checksum. The
// chip sleeps in between: periph's driver of the chip measures without end, which warms it and takes more current.
//
// # Limits
//
// No heater, no alert pin, no offsets of the chip's own.
//
// Source: Texas Instruments SNAS778, "HDC302x".
package hdc302x
