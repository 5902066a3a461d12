// Package health reads how the board itself fares: temperature of the processor, supply voltage, load, memory, disk.
//
// # Guarantees
//
// What a board does not have is left out: only a Raspberry Pi tells of its supply. Everything is read from files of the kernel, without
// privileges.
//
// # Limits
//
// The kernel's driver of the supply (drivers/hwmon/raspberrypi-hwmon.c) asks the firmware every two seconds and has it forget what it has
// seen: the file shows a dip for a moment only. What a reading has shown is remembered here, until the end of the program; a dip between
// two readings may stay unseen.
//
// Sources: the kernel's Documentation/filesystems/proc.rst and Documentation/driver-api/thermal/sysfs-api.rst; Raspberry Pi
// documentation, "vcgencmd get_throttled", which the file of the same name gives.
package health
