package control

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	socketName = "control"
	// mostPath is how long a path the address of a Unix socket holds, its closing zero left out.
	mostPath = 107
)

// address gives a name of the socket in dir that is short enough for the kernel. It is good until done is called.
func address(dir string) (path string, done func(), err error) {
	path = filepath.Join(dir, socketName)
	if len(path) <= mostPath {
		return path, func() {}, nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return "", nil, err
	}
	return "/proc/self/fd/" + strconv.Itoa(int(d.Fd())) + "/" + socketName, func() { d.Close() }, nil
}

// listen makes the socket. The caller has the lock of the store, so one that is there was left behind by a process that is dead.
func listen(dir string) (*net.UnixListener, error) {
	if err := removeSocket(dir); err != nil {
		return nil, err
	}
	path, done, err := address(dir)
	if err != nil {
		return nil, err
	}
	defer done()
	config := net.ListenConfig{Control: onlyForOwner}
	l, err := config.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, err
	}
	u := l.(*net.UnixListener)
	u.SetUnlinkOnClose(false) // the path may be gone by then
	return u, nil
}

// onlyForOwner sets the mode that the file of the socket will be made with: after that would be too late.
func onlyForOwner(_, _ string, c syscall.RawConn) error {
	var err error
	if e := c.Control(func(fd uintptr) { err = unix.Fchmod(int(fd), 0o600) }); e != nil {
		return e
	}
	return err
}

// removeSocket removes the socket in dir, and nothing else that has its name.
func removeSocket(dir string) error {
	path := filepath.Join(dir, socketName)
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("%s is in the way and no socket", path)
	}
	return os.Remove(path)
}

// admitted tells whether the other side is root or the user of this process.
func admitted(c *net.UnixConn) bool {
	raw, err := c.SyscallConn()
	if err != nil {
		return false
	}
	var peer *unix.Ucred
	var failed error
	if raw.Control(func(fd uintptr) { peer, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }) != nil || failed != nil {
		return false
	}
	return peer.Uid == 0 || peer.Uid == uint32(os.Geteuid())
}
