// Package board is the machine that the gateway runs on: what it is called, its I2C buses, GPIO lines and serial ports. It is what
// drivers.Buses asks for; package board/sim is the same without hardware.
//
// # Guarantees
//
// Opening never ends the program: what is missing is an error that names the device and ends with a hint, and the same call may be
// made again later.
//
// I2C goes through periph.io/x/host/v3/sysfs and never through host/v3, rpi or bcm283x: run by root on a Raspberry Pi 5 those
// would map physical memory at the address of an older model's GPIO block. The transfer itself is ours, for the safety of memory. Each one ends within its deadline: first by the
// kernel's own timeout, which is set here, and when a driver in the kernel does not obey by Guard, which then refuses the bus
// until the kernel comes back.
//
// GPIO goes through the kernel's line interface v2, with its debounce, time stamps and sequence numbers. Chips are found by
// label or line name, as their numbers change with the kernel.
//
// A serial port is opened and set up by github.com/tarm/serial, then read and written over a descriptor of our own that
// Go's poller watches. Through tarm's descriptor a time-out and an unplugged adapter are both io.EOF, Close hangs behind a Read,
// deadlines come in steps of 100 ms, and each waiting port holds a thread. Here silence is os.ErrDeadlineExceeded, a pulled adapter is
// drivers.ErrUnplugged, Close frees a waiting Read, and after an adapter returned under the same path the port goes on. A port is
// taken for this program alone (flock, TIOCEXCL).
//
// # Limits
//
// Linux 5.10 or later for GPIO. No SPI and no 1-Wire yet. An I2C adapter must know plain I2C transfers (SMBus-only ones do not).
package board
