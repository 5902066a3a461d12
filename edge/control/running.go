package control

import (
	"errors"
	"io/fs"
	"net"
)

// Running tells whether a station runs on a data directory. It asks nothing of it, so that any user may.
func Running(dir string) bool {
	path, done, err := address(dir)
	if err != nil {
		return false
	}
	defer done()
	c, err := net.Dial("unix", path)
	if err != nil {
		return errors.Is(err, fs.ErrPermission) // the socket of another user's
	}
	c.Close()
	return true
}
