package interfaces

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// lookupTimeout bounds looking up a name where nothing else is said.
const lookupTimeout = 10 * time.Second

// BindError says that a connection cannot be bound to its interface.
type BindError struct {
	Interface string
	Err       error
}

func (e *BindError) Error() string {
	return fmt.Sprintf("bind to interface %s: %v", e.Interface, e.Err)
}

// Unwrap gives the kernel's reason.
func (e *BindError) Unwrap() error { return e.Err }

// Options of a Dialer.
type Options struct {
	Interface string // "": the routes decide

	// Frugal is for links that are paid by the byte: IPv4 first, one address after the other, and the name server is asked only when
	// nothing is known, or when what is known has failed or is older than Fresh.
	Frugal bool
	Fresh  time.Duration

	// Least is how long an address has at least to answer, where a name has several. 0: its share of the time that there is.
	Least time.Duration

	// Lookup bounds looking up a name, so that there is time left for an address that is known from before. Where it is longer than 10 s one
	// question may take half of it, whatever resolv.conf says. 0: 10 s.
	Lookup time.Duration

	// Counted is given what opens a connection, of TCP, and of UDP to the name servers, and gives one that counts. nil: nobody counts.
	Counted func(Dial) Dial

	// Recall gives the addresses that a host had in an earlier run, and how long ago that is, and Learned is told of those that it has now.
	// They must not block. nil: nothing outlives the Dialer.
	Recall  func(host string) ([]netip.Addr, time.Duration)
	Learned func(host string, addrs []netip.Addr)

	// Resolve answers instead of the name servers of the machine, for tests. nil: they are asked through the interface.
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)
}

// Dial opens a connection, as net.Dialer does.
type Dial = func(ctx context.Context, network, address string) (net.Conn, error)

// Dialer opens TCP connections through one interface. Its methods may be called from several goroutines.
type Dialer struct {
	o        Options
	net      net.Dialer
	open     Dial // by net
	resolver *net.Resolver

	mu    sync.Mutex
	names map[string]known
}

// known is where a host was.
type known struct {
	addrs   []netip.Addr
	at      time.Time
	doubted bool // an attempt has failed since
}

// NewDialer builds one.
func NewDialer(o Options) *Dialer {
	d := &Dialer{o: o, names: map[string]known{}}
	// MQTT's own keep-alive tells more than TCP's and costs the link nothing twice.
	d.net = net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: false}, KeepAlive: -1 * time.Second}
	d.net.Control = d.control
	ask := d.ask
	d.open = d.net.DialContext
	if o.Counted != nil {
		ask, d.open = o.Counted(ask), o.Counted(d.open)
	}
	d.resolver = net.DefaultResolver
	if o.Interface != "" || o.Counted != nil {
		d.resolver = &net.Resolver{PreferGo: true, Dial: ask}
		d.net.Resolver = d.resolver
	}
	return d
}

// control is net.Dialer's.
func (d *Dialer) control(network, _ string, raw syscall.RawConn) error {
	if strings.HasPrefix(network, "tcp") {
		// The acknowledgement of SYN-ACK, and those of the first answers, then wait a little for what is sent next and go with it
		// (tcp_rcv_synsent_state_process in Linux): a packet of 52 bytes less for each. Where it is not known it changes nothing.
		_ = raw.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 0) })
	}
	if d.o.Interface == "" {
		return nil
	}
	return d.bind(raw)
}

func (d *Dialer) bind(raw syscall.RawConn) error {
	var failed error
	err := raw.Control(func(fd uintptr) { failed = syscall.BindToDevice(int(fd), d.o.Interface) })
	if err = errors.Join(err, failed); err != nil {
		return &BindError{d.o.Interface, err}
	}
	return nil
}

// ask opens the way to a name server. One on this machine cannot be reached through another interface than its own.
func (d *Dialer) ask(ctx context.Context, network, address string) (net.Conn, error) {
	var plain net.Dialer
	if to, err := netip.ParseAddrPort(address); err == nil && to.Addr().IsLoopback() {
		return plain.DialContext(ctx, network, address)
	}
	plain.Control = d.net.Control
	return d.wait(plain.DialContext(ctx, network, address))
}

// wait has the resolver wait longer on a way to a name server, where answers take long.
func (d *Dialer) wait(conn net.Conn, err error) (net.Conn, error) {
	if udp, ok := conn.(*net.UDPConn); ok && d.o.Lookup > lookupTimeout {
		return patient{udp, d.o.Lookup / 2}, err
	}
	return conn, err
}

// patient is a way to a name server over a link on which an answer takes longer than the resolver waits: 5 s, unless resolv.conf says
// otherwise.
type patient struct {
	*net.UDPConn
	least time.Duration
}

