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
