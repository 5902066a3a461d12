// Package channel is what the readers of devices that the kernel drives have in common, drivers/iio and drivers/hwmon: a device goes by its
// name and perhaps its place, and its values are channels, which are files.
//
// A Set says what channels a kind of devices has, and how they are written in the configuration. The name of a value stands for a channel
// ("temperature" for "temp1"), unless the configuration names one.
package channel
