package uplink

import (
	"context"
	"math"
	"net"
	"net/netip"
	"slices"
	"time"

	"skerry/edge/config"
	"skerry/edge/uplink/budget"
	"skerry/edge/uplink/interfaces"
	"skerry/edge/uplink/kind"
	"skerry/edge/uplink/road"
	"skerry/edge/uplink/schedule"
)

const (
	// freshName is how long the address of a Server is used on a metered link without asking for it again, unless it fails.
	freshName = 24 * time.Hour
	// perConnect is how many silences a connection costs that is closed and opened again: 3.8 kB, against 0.3 kB of a keep-alive.
	perConnect = 13
	// mostPooled is how long messages are kept for one connection at most.
	mostPooled = time.Hour
)

// way is a link of the configuration: one of the ways to the Servers.
type way struct {
	config.Link
	kind  kind.Kind
	pool  time.Duration    // how long what waits has for others before a session on demand
	usual schedule.Options // when it is wanted as long as its budget does not matter
	gate  *schedule.Gate
	keep  *keeper
	purse *purse

	standing *standing // nil: its mode is given

	usedUp bool // its budget was, and it has not stood since; belongs to the goroutine of travel

	signal func(link string) Signal // nil: always fair
	radio  *radio                   // nil: nobody knows of a modem

	dial  dial
	doubt func(host string)    // has the name server asked before the next attempt; nil: nobody keeps names
	seen  interfaces.Interface // what the kernel said last

	// Of the goroutine of travel:
	told    bool // the kernel has told of the interfaces
	missing bool // and its own has never been among them
}

// ways builds those of an uplink.
func (u *Uplink) newWays(o Options) error {
	links := u.config.Links
	if len(links) == 0 {
		links = config.DefaultLinks(u.config)
	}
	u.tickets = u.newTickets(o)
	u.addresses = &addresses{broker: u.broker, key: u.group() + "/addresses", now: o.Date, log: u.log}
	if o.Date == nil {
		u.addresses.now = func() (time.Time, bool) { return time.Now(), true }
	}
	for i, l := range links {
		w := &way{Link: l, kind: kind.Of(l.Kind), signal: o.Signal}
		if o.Modem != nil {
			w.radio = u.newRadio(i, l.Name, o.Modem(l.Name))
		}
		if w.radio != nil {
			w.signal = func(string) Signal { return w.radio.signal() }
		}
		var err error
		if w.purse, err = u.newPurse(l, o.Date, o.Counters); err != nil {
			return err
		}
		w.keep = w.newKeeper(u, o)
		w.pool = w.pools(u.streams)
		w.usual = w.times(o.Gateway, u.config.Name)
		w.standing = u.newStanding(l, w.kind, o)
		w.gate = schedule.New(w.usual)
		switch {
		case o.DialLink != nil:
			w.dial = w.purse.counting(func(ctx context.Context, s config.Server) (net.Conn, error) { return o.DialLink(ctx, l, s) })
		case o.Dial != nil:
			w.dial = w.purse.counting(o.Dial)
		default:
			d := newDialer(u.config.TLS, interfaces.Options{
				Interface: l.Interface, Frugal: w.kind.Metered, Fresh: freshName, Least: w.kind.DeadFloor / 3, Lookup: w.kind.LookupTime, Counted: w.purse.counted,
				Recall:  func(host string) ([]netip.Addr, time.Duration) { return u.addresses.recall(l.Name, host) },
				Learned: func(host string, addrs []netip.Addr) { u.addresses.learned(l.Name, host, addrs) },
			})
			d.time, d.tickets, d.profile = o.Time, u.tickets, u.profile
			d.shook = u.shook
			w.dial, w.doubt = w.purse.together(d.dial), d.net.Doubt
		}
		u.ways = append(u.ways, w)
	}
	return nil
}

// pools is how long what waits has for others before a session on demand begins for it: what is usual on its kind of link, or longer if every stream
// gathers blocks for longer. A session that began before would stand until they leave.
func (w *way) pools(streams []*stream) time.Duration {
	d := time.Duration(math.MaxInt64)
	for _, s := range streams {
		switch {
		case s.class == "" || s.class == config.AlarmClass || !w.Carries(s.class):
		case s.encode == config.EncodePass || s.lingers == nil:
			return w.kind.Linger
		default:
			d = min(d, *s.lingers)
		}
	}
	if d == math.MaxInt64 {
		return w.kind.Linger
	}
	return max(d, w.kind.Linger)
}

