// Package hwmon reads sensors that the kernel drives as hardware monitoring devices: SHT3x, SHT4x, LM75, TMP102, INA2xx, fans, supplies.
//
// A device has a name, which is that of its chip ("sht4x"), and channels ("temp1", "humidity1", "in0"), each a file with a whole number
// in a thousandth or millionth of its unit; the kernel documents them in Documentation/hwmon/sysfs-interface.rst.
//
// # Guarantees
//
// Devices are found by name, never by the number that the kernel gave them, at each reading anew. Two of one name are refused unless
// the configuration says which by its place on the bus. A channel whose fault flag is set has no value.
//
// # Limits
//
// Limits and alarms that the kernel keeps are not read.
package hwmon