// SetDeadline is by what the resolver bounds a question.
func (p patient) SetDeadline(t time.Time) error {
	if least := time.Now().Add(p.least); !t.IsZero() && t.Before(least) {
		t = least
	}
	return p.UDPConn.SetDeadline(t)
}

// Dial opens a connection within the deadline of ctx. The error is that of the name, or of the last address tried.
func (d *Dialer) Dial(ctx context.Context, host string, port int) (net.Conn, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return d.dial(ctx, a, port)
	}
	d.recall(host)
	before, _ := d.Known(host)
	if !d.o.Frugal && d.o.Resolve == nil {
		return d.race(ctx, host, before, port)
	}
	if d.o.Frugal && d.fresh(host) {
		if conn, err := d.each(ctx, host, before, port); err == nil {
			return conn, nil
		}
	}
	addrs, err := d.resolve(ctx, host)
	switch {
	case err == nil:
		d.learn(host, addrs)
	case len(before) > 0 && ctx.Err() == nil:
		addrs = before // the name server does not answer, but the Server may still be where it was
	default:
		return nil, err
	}
	return d.each(ctx, host, addrs, port)
}

// race lets package net choose: it tries IPv6 and IPv4 at nearly the same time, which costs a little and saves waiting.
func (d *Dialer) race(ctx context.Context, host string, before []netip.Addr, port int) (net.Conn, error) {
	conn, err := d.open(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	var name *net.DNSError
	switch {
	case err == nil:
		if a, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
			d.learn(host, []netip.Addr{a.AddrPort().Addr().Unmap()})
		}
	case errors.As(err, &name) && len(before) > 0 && ctx.Err() == nil:
		return d.each(ctx, host, before, port)
	}
	return conn, err
}

// Known is where a host was when its name was last resolved, and how long ago that is. Nothing is known of one that never was.
func (d *Dialer) Known(host string) ([]netip.Addr, time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	k, ok := d.names[host]
	if !ok {
		return nil, 0
	}
	return k.addrs, time.Since(k.at)
}

// recall takes up what an earlier run has known of a host, once.
func (d *Dialer) recall(host string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.names[host]; ok || d.o.Recall == nil {
		return
	}
	if addrs, age := d.o.Recall(host); len(addrs) > 0 {
		d.names[host] = known{addrs: addrs[:min(len(addrs), most)], at: time.Now().Add(-min(age, longAgo))}
	}
}

// longAgo is when something was learned of which nobody knows when.
const longAgo = 100 * 365 * 24 * time.Hour

// Doubt has the name server asked before the next connection: what answered was not the Server that was sought.
func (d *Dialer) Doubt(host string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if k, ok := d.names[host]; ok {
		k.doubted = true
		d.names[host] = k
	}
}

func (d *Dialer) fresh(host string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	k, ok := d.names[host]
	return ok && !k.doubted && time.Since(k.at) < d.o.Fresh
}

// most bounds the addresses that are kept of a name.
const most = 8

func (d *Dialer) learn(host string, addrs []netip.Addr) {
	addrs = addrs[:min(len(addrs), most)]
	d.mu.Lock()
	d.names[host] = known{addrs: addrs, at: time.Now()}
	d.mu.Unlock()
	if d.o.Learned != nil {
		d.o.Learned(host, addrs)
	}
}

func (d *Dialer) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(d.o.Lookup, lookupTimeout))
	defer cancel()
	resolve := d.o.Resolve
	if resolve == nil {
		resolve = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return d.resolver.LookupNetIP(ctx, "ip", host)
		}
	}
	addrs, err := resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	for i := range addrs {
		addrs[i] = addrs[i].Unmap()
	}
	if d.o.Frugal {
		slices.SortStableFunc(addrs, func(a, b netip.Addr) int { return a.BitLen() - b.BitLen() })
	}
	return addrs, nil
}

// each tries the addresses in their order. Each has its share of the time that is left, so that one that does not answer leaves some for
// the next; but not less than the link needs to answer.
func (d *Dialer) each(ctx context.Context, host string, addrs []netip.Addr, port int) (net.Conn, error) {
	var last error = &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	for i, a := range addrs {
		one, cancel := ctx, context.CancelFunc(func() {})
		if end, ok := ctx.Deadline(); ok && i < len(addrs)-1 {
			one, cancel = context.WithTimeout(ctx, max(time.Until(end)/time.Duration(len(addrs)-i), d.o.Least))
		}
		conn, err := d.dial(one, a, port)
		cancel()
		if err == nil {
			return conn, nil
		}
		if last = err; ctx.Err() != nil {
			break
		}
	}
	d.Doubt(host)
	return nil, last
}

func (d *Dialer) dial(ctx context.Context, a netip.Addr, port int) (net.Conn, error) {
	return d.open(ctx, "tcp", net.JoinHostPort(a.String(), strconv.Itoa(port)))
}