// times is when the way is wanted.
func (w *way) times(gateway, uplink string) schedule.Options {
	switch s := w.Schedule; {
	case s != nil:
		return schedule.Options{Mode: schedule.Timed, Every: s.Every, Stay: s.Stay, Offset: schedule.Offset(s.Every, gateway, uplink, w.Name)}
	case w.OnDemand():
		return schedule.Options{Mode: schedule.OnDemand, Linger: w.pool, Brief: w.kind.IdleBilled || w.purse.unit.PerSecond > 0}
	}
	return schedule.Options{}
}

// pressed is when the way is wanted on a rung of its budget: connections that are held open with nothing to send come first among what is
// saved. What waits is kept until a connection costs less than the silences that it saves.
func (w *way) pressed(rung budget.Rung) schedule.Options {
	o := w.choice()
	switch {
	case rung == budget.AlarmOnly, rung >= budget.OnDemand && o.Mode == schedule.Always:
		pooled := min(perConnect*w.KeepAlive.Max, mostPooled)
		return schedule.Options{Mode: schedule.OnDemand, Linger: max(pooled, rung.Linger(w.pool)), Brief: true}
	case o.Mode == schedule.OnDemand:
		o.Linger = rung.Linger(o.Linger)
	}
	return o
}

// urgent tells whether a class does not wait for others, or for the time of a schedule.
func (w *way) urgent(class string) bool {
	if w.Schedule != nil {
		return slices.Contains(w.Schedule.AtOnce, class)
	}
	return class == alarmClass
}

// alarmClass is that of what cannot wait.
const alarmClass = "alarm"

// absence is how long the gateway may be away between two sessions before it is gone: two of the interval, and what trying takes. 0: it is
// gone when its connection is.
func (w *way) absence() time.Duration {
	if w.Schedule == nil {
		return 0
	}
	return 2*w.Schedule.Every + w.Schedule.Every/2
}

// path is what the machine of the road must know of the way.
func (w *way) path(servers int) road.Link {
	attempts := w.kind.AttemptsDay
	if w.Budget != nil {
		attempts = budget.AttemptBytes(w.Budget.Bytes, w.kind.AttemptBytes)
	}
	return road.Link{
		Name: w.Name, Servers: servers, RetryMin: w.Retry.Min, RetryMax: w.Retry.Max,
		HeadStart: w.kind.DeadFloor / 3, AttemptBytes: w.kind.AttemptBytes,
		BudgetBytes: attempts,
	}
}

// look takes in what the kernel says of the interface. local is the address of the session on the way; the zero one if there is none.
func (w *way) look(now time.Time, t interfaces.Table, r *road.Road, i int, local netip.Addr) {
	if w.Interface == "" {
		r.Physical(now, i, road.Addressed)
		if local.IsValid() && !local.IsLoopback() && !t.Has(local) {
			r.Moved(now, i, true)
		}
		return
	}
	before, there := w.seen, false
	w.seen, there = t[w.Interface]
	w.missing = !there && (w.missing || !w.told)
	w.told = true
	r.Physical(now, i, physical(w.seen, there))
	moved := before.Index != w.seen.Index || !slices.Equal(before.Addresses, w.seen.Addresses)
	if moved || before.Carrier != w.seen.Carrier {
		w.keep.moved(now)
	}
	gone := before.Index != 0 && before.Index != w.seen.Index || local.IsValid() && !slices.Contains(w.seen.Local, local)
	if moved || !before.Routed && w.seen.Routed {
		r.Moved(now, i, moved && gone)
	}
}

// physical is the state of an interface.
func physical(i interfaces.Interface, there bool) road.State {
	switch {
	case !there:
		return road.Absent
	case !i.Carrier:
		return road.Down
	case len(i.Addresses) == 0:
		return road.Carrier
	}
	return road.Addressed
}

// localOf is our address of a connection; the zero one if it has none.
func localOf(conn net.Conn) netip.Addr {
	if a, ok := conn.LocalAddr().(*net.TCPAddr); ok {
		return a.AddrPort().Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}
