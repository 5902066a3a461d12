// Guest is the first program on a board that an emulator plays: it brings the kernel up, then uses the buses of package board as
// drivers do, and tells on the console what it saw. Then it has the daemon do so, and listens to its broker by `skerry sub`. Package
// scripts/board boots it and acts on the other side.
//
// Vocabulary, one line each on the console: OK and FAIL are findings. INFO is something worth knowing. DO is what the other side is
// to do now: set a temperature, make edges. IDLE: from here on it only waits. END is the last line, with the number of findings; a turn that is not the last
// one ends with CUT, for the other side to cut the power, or with RESET, when the machine's watchdog is to reset it, with the same number.
//
// Limit: it is process 1, and ends with a long sleep: the other side switches the machine off.
package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"skerry/board"
)

func main() {
	defer time.Sleep(time.Hour) // the kernel panics when process 1 ends
	defer func() { say("END", "%d", findings) }()
	defer func() {
		if r := recover(); r != nil {
			say("FAIL", "panic: %v", r)
		}
	}()
	if err := bringUp(); err != nil {
		say("FAIL", "bring the machine up: %v", err)
		return
	}
	run()
}

// findings counts the lines OK and FAIL, so that the other side notices one that is lost, and failures those of FAIL.
var findings, failures int

// say writes one line to the console.
func say(word, format string, args ...any) {
	if word == "OK" || word == "FAIL" {
		findings++
	}
	if word == "FAIL" {
		failures++
	}
	fmt.Fprintf(os.Stdout, "\n>>%s %s\n", word, strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", "; "))
}

// check tells whether something holds.
func check(what string, err error) {
	if err != nil {
		say("FAIL", "%s: %v", what, err)
		return
	}
	say("OK", "%s", what)
}

// bringUp mounts what Linux programs expect and loads the modules that lie beside this program.
func bringUp() error {
	for _, m := range [][2]string{{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}} {
		if err := os.MkdirAll(m[1], 0o755); err != nil {
			return err
		}
		if err := unix.Mount(m[0], m[1], m[0], 0, ""); err != nil && err != unix.EBUSY {
			return fmt.Errorf("mount %s: %w", m[1], err)
		}
	}
	os.WriteFile("/proc/sys/kernel/printk", []byte("1"), 0)      // or else the kernel talks in between
	unix.Mount("debugfs", "/sys/kernel/debug", "debugfs", 0, "") // not every kernel has it
	modules, err := filepath.Glob("/modules/*.ko")
	if err != nil {
		return err
	}
	slices.Sort(modules)
	for _, path := range modules {
		code, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		options, err := os.ReadFile(strings.TrimSuffix(path, ".ko") + ".options")
		if err != nil && !os.IsNotExist(err) {
			return err
		}
		if err := unix.InitModule(code, string(options)); err != nil && err != unix.EEXIST {
			return fmt.Errorf("load %s: %w", path, err)
		}
	}
	return nil
}

// run tries what this machine has.
func run() {
	b, err := board.Open(board.Options{Buses: map[string]board.Bus{
		"i2c":   {I2C: firstI2C()},
		"rs485": {Serial: "/dev/ttyAMA1", RS485: board.RS485{Direction: board.ByKernel, After: time.Millisecond}},
	}})
	if err != nil {
		say("FAIL", "open the board: %v", err)
		return
	}
	m := b.Machine()
	say("INFO", "model %q, compatible %v, header %v", m.Model, m.Compatible, m.Header)
	part := os.Getenv("part") // of the kernel's command line
	switch {
	case part == "clock":
		noClock(b)
	case part == "hang":
		hang()
	case m.RaspberryPi():
		raspberry(b)
	case slices.Contains(m.Compatible, "linux,dummy-virt"):
		virt(b)
	default:
		smbus(b)
	}
}

// firstI2C waits for a bus: a driver that is a module needs a moment.
func firstI2C() string {
	for range 50 {
		if _, err := os.Stat("/dev/i2c-1"); err == nil {
			return "/dev/i2c-1"
		}
		time.Sleep(20 * time.Millisecond)
	}
	return "/dev/i2c-0"
}

// eventually tries again until it works or the time is over.
func eventually(timeout time.Duration, try func() error) error {
	end := time.Now().Add(timeout)
	for {
		err := try()
		if err == nil || time.Now().After(end) {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// driverOf is the folder of the driver of a device, and the name of the device in it, found by a pattern of its path.
func driverOf(pattern string) (folder, device string, err error) {
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) == 0 {
		return "", "", fmt.Errorf("%s: %w", pattern, fs.ErrNotExist)
	}
	folder, err = filepath.EvalSymlinks(filepath.Join(found[0], "driver"))
	return folder, filepath.Base(found[0]), err
}

// unplugged takes a device away from its driver, as a cable that is pulled, and gives it back after during.
func unplugged(pattern string, during func()) error {
	folder, device, err := driverOf(pattern)
	if err != nil {
		return err
	}
	if err := write(filepath.Join(folder, "unbind"), device); err != nil {
		return err
	}
	during()
	return write(filepath.Join(folder, "bind"), device)
}

func write(path, text string) error { return os.WriteFile(path, []byte(text), 0) }
