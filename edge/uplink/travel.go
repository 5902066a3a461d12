package uplink

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"skerry/edge/uplink/interfaces"
	"skerry/edge/uplink/road"
)

// demandEvery is how often the backlog is looked at while that may have a link connect.
const demandEvery = time.Second

// askKernelAgain is how long the kernel is left alone that could not tell of its interfaces: it had no room, or was busy with an earlier question.
const askKernelAgain = time.Minute

// Why a session ends that could go on.
var (
	errHandOver = errors.New("another link takes over")
	errLeft     = errors.New("the link is not needed now")
	errGone     = errors.New("its interface or address has gone")
)

// passedOver is why a session ends that another link has overtaken.
const passedOver = "the server did not answer before another link stood (hint: does anything pass there?)"

// travel is the part of Run that moves between links. All of it belongs to that goroutine but the inbox.
type travel struct {
	u       *Uplink
	road    *road.Road
	news    inbox
	dials   []*attempt // by link; nil: there is none
	session *session   // nil: there is none
	alarms  uint64     // that wait
	broken  error      // of the local broker
	running sync.WaitGroup
}

// attempt is a connection that is being opened, or that stands and has not been taken.
type attempt struct {
	server *server
	cancel context.CancelFunc
	conn   net.Conn
	before int64 // what the meter of the link showed
}

// session is the one that goes on.
type session struct {
	at     int // the link
	server *server
	local  netip.Addr // our address
	stop   context.CancelCauseFunc
	told   error     // what it was stopped with
	online time.Time // zero: not yet
	before int64     // what the meter of the link showed when it was dialled
}

// inbox holds what has happened until the goroutine of travel comes to it.
type inbox struct {
	mu   sync.Mutex
	list []func()
	wake chan struct{}
}

func (b *inbox) post(f func()) {
	b.mu.Lock()
	b.list = append(b.list, f)
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

func (b *inbox) take() []func() {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := b.list
	b.list = nil
	return list
}

func newTravel(u *Uplink) *travel {
	t := &travel{u: u, news: inbox{wake: make(chan struct{}, 1)}, dials: make([]*attempt, len(u.ways))}
	var links []road.Link
	for _, w := range u.ways {
		links = append(links, w.path(len(u.servers)))
	}
	t.road = road.New(links, time.Now())
	return t
}

// run goes on until ctx ends, or the local broker cannot be used.
func (t *travel) run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer t.running.Wait()
	defer t.leaveDials()
	defer stop()
	t.watch(ctx)
	for _, w := range t.u.ways {
		if w.radio != nil {
			t.running.Go(func() { w.radio.recovery.Run(ctx) })
		}
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		for _, f := range t.news.take() {
			f()
		}
		if t.broken != nil {
			return t.broken
		}
		if at := t.steps(ctx); at.IsZero() {
			timer.Stop()
		} else {
			timer.Reset(time.Until(at))
		}
		t.show()
		select {
		case <-ctx.Done():
		case <-t.news.wake:
		case <-timer.C:
		}
	}
	return nil
}

// watch has the kernel tell of the interfaces, where that matters.
func (t *travel) watch(ctx context.Context) {
	if t.u.interfaces == nil {
		t.allThere()
		return
	}
	t.running.Go(func() {
		for ctx.Err() == nil {
			err := t.u.interfaces(ctx, func(table interfaces.Table) { t.news.post(func() { t.changed(table) }) })
			if err != nil && ctx.Err() == nil {
				t.u.once("interfaces", func() {
					t.u.log.Warn("the kernel does not tell of network interfaces; links are tried without, and it is asked again now and then", "err", err)
				})
				t.news.post(t.allThere)
			}
			timer := time.NewTimer(askKernelAgain)
			select {
			case <-ctx.Done():
			case <-timer.C:
			}
			timer.Stop()
		}
	})
}

func (t *travel) allThere() {
	for i := range t.u.ways {
		t.road.Physical(time.Now(), i, road.Addressed)
	}
}

func (t *travel) changed(table interfaces.Table) {
	now := time.Now()
	for i, w := range t.u.ways {
		var local netip.Addr
		if t.session != nil && t.session.at == i {
			local = t.session.local
		}
		w.look(now, table, t.road, i, local)
	}
}

// steps does what is to be done now, and says when to look again.
func (t *travel) steps(ctx context.Context) (again time.Time) {
	again = t.demand(time.Now())
	for {
		step := t.road.Next(time.Now())
		if step.Do == road.Wait {
			return sooner(again, step.At)
		}
		t.do(ctx, step)
	}
}

// sooner is the earlier of two times, of which the zero one is never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func (t *travel) do(ctx context.Context, step road.Step) {
	switch step.Do {
	case road.Dial:
		t.dial(ctx, step.Link, t.u.servers[step.Server])
	case road.Take:
		t.take(ctx, step.Link)
	case road.Drop:
		t.drop(step.Link)
	case road.HandOver:
		t.u.log.Info("uplink moves to another link", "from", t.u.ways[step.Link].Name)
		t.end(errHandOver)
	case road.Leave:
		t.end(errLeft)
	case road.Cut:
		t.end(errGone)
	}
}

