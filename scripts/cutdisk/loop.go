package cutdisk

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// attach gives a loop device over f. It detaches itself when nobody has it open or mounted any more.
func attach(f *os.File) (*os.File, error) {
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("open the control of the loop devices: %w", err)
	}
	defer control.Close()
	for range 50 {
		n, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return nil, fmt.Errorf("find a free loop device: %w", err)
		}
		loop, err := configure(f, n)
		if !errors.Is(err, unix.EBUSY) {
			return loop, err
		}
		time.Sleep(time.Millisecond) // somebody else was faster
	}
	return nil, errors.New("no loop device is free")
}

func configure(f *os.File, number int) (*os.File, error) {
	loop, err := os.OpenFile(fmt.Sprintf("/dev/loop%d", number), os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("open loop device: %w", err)
	}
	c := unix.LoopConfig{Fd: uint32(f.Fd())}
	c.Info.Flags = unix.LO_FLAGS_AUTOCLEAR
	if err := unix.IoctlLoopConfigure(int(loop.Fd()), &c); err != nil {
		loop.Close()
		return nil, fmt.Errorf("set up %s: %w", loop.Name(), err)
	}
	return loop, nil
}

// mountLoop mounts the ext4 file system in f at folder, by a loop device that goes with the mount.
func mountLoop(f *os.File, folder string) error {
	loop, err := attach(f)
	if err != nil {
		return err
	}
	defer loop.Close()
	if err := unix.Mount(loop.Name(), folder, "ext4", 0, ""); err != nil {
		return fmt.Errorf("mount %s: %w", loop.Name(), err)
	}
	return nil
}

// Unmount unmounts folder and says so when it cannot: a file system that is still mounted would be written to by two.
func Unmount(folder string) error {
	var err error
	for range 200 {
		err = unix.Unmount(folder, 0)
		if !errors.Is(err, unix.EBUSY) {
			break
		}
		time.Sleep(10 * time.Millisecond) // a process that was killed may not have let go yet
	}
	if err != nil {
		return fmt.Errorf("unmount %s: %w", folder, err)
	}
	return nil
}

// Sync writes everything that the file system at folder has in memory.
func Sync(folder string) error {
	d, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := unix.Syncfs(int(d.Fd())); err != nil {
		return fmt.Errorf("sync %s: %w", folder, err)
	}
	return nil
}
