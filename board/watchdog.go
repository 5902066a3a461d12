package board

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Watchdog is the machine's own: a circuit that resets it unless it is fed in time
// (Documentation/watchdog/watchdog-api.rst of Linux). From OpenWatchdog to Close it counts, also when the program is no more.
type Watchdog struct {
	file    *os.File
	timeout time.Duration
}

// timer sets and tells a watchdog's timeout in seconds.
type timer interface {
	set(seconds int) error
	get() (seconds int, err error)
}

// OpenWatchdog starts the watchdog at path with a timeout, or with the one nearest to it that its driver has, or the one that it has
// if it cannot be set.
func OpenWatchdog(path string, timeout time.Duration) (*Watchdog, error) {
	info, err := os.Stat(path)
	if err == nil && info.Mode()&fs.ModeCharDevice == 0 {
		return nil, fmt.Errorf("%s is no device (hint: ls /dev/watchdog*)", path)
	}
	if err != nil {
		return nil, fmt.Errorf("%w%s", err, watchdogHint(err))
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("%w%s", err, watchdogHint(err))
	}
	return startWatchdog(f, timerOf(f), timeout)
}

// startWatchdog takes f over.
func startWatchdog(f *os.File, t timer, timeout time.Duration) (*Watchdog, error) {
	w := &Watchdog{file: f, timeout: timeout}
	refused := t.set(int(timeout / time.Second))
	seconds, err := t.get() // also after set: a driver may take another timeout than asked for, and say nothing ("Setting and getting the timeout")
	switch {
	case err == nil && seconds > 0:
		w.timeout = time.Duration(seconds) * time.Second
	case refused != nil:
		return nil, errors.Join(fmt.Errorf("%s does not tell its timeout: %w (hint: is it a watchdog?)", f.Name(), err), w.Close())
	}
	return w, nil
}

func watchdogHint(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return " (hint: ls /dev/watchdog*; on a Raspberry Pi dtparam=watchdog=on in /boot/firmware/config.txt)"
	case errors.Is(err, syscall.EBUSY):
		return " (hint: another program has it. If that is systemd, by RuntimeWatchdogSec, leave gateway.watchdog out: systemd watches the gateway)"
	case errors.Is(err, fs.ErrPermission):
		return " (hint: give it to the group of the gateway by a rule of udev, and to the unit by DeviceAllow=char-watchdog rw)"
	}
	return ""
}

// Timeout is how long after the last Feed the machine is reset.
func (w *Watchdog) Timeout() time.Duration { return w.timeout }

// Feed starts the count anew.
func (w *Watchdog) Feed() error {
	_, err := w.file.Write([]byte{0})
	return err
}

// Close stops the count: what ends in good order needs no reset. A kernel with CONFIG_WATCHDOG_NOWAYOUT goes on counting.
func (w *Watchdog) Close() error {
	_, err := w.file.WriteString("V")
	return errors.Join(err, w.file.Close())
}

// Leave lets go of the device and does not stop the count: a program is to be started anew within the timeout, or the machine is reset.
func (w *Watchdog) Leave() error { return w.file.Close() }

// fileTimer asks the driver.
type fileTimer struct{ file *os.File }

func timerOf(f *os.File) timer { return fileTimer{f} }

func (t fileTimer) set(seconds int) error {
	return unix.IoctlSetPointerInt(int(t.file.Fd()), unix.WDIOC_SETTIMEOUT, seconds)
}

func (t fileTimer) get() (int, error) {
	return unix.IoctlGetInt(int(t.file.Fd()), unix.WDIOC_GETTIMEOUT)
}
