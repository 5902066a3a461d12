package board

import (
	"golang.org/x/sys/unix"

	"skerry/drivers"
)

// checkParity has the kernel look at the parity of what comes, where there is one. tarm/serial sets it for sending and has errors of
// receiving passed over: a digit with a wrong bit would be read as another digit. Here a character with an error is read as a zero byte, which no
// protocol takes for a digit, and a checksum of none allows for.
func checkParity(fd int, p drivers.Parity) error {
	if p == drivers.NoParity {
		return nil
	}
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return err
	}
	t.Iflag = t.Iflag&^(unix.IGNPAR|unix.PARMRK) | unix.INPCK
	return unix.IoctlSetTermios(fd, unix.TCSETS, t)
}

// The bits of a line's settings, as the kernel has them.
var (
	dataBits   = map[int]uint32{5: unix.CS5, 6: unix.CS6, 7: unix.CS7, 8: unix.CS8}
	parityBits = map[drivers.Parity]uint32{drivers.NoParity: 0, drivers.OddParity: unix.PARENB | unix.PARODD, drivers.EvenParity: unix.PARENB}
	stopBits   = map[int]uint32{1: 0, 2: unix.CSTOPB}
)

// ignored names the settings, as the configuration does, of which the kernel's driver has made others: it does so without an error.
func (l *line) ignored(c drivers.SerialConfig) (names []string) {
	var t *unix.Termios
	err := l.control(func(fd int) (err error) {
		t, err = unix.IoctlGetTermios(fd, unix.TCGETS)
		return err
	})
	if err != nil {
		return nil // a port that goes away is noticed elsewhere
	}
	for _, x := range []struct {
		name       string
		mask, want uint32
	}{
		{"data_bits", unix.CSIZE, dataBits[c.DataBits]}, {"parity", unix.PARENB | unix.PARODD, parityBits[c.Parity]}, {"stop_bits", unix.CSTOPB, stopBits[c.StopBits]},
	} {
		if t.Cflag&x.mask != x.want {
			names = append(names, x.name)
		}
	}
	return names
}
