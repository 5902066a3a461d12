package budget

import (
	"context"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Ledger is what a Meter spends from: an Account.
type Ledger interface {
	Spend(c Class, bytes int64)
	Cover(bytes int64) bool
}

// MeterOptions of a Meter. The zero options are usable.
type MeterOptions struct {
	Unit Unit // what is billed; zero: bytes as they are
	// Interface carries nothing but the link: its counters are right where the model is not. nil: the model and TCP_INFO count.
	Interface *Interface
	Passed    func() time.Duration // a clock that nothing sets; nil: the time since NewMeter
}

const (
	// sampleEvery is after how much payload, in bytes, the kernel is asked for its figures: by so much the model may be ahead of them.
	sampleEvery = 16 << 10
	// attributed is how long what passes is taken to belong to the classes that were carried last: acknowledgements come late.
	attributed = 5 * time.Second
)

// Meter counts what the connections of one link cost at the IP level, and spends it. It may be used by several goroutines.
type Meter struct {
	ledger  Ledger
	options MeterOptions

	mu       sync.Mutex
	conns    map[*conn]struct{}
	target   int64 // what has passed, as well as it is known
	spent    int64 // never less than what target was
	counted  int64 // of target, what the counters of the interface have said
	model    int64 // of target, what the model has added since
	carried  Tally // bytes of each class handed over lately
	last     time.Duration
	sessions int
	session  session
	begun    time.Duration
	lasted   time.Duration // the session that has ended
}

// NewMeter makes the meter of a link.
func NewMeter(l Ledger, o MeterOptions) *Meter {
	if o.Passed == nil {
		begun := time.Now()
		o.Passed = func() time.Duration { return time.Since(begun) }
	}
	if o.Interface != nil {
		_, _ = o.Interface.Read() // from here on
	}
	return &Meter{ledger: l, options: o, conns: map[*conn]struct{}{}, session: session{unit: o.Unit}}
}

// Total is what has passed since NewMeter, in both directions, as well as it is known: bytes of IP packets.
func (m *Meter) Total() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.target
}

// Carry tells that bytes of a class are handed over to a connection. What passes in the next seconds is shared out among the classes in
// this proportion; nothing but that depends on it. What no class carries is overhead.
func (m *Meter) Carry(c Class, bytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forget()
	m.carried.add(c, max(bytes, 0))
	m.last = m.options.Passed()
}

func (m *Meter) forget() {
	if m.options.Passed()-m.last > attributed {
		m.carried = Tally{}
	}
}

// Begin begins a session, where sessions are billed: from the first packet of a call to the last. Connections do so themselves; who looks
// a name up before keeps it together. End is to be called once for each Begin.
func (m *Meter) Begin() {
	if least := m.options.Unit.Billed(0, 0); least > 0 {
		m.ledger.Cover(least)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sessions++; m.sessions == 1 {
		m.session, m.begun = session{unit: m.options.Unit}, m.options.Passed()
		m.bill(0)
	}
}

// End ends what Begin began.
func (m *Meter) End() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.bill(0) // the time that it took
	if m.sessions--; m.sessions == 0 {
		m.lasted = m.options.Passed() - m.begun
	}
}

// Sample asks the kernel for its figures. It is to be called once a minute or so.
func (m *Meter) Sample() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for c := range m.conns {
		m.sample(c)
	}
	m.readInterface()
	if m.sessions > 0 {
		m.bill(0)
	}
}

func (m *Meter) sample(c *conn) {
	if c.raw == nil {
		return
	}
	if info, ok := readInfo(c.raw); ok {
		c.header, c.segment = headerOf(info, c.ip), max(int64(info.Snd_mss), 1)
		m.count(exact(info, c.ip) + c.ending(info) - c.total)
		c.total, c.unsampled = exact(info, c.ip)+c.ending(info), 0
	}
}

