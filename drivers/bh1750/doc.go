// Package bh1750 reads the Rohm BH1750FVI on I2C: illuminance.
//
// The chip is asked here and not through periph's driver of it, which reads after 140 ms what may take 180, and leaves out the fraction.
//
// # Guarantees
//
// Each Sense is one measurement made then; the chip switches itself off afterwards.
//
// # Limits
//
// The chip has no id and no checksum: anything that acknowledges its commands is taken for it. Above 54,612 lx it says that.
//
// Source: Rohm 10046JCT01, "BH1750FVI", revision D.
package bh1750
