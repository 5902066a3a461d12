package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
)

// listenUnix opens a Unix socket. One that a program has left behind is removed first, one at which somebody listens
// is not. It goes away with the listener.
func listenUnix(path string, mode fs.FileMode) (net.Listener, error) {
	nl, err := bindUnix(path, mode)
	if errors.Is(err, syscall.EADDRINUSE) && abandoned(path) {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("remove what another program left: %w", err)
		}
		nl, err = bindUnix(path, mode)
	}
	if err != nil {
		return nil, fmt.Errorf("%w%s", err, unixHint(err, path))
	}
	return nl, nil
}

// bindUnix makes the socket with the mode that it is to have: at no time it is open to more than that.
func bindUnix(path string, mode fs.FileMode) (net.Listener, error) {
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		control := c.Control(func(fd uintptr) { err = syscall.Fchmod(int(fd), uint32(mode.Perm())) })
		return errors.Join(control, err)
	}}
	nl, err := lc.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, mode.Perm()); err != nil { // what the umask took away
		nl.Close()
		return nil, err
	}
	return nl, nil
}

// abandoned tells whether a socket stands at path at which nobody listens.
func abandoned(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Type() != fs.ModeSocket {
		return false
	}
	nc, err := net.Dial("unix", path)
	if err == nil {
		nc.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

// unixHint tells what can be done about the usual errors.
func unixHint(err error, path string) string {
	folder := filepath.Dir(path)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		if info, failed := os.Lstat(path); failed == nil && info.Mode().Type() != fs.ModeSocket {
			return " (hint: what stands there is not a socket; remove it or choose another path)"
		}
		return fmt.Sprintf(" (hint: another program listens there; `ss -lxp src %s` shows which one)", path)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Sprintf(" (hint: make the folder %s; in a unit of systemd RuntimeDirectory= does)", folder)
	case errors.Is(err, syscall.ENOTDIR):
		return fmt.Sprintf(" (hint: %s is not a folder)", folder)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Sprintf(" (hint: the user of skerry must be allowed to write in the folder %s)", folder)
	case errors.Is(err, syscall.EINVAL):
		return " (hint: the path of a socket has at most 107 bytes)"
	}
	return ""
}
