// Package sim is a board without hardware, at the level of its buses: drivers run on it as they run on the real one.
//
// # What is on it
//
// Every name exists. An I2C bus has a BME280 at 0x76, a register map with calibration whose measurements follow an invented
// weather. A GPIO line has a rain gauge that tips a few times a minute; its edges are numbered as the kernel does. A serial port is
// a pseudo-terminal, opened through board.OpenPort as a real one, at which a satellite receiver talks once a second; one whose name
// begins with sdi12 has an adapter with a water gauge at address 0 and a soil probe at address 1, with scale a scale that says lines, with dust
// an SDS011, with co2 an MH-Z19, with rs485 two
// Modbus devices: an electricity meter with unit_id 1 and a heat meter with unit_id 2, some of which can be written. The kernel has a PWM
// chip with two channels.
//
// A bare board has nothing of that, and everything is put on it by its owner, as package simulate does for a whole station: chips by
// Bus.Plug, pulses by Line.Pulses, devices at ports by Connect, on the network by Host, files of the kernel by Kernel.
//
// Bus, Line and Tty give what a test needs to make trouble: set values, unplug and plug, another chip, a bus that hangs, lost
// edges, a receiver without a fix, silence, garbage.
//
// # Limits
//
// Time is that of the machine: a simulated sensor does not run faster. Serial ports need Linux and /dev/ptmx.
package sim
