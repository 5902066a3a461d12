package emulate

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"skerry/scripts/rig"
)

// ErrUnable: this machine has not what the laboratory needs. The error says what.
var ErrUnable = errors.New("this needs root, /dev/net/tun and the program ip (iproute2)")

// Able says what is missing on this machine, or nil.
func Able() error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("%w: not root", ErrUnable)
	}
	f, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnable, err)
	}
	f.Close()
	if _, err := exec.LookPath("ip"); err != nil {
		return fmt.Errorf("%w: %w", ErrUnable, err)
	}
	return nil
}

// A Namespace is a network of its own, without a name: it ends with the process at the latest. Its methods may be called from
// several goroutines.
type Namespace struct {
	fd     int
	jobs   chan func() // for the thread that programs are started from
	finish func()
}

// NewNamespace makes one, with its loopback interface up.
func NewNamespace() (*Namespace, error) {
	n := &Namespace{jobs: make(chan func())}
	made := make(chan error)
	over := make(chan struct{})
	go func() {
		defer close(over)
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine, and with it what it has started
		fd, err := unshare()
		n.fd = fd
		made <- err
		for job := range n.jobs {
			job()
		}
	}()
	n.finish = sync.OnceFunc(func() {
		close(n.jobs)
		<-over
		unix.Close(n.fd)
	})
	err := <-made
	if err == nil {
		err = n.Do(func() error { return ip("link", "set", "lo", "up") })
	}
	if err != nil {
		n.finish()
		return nil, fmt.Errorf("make a network namespace: %w", err)
	}
	return n, nil
}

// unshare gives the calling thread a new namespace, and a descriptor of it.
func unshare() (int, error) {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return -1, err
	}
	// Solicitations of IPv6 would be the only packets nobody asked for.
	_ = os.WriteFile("/proc/sys/net/ipv6/conf/all/disable_ipv6", []byte("1"), 0)
	_ = os.WriteFile("/proc/sys/net/ipv6/conf/default/disable_ipv6", []byte("1"), 0)
	return unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
}

// Do calls f on a thread that is in the namespace. A socket that f opens stays there, whoever uses it later; goroutines that f
// starts are elsewhere.
func (n *Namespace) Do(f func() error) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: nobody else shall run on a thread that has moved
		err := unix.Setns(n.fd, unix.CLONE_NEWNET)
		if err == nil {
			err = f()
		}
		result <- err
	}()
	return <-result
}

// Start starts a program in the namespace. It is killed when the namespace is closed or this process ends.
func (n *Namespace) Start(name string, args ...string) (p *rig.Process, err error) {
	done := make(chan struct{})
	n.jobs <- func() {
		p, err = rig.StartBound(name, args...)
		close(done)
	}
	<-done
	return p, err
}

// Close ends the programs of the namespace. The namespace itself ends when the last socket in it is closed. Further calls do nothing.
func (n *Namespace) Close() { n.finish() }

// ip runs the program ip in the namespace of the calling thread.
func ip(args ...string) error {
	out, err := exec.Command("ip", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// Dial connects from the namespace by TCP, as net.Dialer's DialContext. address holds an IP address: names are looked up elsewhere.
func (n *Namespace) Dial(ctx context.Context, d net.Dialer, address string) (conn net.Conn, err error) {
	err = n.Do(func() error {
		conn, err = d.DialContext(ctx, "tcp4", address)
		return err
	})
	return conn, err
}

// Listen is net.Listen of TCP in the namespace.
func (n *Namespace) Listen(address string) (l net.Listener, err error) {
	err = n.Do(func() error {
		l, err = net.Listen("tcp4", address)
		return err
	})
	return l, err
}