// readInterface has the counters of the interface stand for what the model has said.
func (m *Meter) readInterface() {
	if m.options.Interface == nil {
		return
	}
	if bytes, err := m.options.Interface.Read(); err == nil { // while it is gone, nothing passes
		m.counted = plus(m.counted, bytes)
		m.model = 0
		m.settle(m.counted)
	}
}

// count notes what has passed; less than nothing, if the model had said too much.
func (m *Meter) count(bytes int64) {
	if m.options.Interface == nil {
		m.settle(m.target + bytes)
		return
	}
	m.model = max(m.model+bytes, 0)
	m.settle(m.counted + m.model)
}

// settle spends what is not yet spent. What was spent too much comes off what is spent next.
func (m *Meter) settle(target int64) {
	m.target = target
	if d := target - m.spent; d > 0 {
		m.spent = target
		m.bill(d)
	}
}

// bill spends what bytes are billed as, shared out among the classes. What is counted outside of a session belongs to the one before: its last
// write is counted when the other side may have ended it already.
func (m *Meter) bill(bytes int64) {
	lasted := m.lasted
	if m.sessions > 0 {
		lasted = m.options.Passed() - m.begun
	}
	bytes = m.session.bill(bytes, lasted)
	m.forget()
	sum := m.carried.Sum()
	rest := bytes
	for c, n := range m.carried {
		if n > 0 && sum > 0 {
			share := int64(float64(bytes) * (float64(n) / float64(sum)))
			m.ledger.Spend(Class(c), share)
			rest -= share
		}
	}
	m.ledger.Spend(m.main(), rest)
}

// main is the class of which most is carried; overhead if there is none.
func (m *Meter) main() Class {
	most := Overhead
	for c, n := range m.carried {
		if n > m.carried[most] {
			most = Class(c)
		}
	}
	return most
}

// Dial is a function that dials, as net.Dialer and net.Resolver have it.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Dialing gives a Dial whose connections are counted, and attempts that fail too: as one of TCP by how long it took. With IPv6 unless
// the address is of IPv4, or "tcp4" is asked for, a failure counts 20 bytes more for each packet.
func (m *Meter) Dialing(dial Dial) Dial {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		m.Begin()
		defer m.End()
		ip := ipOf(network, address)
		m.ledger.Cover(opening(ip))
		began := m.options.Passed()
		c, err := dial(ctx, network, address)
		if err != nil {
			if strings.HasPrefix(network, "tcp") {
				m.mu.Lock()
				m.count(failedDial(err, m.options.Passed()-began, ip))
				m.mu.Unlock()
			}
			return nil, err
		}
		return m.Conn(c), nil
	}
}

// ipOf is the size of the header of IP that an attempt has.
func ipOf(network, address string) int64 {
	host, _, err := net.SplitHostPort(address)
	if err == nil && strings.Contains(host, ":") || strings.HasSuffix(network, "6") {
		return ipv6
	}
	return ipv4
}

// Conn counts what passes a connection that has just been made: of TCP, below TLS, or of UDP. It is to be closed.
func (m *Meter) Conn(c net.Conn) net.Conn {
	counted := &conn{Conn: c, meter: m, segment: defaultSegment, ip: ipv4}
	if a := c.RemoteAddr(); a != nil {
		counted.ip = ipOf(a.Network(), a.String())
	}
	if packets, ok := c.(net.PacketConn); ok {
		counted.header = counted.ip + udpHeader
		return m.add(counted, &datagrams{conn: counted, packets: packets})
	}
	counted.header = counted.ip + tcpHeader + timestamps
	if sys, ok := c.(syscall.Conn); ok {
		counted.raw, _ = sys.SyscallConn() // without it the model counts
	}
	counted.expect(opening(counted.ip) + endPackets*counted.header)
	return m.add(counted, counted)
}

func (m *Meter) add(c *conn, as net.Conn) net.Conn {
	m.Begin()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.conns[c] = struct{}{}
	m.sample(c)
	return as
}
