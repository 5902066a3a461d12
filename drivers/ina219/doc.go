// Package ina219 reads the Texas Instruments INA219 on I2C: voltage, current and power of a supply.
//
// The registers are read here and not through periph's driver of the chip: that measures voltages of up to 16 V only, and gives 16 V for a battery of 24.
//
// # Guarantees
//
// Up to 32 V at the bus, and 320 mV at the shunt: 3.2 A with one of 0.1 Ω. A current beyond that is Suspect. The averages of 128 samples are read, 68 ms each,
// and only after a new measurement has ended. A chip that has lost its supply, and with it the settings, is set up again.
//
// # Limits
//
// The chip has no id. It is known by its configuration after a reset.
//
// Source: Texas Instruments SBOS448, "INA219".
package ina219
