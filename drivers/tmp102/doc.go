// Package tmp102 reads the Texas Instruments TMP102 on I2C: temperature to half a degree.
//
// The registers are read here and not through periph's driver of the chip, which writes a configuration that it has failed to read.
//
// # Guarantees
//
// The chip has no id. It is known by bits of its configuration that cannot be changed (resolution) and are not those of an idle bus. It
// measures four times a second.
//
// # Limits
//
// No alert pin, no extended mode.
//
// Source: Texas Instruments SLOS394, "TMP102".
package tmp102
