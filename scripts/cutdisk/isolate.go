package cutdisk

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// isolated is the variable of the environment that tells the second self from the first.
const isolated = "SKERRY_CUTDISK_ISOLATED"

// ErrUnable: this machine has not what the laboratory needs. The error says what.
var ErrUnable = errors.New("this needs root, /dev/fuse, loop devices and mkfs.ext4")

// Able says what is missing on this machine, or nil.
func Able() error {
	if !canServe {
		return fmt.Errorf("%w: not on a machine of 32 bits", ErrUnable)
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("%w: not root", ErrUnable)
	}
	for _, name := range []string{"/dev/fuse", "/dev/loop-control"} {
		f, err := os.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrUnable, err)
		}
		f.Close()
	}
	if _, err := exec.LookPath("mkfs.ext4"); err != nil {
		return fmt.Errorf("%w: %w", ErrUnable, err)
	}
	return nil
}

// Isolate runs the program once more, in mount, process and network namespaces of its own: what it mounts nobody else sees,
// whatever it started ends with it, then the kernel unmounts everything, and every port is free. main calls it after Served
// and ends with the code when done; when not, it is the second self that goes on.
func Isolate() (code int, done bool, err error) {
	if os.Getenv(isolated) != "" {
		return 0, false, loopbackUp()
	}
	if err := Able(); err != nil {
		return 1, true, err
	}
	runtime.LockOSThread() // the death signal is sent when the thread that started the child ends, not the process
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), isolated+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:   unix.CLONE_NEWPID | unix.CLONE_NEWNET,
		Unshareflags: unix.CLONE_NEWNS,
		Pdeathsig:    unix.SIGKILL,
	}
	if err := cmd.Start(); err != nil {
		return 1, true, fmt.Errorf("make namespaces: %w", err)
	}
	forward(cmd.Process)
	err = cmd.Wait()
	if _, exited := errors.AsType[*exec.ExitError](err); exited {
		return max(cmd.ProcessState.ExitCode(), 1), true, nil
	}
	return 0, true, err
}

// forward passes on what asks the program to end: the child decides how.
func forward(child *os.Process) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGTERM, unix.SIGINT)
	go func() {
		for s := range signals {
			_ = child.Signal(s)
		}
	}()
}

// Room makes a folder for the time of the program. It is in memory and goes with the namespace, however the program ends; Isolate
// must have been called. It lies over an empty folder of the machine: nothing is hidden.
func Room() (string, error) {
	for _, dir := range []string{"/mnt", "/media", "/srv"} {
		if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
			continue
		}
		if err := unix.Mount("cutdisk", dir, "tmpfs", 0, "mode=700"); err != nil {
			return "", fmt.Errorf("make a folder in memory: %w", err)
		}
		return dir, nil
	}
	return "", errors.New("none of /mnt, /media and /srv is an empty folder to work in")
}

// loopbackUp makes 127.0.0.1 work in a new network namespace.
func loopbackUp() error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open a socket: %w", err)
	}
	defer unix.Close(s)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, lo); err != nil {
		return fmt.Errorf("raise the loopback interface: %w", err)
	}
	return nil
}
