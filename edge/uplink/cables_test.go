package uplink_test

import (
	"context"
	"io"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"skerry/edge/config"
	"skerry/edge/uplink/interfaces"
)

// cables are the links of a station in a bubble: interfaces that come and go, and wires on which nothing may pass.
type cables struct {
	server *upstream
	mu     sync.Mutex
	all    map[string]*cable // by interface
	tell   func(interfaces.Table)
}

type cable struct {
	there   bool
	index   int
	addr    string
	dead    bool // nothing passes, and nobody is told
	refuses bool
	mute    bool          // somebody on the way opens connections, and nothing passes beyond
	delay   time.Duration // of a dial
	dials   int
}

// connectCables gives a station links: those of the configuration, which are all there.
func (at *station) connectCables(links ...config.Link) *cables {
	c := &cables{server: at.server, all: map[string]*cable{}}
	for i, l := range links {
		if l.Retry == (config.DurationRange{}) {
			l.Retry = config.DurationRange{Min: 5 * time.Second, Max: 5 * time.Minute}
		}
		l.KeepAlive = config.KeepAlive{Min: 10 * time.Minute, Max: 10 * time.Minute}
		links[i] = l
		c.all[l.Interface] = &cable{there: true, index: i + 1, addr: "10.0.0." + string(rune('1'+i))}
	}
	at.config.Links = links
	at.options.Dial, at.options.DialLink, at.options.Interfaces = nil, c.dial, c.watch
	return c
}

func (c *cables) watch(ctx context.Context, changed func(interfaces.Table)) error {
	c.mu.Lock()
	c.tell = changed
	c.mu.Unlock()
	c.changed()
	<-ctx.Done()
	return nil
}

// changed tells the uplink what the kernel would.
func (c *cables) changed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := interfaces.Table{}
	for name, one := range c.all {
		if one.there {
			addrs := []netip.Addr{netip.MustParseAddr(one.addr)}
			t[name] = interfaces.Interface{Index: one.index, Up: true, Carrier: true, Addresses: addrs, Local: addrs, Routed: true}
		}
	}
	if c.tell != nil {
		c.tell(t)
	}
}

// with changes a cable, as the kernel sees it or not.
func (c *cables) with(name string, f func(*cable)) {
	c.mu.Lock()
	f(c.all[name])
	c.mu.Unlock()
	c.changed()
}

func (c *cables) dials(name string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all[name].dials
}

func (c *cables) dead(one *cable) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return one.dead || !one.there
}

func (c *cables) dial(ctx context.Context, l config.Link, s config.Server) (net.Conn, error) {
	c.mu.Lock()
	one := c.all[l.Interface]
	one.dials++
	delay, refuses, mute := one.delay, one.refuses, one.mute
	addr := &net.TCPAddr{IP: net.ParseIP(one.addr), Port: 40000}
	c.mu.Unlock()
	if c.dead(one) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if refuses {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	time.Sleep(delay)
	if mute {
		near, proxy := net.Pipe()
		go io.Copy(io.Discard, proxy)
		return near, nil
	}
	far, err := c.server.dial(ctx, s)
	if err != nil {
		return nil, err
	}
	return newWire(far, addr, func() bool { return c.dead(one) }), nil
}

// wire is a connection over a cable: while that is dead, what is written is lost and nothing comes, the end neither.
type wire struct {
	net.Conn // to the uplink
	far      net.Conn
	addr     net.Addr
	dead     func() bool
}

func newWire(far net.Conn, addr net.Addr, dead func() bool) net.Conn {
	ours, inner := net.Pipe()
	w := &wire{ours, far, addr, dead}
	go w.pump(far, inner)
	return w
}

// pump carries what the Server sends.
func (w *wire) pump(far, inner net.Conn) {
	buf := make([]byte, 4096)
	for {
		n, err := far.Read(buf)
		if w.dead() {
			if err != nil {
				return // the uplink is not told
			}
			continue
		}
		if err != nil {
			inner.Close()
			return
		}
		if _, err := inner.Write(buf[:n]); err != nil {
			far.Close()
			return
		}
	}
}

func (w *wire) Write(b []byte) (int, error) {
	if w.dead() {
		return len(b), nil
	}
	return w.far.Write(b)
}

// Close tells the Server, if the cable can.
func (w *wire) Close() error {
	if !w.dead() {
		w.far.Close()
	}
	return w.Conn.Close()
}

func (w *wire) LocalAddr() net.Addr { return w.addr }
