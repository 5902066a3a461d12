package board

import (
	"os"
	"time"

	"golang.org/x/sys/unix"

	"skerry/drivers"
)

var _ drivers.Breaker = (*port)(nil)

// Break holds the line at spacing (TIOCSBRK), see drivers.Breaker. The kernel's driver ends it by TIOCCBRK; a pseudo-terminal, and a
// driver that can make no break, do nothing.
func (p *port) Break(d time.Duration) error {
	l, err := p.plugged()
	if err != nil {
		return err
	}
	set := func(request uint) error {
		return l.control(func(fd int) error { return unix.IoctlSetInt(fd, request, 0) })
	}
	if err := set(unix.TIOCSBRK); err != nil {
		return p.judge(l, err)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-p.closed: // the last close of a port ends a break
		return os.ErrClosed
	}
	if err := set(unix.TIOCCBRK); err != nil {
		return p.judge(l, err)
	}
	return nil
}
