// Package bme280 reads the Bosch BME280 (temperature, humidity, pressure) and BMP280 (no humidity) on I2C, through
// periph.io/x/devices/v3/bmxx80.
//
// The chip is at 0x76 or 0x77, by its SDO pin; both are tried unless the configuration names one. Register 0xD0 tells which
// chip it is: 0x60 for a BME280, 0x58 for a BMP280; anything else is refused by name where it is known.
//
// # Guarantees
//
// Each Sense is one measurement made then (forced mode); the chip sleeps in between. After it, chip id and configuration are read
// again: a chip that lost its supply meanwhile has forgotten that humidity was switched on and would be read as a constant. It
// is then set up anew and asked once more. Values outside the datasheet's operating range are Suspect.
//
// bmxx80 waits for the end of a measurement without a limit of its own; here every transfer passes a gate that closes with the
// context and after one second, so that a wedged chip ends in an error.
//
// # Limits
//
// No SPI. Oversampling is fixed at 4x for each value, about 25 ms for a measurement.
//
// Source: Bosch BST-BME280-DS002, "BME280 Combined humidity and pressure sensor"; pages are of revision 1.6.
package bme280
