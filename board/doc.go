// Package board is the machine that the gateway runs on: what it is called, its header, its buses, GPIO lines and serial ports. It is
// what drivers.Buses asks for; package board/sim is the same without hardware.
//
// # Guarantees
//
// Opening never ends the program: what is missing is an error that names the device and ends with a hint, and the same call may be
// made again later. What was pulled (an adapter for I2C, SPI or a serial line, an expander) is drivers.ErrUnplugged, and goes on when
// it is back under the same path or name.
//
// No memory of the machine is mapped: of periph.io/x/host/v3 only sysfs is used, for SPI. host/v3, rpi or bcm283x would, run by root on a
// Raspberry Pi 5, map it at the address of an older model's GPIO block.
//
// An I2C transfer ends within its deadline: first by the kernel's own timeout, which is set here, and when a driver in the kernel does
// not obey by Guard, which then refuses the bus until the kernel comes back. An adapter is open during a transfer only. One that makes
// no plain I2C transfers is used by those calls of SMBus that are the same on the bus. A chip that a driver of the kernel has is refused.
//
// GPIO goes through the kernel's line interface v2, with its debounce, time stamps and sequence numbers. Chips are found by
// label, device or line name, as their numbers change with the kernel. The models of the Raspberry Pi are told by the device tree.
//
// A serial port is opened and set up by github.com/tarm/serial, then read and written over a descriptor of our own that
// Go's poller watches. Through tarm's descriptor a time-out and an unplugged adapter are both io.EOF, Close hangs behind a Read,
// deadlines come in steps of 100 ms, and each waiting port holds a thread. Here silence is os.ErrDeadlineExceeded, Close frees a waiting
// Read. A port is taken for this program alone (flock, TIOCEXCL). Where a line has parity it is checked, and a character with an error is
// a zero byte. The direction of RS-485 is switched by the kernel or the adapter.
//
// # Limits
//
// Linux 5.10 or later for GPIO. 1-Wire is the kernel's, through Files. A stuck I2C bus is reported; only the kernel's driver can clock it free.
package board
