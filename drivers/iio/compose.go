package iio

import "skerry/drivers"

// ChannelOf is the kernel's name of the channel that a value is read from, and the factor from the kernel's unit to that of the reading:
// for who plays the device.
func ChannelOf(s drivers.Setup, value string) (channel string, factor float64) {
	channel = channels.Channels(s)[value]
	return channel, kindOf(channel).factor
}
