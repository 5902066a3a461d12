package budget_test

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// space is a network namespace with one end of a link.
type space struct {
	do  chan func()
	tun *os.File
}

// wire is a link between two namespaces: what the near side sends and receives is counted as IP packets.
type wire struct {
	near, far *space
	up, down  atomic.Int64
	loss      int // every so many packets one is lost, in each direction; 0: none
	delay     time.Duration
	quiet     atomic.Bool // nothing passes any more
	late      sync.WaitGroup
}

var (
	nearAddr = netip.MustParseAddr("10.77.0.1")
	farAddr  = netip.MustParseAddr("10.77.0.2")
	nearSix  = netip.MustParseAddr("fd77::1")
	farSix   = netip.MustParseAddr("fd77::2")
)

func newWire(t *testing.T, delay time.Duration, loss int) *wire {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("network namespaces need root")
	}
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		t.Skip("no /dev/net/tun")
	}
	w := &wire{near: newSpace(t, nearAddr, nearSix), far: newSpace(t, farAddr, farSix), delay: delay, loss: loss}
	var wait sync.WaitGroup
	t.Cleanup(func() {
		w.near.tun.Close()
		w.far.tun.Close()
		wait.Wait()
		w.late.Wait()
		close(w.near.do)
		close(w.far.do)
	})
	wait.Go(func() { w.carry(w.near.tun, w.far.tun, &w.up, nil) })
	wait.Go(func() { w.carry(w.far.tun, w.near.tun, nil, &w.down) })
	return w
}

// carry takes packets from one end to the other. sent counts all of them, received those that are not lost.
func (w *wire) carry(from, to *os.File, sent, received *atomic.Int64) {
	type packet struct {
		at   time.Time
		data []byte
	}
	queue := make(chan packet, 4096)
	w.late.Go(func() {
		for p := range queue {
			time.Sleep(time.Until(p.at))
			if received != nil {
				received.Add(int64(len(p.data)))
			}
			_, _ = to.Write(p.data)
		}
	})
	defer close(queue)
	buf := make([]byte, 65536)
	for n := 1; ; {
		size, err := from.Read(buf)
		if err != nil {
			return
		}
		if !counts(buf[:size]) {
			continue
		}
		if sent != nil {
			sent.Add(int64(size))
		}
		n++
		if w.quiet.Load() || w.loss > 0 && n%w.loss == 0 {
			continue
		}
		queue <- packet{time.Now().Add(w.delay), append([]byte(nil), buf[:size]...)}
	}
}

// counts leaves out what the kernel sends of its own accord: ICMPv6.
func counts(p []byte) bool {
	if len(p) > 20 && p[0]>>4 == 4 {
		return p[9] == unix.IPPROTO_TCP || p[9] == unix.IPPROTO_UDP
	}
	return len(p) > 40 && (p[6] == unix.IPPROTO_TCP || p[6] == unix.IPPROTO_UDP)
}

func (w *wire) total() int64 { return w.up.Load() + w.down.Load() }

// newSpace makes a namespace with an interface. Its goroutine keeps the thread, which ends with it.
func newSpace(t *testing.T, four, six netip.Addr) *space {
	t.Helper()
	s := &space{do: make(chan func())}
	made := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			s.tun, err = openTun(four, six)
		}
		made <- err
		if err == nil {
			for f := range s.do {
				f()
			}
		}
	}()
	if err := <-made; err != nil {
		t.Fatalf("network namespace: %v", err)
	}
	return s
}

// in runs f in the namespace: sockets that it makes belong to it.
func (s *space) in(f func()) {
	done := make(chan struct{})
	s.do <- func() { defer close(done); f() }
	<-done
}

func openTun(four, six netip.Addr) (*os.File, error) {
	tun, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	r, _ := unix.NewIfreq("tun0")
	r.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(tun, unix.TUNSETIFF, r); err != nil {
		return nil, err
	}
	if err := configure(four, six); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(tun), "tun"), nil
}

func configure(four, six netip.Addr) error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	for _, set := range []struct {
		request uint
		addr    []byte
	}{{unix.SIOCSIFADDR, four.AsSlice()}, {unix.SIOCSIFNETMASK, []byte{255, 255, 255, 0}}} {
		r, _ := unix.NewIfreq("tun0")
		if err := r.SetInet4Addr(set.addr); err != nil {
			return err
		}
		if err := unix.IoctlIfreq(s, set.request, r); err != nil {
			return err
		}
	}
	r, _ := unix.NewIfreq("tun0")
	r.SetUint32(10000) // the default, 500, is less than a drain has on its way: what the interface drops is sent, but passes no wire
	if err := unix.IoctlIfreq(s, unix.SIOCSIFTXQLEN, r); err != nil {
		return err
	}
	r, _ = unix.NewIfreq("tun0")
	r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, r); err != nil {
		return err
	}
	return configureSix(six)
}

func configureSix(six netip.Addr) error {
	index, err := net.InterfaceByName("tun0")
	if err != nil {
		return err
	}
	s, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	request := struct { // in6_ifreq
		addr   [16]byte
		prefix uint32
		index  int32
	}{six.As16(), 64, int32(index.Index)}
	if _, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(s), unix.SIOCSIFADDR, uintptr(unsafe.Pointer(&request))); e != 0 {
		return e
	}
	for range 300 { // it can be used a moment later
		if probe, err := net.ListenPacket("udp", netip.AddrPortFrom(six, 0).String()); err == nil {
			return probe.Close()
		}
		time.Sleep(10 * time.Millisecond)
	}
	return errors.New("the address of IPv6 does not come up")
}
