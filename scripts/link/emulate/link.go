package emulate

import (
	"fmt"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Options of a Link.
type Options struct {
	Name     string // of the interface; default wan0, wan1 ...
	Up, Down Conditions
	NAT      NAT
	MTU      int    // bytes; 0: 1500
	Seed     uint64 // of losses and jitter

	// Saw is told of each TCP packet that enters the link, before its fate is decided. It must not block. nil: nobody looks.
	Saw func(Sighting)
}

// A Sighting is a TCP packet that somebody has sent.
type Sighting struct {
	At            time.Time
	Up            bool
	Near, Far     netip.AddrPort
	SYN, FIN, RST bool
	Payload       int // bytes
}

// A Link is a way between the namespaces of a World. Its methods may be called from several goroutines.
type Link struct {
	options   Options
	place     *Namespace // Near
	number    int
	near, far *os.File
	up, down  *direction
	flows     flows
	hole      atomic.Bool
	over      chan struct{}
	finish    func()
	wg        sync.WaitGroup

	mu   sync.Mutex
	host int // of the near address
}

func newLink(o Options, near *Namespace, number int) *Link {
	l := &Link{
		options: o, place: near, number: number, host: 1, over: make(chan struct{}),
		up: newDirection(o.Up, o.Seed, 1), down: newDirection(o.Down, o.Seed, 2),
		flows: flows{nat: o.NAT, all: map[key]*flow{}},
	}
	l.finish = sync.OnceFunc(func() {
		close(l.over)
		closeAll(&l.wg, l.near, l.far)
	})
	return l
}

// run starts to carry packets.
func (l *Link) run() {
	l.wg.Go(func() { l.pump(l.near, l.up) })
	l.wg.Go(func() { l.pump(l.far, l.down) })
	l.wg.Go(func() { l.up.run(l.over, func(b []byte) { l.deliver(l.far, l.up, b) }) })
	l.wg.Go(func() { l.down.run(l.over, func(b []byte) { l.deliver(l.near, l.down, b) }) })
}

func (l *Link) close() { l.finish() }

// pump takes what the kernel sends into one end.
func (l *Link) pump(from *os.File, d *direction) {
	buf := make([]byte, 1<<16)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		if s, ok := parse(buf[:n]); ok {
			l.enter(append([]byte(nil), buf[:n]...), &s, d, from)
		}
	}
}

// enter decides on the fate of a packet that came from one end.
func (l *Link) enter(b []byte, s *segment, d *direction, from *os.File) {
	up := d == l.up
	if l.options.Saw != nil && s.protocol == protocolTCP {
		l.options.Saw(sighting(s, up))
	}
	if l.hole.Load() {
		d.vanish(len(b), s.payload)
		return
	}
	v := l.flows.judge(s, up)
	if v.passes {
		d.send(b, s.payload)
		return
	}
	if v.atOnce {
		if v.answer != nil {
			_, _ = from.Write(v.answer) // it is not counted, nor is what it answers
		}
		return
	}
	d.vanish(len(b), s.payload)
	if v.answer != nil {
		l.down.send(v.answer, 0)
	}
}

func sighting(s *segment, up bool) Sighting {
	v := Sighting{At: time.Now(), Up: up, Near: s.src, Far: s.dst, Payload: s.payload,
		SYN: s.flags&flagSYN != 0, FIN: s.flags&flagFIN != 0, RST: s.flags&flagRST != 0}
	if !up {
		v.Near, v.Far = s.dst, s.src
	}
	return v
}

// deliver gives a packet to the kernel at the other end. It may find the interface down; then it is lost.
func (l *Link) deliver(to *os.File, d *direction, b []byte) {
	if !l.hole.Load() {
		if _, err := to.Write(b); err == nil {
			return
		}
	}
	d.mu.Lock()
	d.count.Lost++
	d.mu.Unlock()
}

// Name is that of the interface.
func (l *Link) Name() string { return l.options.Name }

// Counts are the sums of both directions so far.
func (l *Link) Counts() (up, down Count) { return l.up.sum(), l.down.sum() }

// Change sets the conditions; they hold for what has not been sent yet.
func (l *Link) Change(up, down Conditions) {
	l.up.change(func() { l.up.c = up })
	l.down.change(func() { l.down.c = down })
}

// BlackHole has all packets vanish without any event, those on their way too, or lets them pass again.
func (l *Link) BlackHole(on bool) { l.hole.Store(on) }

// Stall sets both directions to 0 bit/s without any event: packets wait in the queues as far as there is room. It ends with false.
func (l *Link) Stall(on bool) {
	l.up.stall(on)
	l.down.stall(on)
}

// Forget has the NAT forget all flows now.
func (l *Link) Forget() { l.flows.forget() }

// Cut ends all TCP connections of the link by RST to both ends. The packets of it are not counted: nobody sent them.
func (l *Link) Cut() {
	toNear, toFar := l.flows.cut()
	for _, b := range toNear {
		_, _ = l.near.Write(b) // an end that is gone needs none
	}
	for _, b := range toFar {
		_, _ = l.far.Write(b)
	}
}

// SetUp sets the interface in Near up or down, of which the kernel tells whoever listens. Up gives it its default route again.
func (l *Link) SetUp(up bool) error {
	if !up {
		return l.place.Do(func() error { return ip("link", "set", l.options.Name, "down") })
	}
	if err := l.place.Do(func() error { return ip("link", "set", l.options.Name, "up") }); err != nil {
		return err
	}
	return l.route()
}

// Renumber gives the interface in Near another address and takes the old one away: connections from there go nowhere any more.
func (l *Link) Renumber() error {
	l.mu.Lock()
	before := l.address(l.host)
	l.host = l.host%250 + 1
	after := l.address(l.host)
	l.mu.Unlock()
	err := l.place.Do(func() error {
		// Whoever loses its first address loses the others of the subnet too: the new one comes after.
		if err := ip("addr", "del", before+"/24", "dev", l.options.Name); err != nil {
			return err
		}
		return ip("addr", "add", after+"/24", "dev", l.options.Name)
	})
	if err != nil {
		return err
	}
	return l.route()
}

// Address is that of the interface in Near.
func (l *Link) Address() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.address(l.host)
}

func (l *Link) address(host int) string { return fmt.Sprintf("198.19.%d.%d", l.number, host) }

// route makes the default route of the interface, which goes away with the interface's state or address.
func (l *Link) route() error {
	return l.place.Do(func() error {
		return ip("route", "replace", "default", "dev", l.options.Name, "metric", fmt.Sprint(100+l.number))
	})
}
