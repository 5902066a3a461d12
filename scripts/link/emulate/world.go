package emulate

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// Server is the address of the servers in Far, by whatever link they are reached.
const Server = "198.18.0.1" // of the block for measurements, RFC 2544

// maxLinks of one world; each has a subnet of its own.
const maxLinks = 200

// A World is two namespaces and the links between them. Its methods are for one goroutine.
type World struct {
	Near, Far *Namespace

	links []*Link
}

// NewWorld makes a world without links.
func NewWorld() (*World, error) {
	if err := Able(); err != nil {
		return nil, err
	}
	near, err := NewNamespace()
	if err != nil {
		return nil, err
	}
	far, err := NewNamespace()
	if err == nil {
		err = far.Do(func() error { return ip("addr", "add", Server+"/32", "dev", "lo") })
	}
	w := &World{Near: near, Far: far}
	if err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

// Close ends all programs in the world and takes it away.
func (w *World) Close() {
	for _, n := range []*Namespace{w.Near, w.Far} {
		if n != nil {
			n.Close()
		}
	}
	for _, l := range w.links {
		l.close()
	}
}

// Join lays a link. Its interface is up, has an address and a default route whose metric is greater than those of links before it.
func (w *World) Join(o Options) (*Link, error) {
	n := len(w.links)
	if n == maxLinks {
		return nil, errors.New("too many links")
	}
	if o.Name == "" {
		o.Name = fmt.Sprintf("wan%d", n)
	}
	if o.MTU == 0 {
		o.MTU = 1500
	}
	l := newLink(o, w.Near, n)
	for _, side := range []struct {
		where *Namespace
		tun   **os.File
		host  int
	}{{w.Near, &l.near, 1}, {w.Far, &l.far, 254}} {
		err := side.where.Do(func() (err error) {
			if *side.tun, err = openTUN(o.Name); err != nil {
				return err
			}
			return errors.Join(ip("addr", "add", l.address(side.host)+"/24", "dev", o.Name),
				ip("link", "set", o.Name, "mtu", fmt.Sprint(o.MTU), "up"))
		})
		if err != nil {
			l.close()
			return nil, fmt.Errorf("link %s: %w", o.Name, err)
		}
	}
	if err := l.route(); err != nil {
		l.close()
		return nil, fmt.Errorf("link %s: %w", o.Name, err)
	}
	l.run()
	w.links = append(w.links, l)
	return l, nil
}

// openTUN makes an interface in the namespace of the calling thread. It exists as long as the file is open.
func openTUN(name string) (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open /dev/net/tun: %w", err)
	}
	request, err := unix.NewIfreq(name)
	if err == nil {
		request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("make the interface %s: %w", name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// closeAll closes what is open, and waits for those who have used it.
func closeAll(wg *sync.WaitGroup, files ...*os.File) {
	for _, f := range files {
		if f != nil {
			f.Close()
		}
	}
	wg.Wait()
}
