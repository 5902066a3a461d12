// Package iio reads sensors and converters that the kernel drives as Industrial I/O devices: dozens of chips by one reader.
//
// A device has a name, which is that of its chip ("bme280", "mcp3208"), and channels ("temp", "humidityrelative", "voltage0"). A
// channel is a file with a value in the kernel's unit (in_temp_input), or a raw number with an offset and a scale (in_temp_raw); the
// kernel documents both in Documentation/ABI/testing/sysfs-bus-iio. Readings are in the units below, whatever the chip's.
//
// # Guarantees
//
// Devices are found by name, never by the number that the kernel gave them, at each reading anew: one that was unplugged and comes
// back under another number is read again. Two of one name are refused unless the configuration says which by its place on the bus.
//
// # Limits
//
// One reading at a time, no buffers and triggers.
package iio
