// Package ads1x15 reads the Texas Instruments ADS1115 and ADS1015 on I2C: four voltages, or two differences.
//
// The registers are read here and not through periph's driver of the chip: that waits for as long as a conversion takes by the book and reads then, and the chip's
// clock may be 10 % slower. What is read is then the conversion before, which was of another input.
//
// # Guarantees
//
// The end of a conversion is read from the chip, with the settings it was made with: a value of one input is never reported as that of another. A voltage
// at the end of the range is Suspect.
//
// # Limits
//
// No continuous mode, no comparator. The chip has no id; that it takes its configuration back is all there is to know it by. An input must not go
// above the supply, whatever the range.
//
// Source: Texas Instruments SBAS444, "ADS111x"; SBAS473, "ADS101x".
package ads1x15