// dial opens a connection while whatever else goes on.
func (t *travel) dial(ctx context.Context, i int, s *server) {
	ctx, cancel := context.WithTimeout(ctx, t.u.ways[i].kind.DialTime)
	a := &attempt{server: s, cancel: cancel, before: t.u.ways[i].purse.meter.Total()}
	t.u.ways[i].keep.take(s.Address())
	t.dials[i] = a
	t.running.Go(func() {
		conn, err := t.u.ways[i].dial(ctx, s.Server)
		t.news.post(func() { t.dialled(i, a, conn, err) })
	})
}

func (t *travel) dialled(i int, a *attempt, conn net.Conn, err error) {
	a.cancel()
	switch {
	case t.dials[i] != a: // it was dropped
		if conn != nil {
			conn.Close()
		}
	case err != nil:
		t.dials[i] = nil
		t.u.ways[i].keep.failed(err)
		err = fmt.Errorf("dial: %w", err)
		t.u.ways[i].fault(faultOf(err), opened(err))
		t.road.Failed(time.Now(), i, faultOf(err), t.u.reasonOf(err), t.u.ways[i].purse.since(a.before))
		t.u.notServed(faultOf(err))
		t.failed(i, a.server, err)
	default:
		a.conn = conn
		t.road.Dialled(time.Now(), i)
	}
}

// drop gives up an attempt. The goroutine of one that is not over finds nobody who waits for it.
func (t *travel) drop(i int) {
	if a := t.dials[i]; a != nil {
		a.cancel()
		if a.conn != nil {
			a.conn.Close()
		}
	}
	t.dials[i] = nil
}

// leaveDials closes what is left at the end, also what has been opened and not been looked at.
func (t *travel) leaveDials() {
	for i := range t.dials {
		t.drop(i)
	}
	t.running.Wait()
	for _, f := range t.news.take() {
		f()
	}
}

// take begins a session on a connection that stands.
func (t *travel) take(ctx context.Context, i int) {
	a := t.dials[i]
	t.dials[i] = nil
	ctx, stop := context.WithCancelCause(ctx)
	s := &session{at: i, server: a.server, local: localOf(a.conn), stop: stop, before: a.before}
	t.session = s
	p := &passage{way: t.u.ways[i], first: a.conn}
	p.stands = func() {
		used := p.used
		t.news.post(func() {
			s.online = time.Now()
			p.way.fault(road.None, true)
			p.way.standing.connected(p.way.purse.since(s.before) / used)
			t.road.Connected(s.online, i)
		})
	}
	t.running.Go(func() {
		online, err := t.u.connection(ctx, p, a.server)
		p.close()
		t.news.post(func() { t.ended(ctx, online, err) })
	})
}

// Degraded tells that a link is too bad to stay on when another is there, or good again; by its signal, or by how long answers take. It may
// be called from any goroutine, also before Run; who judges is not here.
func (u *Uplink) Degraded(link string, bad bool) {
	for i, w := range u.ways {
		if w.Name == link {
			u.travel.news.post(func() { u.travel.road.Degraded(time.Now(), i, bad) })
		}
	}
}

// end stops the session.
func (t *travel) end(why error) {
	t.session.told = why
	t.session.stop(why)
}

func (t *travel) ended(ctx context.Context, online bool, err error) {
	s, w := t.session, t.u.ways[t.session.at]
	stopped := s.told == nil && ctx.Err() != nil // the gateway stops
	s.stop(nil)
	t.session = nil
	if t.broken == nil && t.u.broker.Err() != nil {
		t.broken = fmt.Errorf("uplink %s: the local broker cannot store: %w", t.u.config.Name, t.u.broker.Err())
	}
	now, fault, cost := time.Now(), faultOf(err), w.purse.since(s.before)
	if w.doubt != nil && (!online || fault == road.Mute) {
		w.doubt(s.server.Host) // who has opened the connection is perhaps not the Server any more
	}
	if errors.Is(err, errRenew) {
		t.road.Ended(now, s.at, road.None, "", 0)
		return
	}
	switch s.told {
	case errHandOver:
		w.standing.lost()
		why := ""
		if !online {
			why = passedOver
		}
		t.road.Ended(now, s.at, road.None, why, cost)
		return
	case errLeft:
		t.road.Ended(now, s.at, road.None, "", 0)
		t.u.left(w)
		return
	case errGone:
		fault, err = road.Gone, fmt.Errorf("link %s: %w", w.Name, errGone)
	}
	if stopped || err == nil {
		return
	}
	w.fault(fault, !online)
	if !online {
		t.u.notServed(fault)
	}
	if fault == road.Way && w.keep.lostInSilence() {
		fault = road.Server // or whatever stands before it: another link is not needed yet
	}
	t.road.Ended(now, s.at, fault, t.u.reasonOf(err), cost)
	t.failed(s.at, s.server, err)
}

// failed reports a failure. One beside a session that stands is no outage.
func (t *travel) failed(i int, s *server, err error) {
	t.u.ways[i].standing.lost()
	if t.session != nil && !t.session.online.IsZero() {
		t.u.failedBeside(t.u.ways[i], s, err)
		return
	}
	t.u.failed(t.u.ways[i], s, err)
	t.u.pairs.offline()
}
