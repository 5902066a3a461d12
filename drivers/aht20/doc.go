// Package aht20 reads the Aosong AHT20 on I2C: air temperature and relative humidity, through periph.io/x/devices/v3/aht20.
//
// # Guarantees
//
// Each Sense is one measurement made then, with a checksum. The chip has no id: that it answers at its one address with a status that says
// "calibrated" is all there is to know it by, beside the checksum.
//
// # Limits
//
// One address, 0x38: one chip on a bus. The AHT10 has no checksum and is refused.
//
// Source: Aosong, "AHT20 product manuals", V1.0.
package aht20
