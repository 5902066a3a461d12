// Package ds18b20 reads DS18B20 temperature probes, and their relatives DS18S20, DS1822, DS1825 and DS28EA00, on 1-Wire buses that
// the kernel drives (w1-gpio, w1_therm).
//
// A probe has an id, as "28-0316a2795d1f": the family, and a number that no other probe has.
//
// # Guarantees
//
// All probes of a bus measure at the same time where the kernel can do that (therm_bulk_read, Linux 5.10), which takes as long as
// one alone. A reading is believed only if its checksum is right and the probe has measured: one that lost its supply in the
// middle says 85 °C, or 127.94 °C, and is told from a true 85 °C by byte 6 of its scratchpad, which is 0x0C then. A data line
// that is shorted reads as zeros, whose checksum is right too: that is refused.
//
// # Limits
//
// The kernel looks for new probes every ten seconds. Without bulk conversion each probe takes up to 750 ms, so that a
// sensor can have twelve.
//
// Sources: Analog Devices (Maxim) 19-7487, "DS18B20"; the kernel's Documentation/w1/slaves/w1_therm.rst.
package ds18b20
