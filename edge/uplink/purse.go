package uplink

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"skerry/edge/config"
	"skerry/edge/uplink/budget"
	"skerry/edge/uplink/interfaces"
)

// dial opens the stream of bytes to a Server.
type dial = func(context.Context, config.Server) (net.Conn, error)

// purse is what has been spent on a link, and what still may be.
type purse struct {
	account *budget.Account
	meter   *budget.Meter
	unit    budget.Unit
	limited bool // it has an allowance; else it is only counted
	stance  atomic.Pointer[stance]
}

// stance is what a purse allows.
type stance struct {
	rung budget.Rung
	may  [budget.Classes]bool
}

// newPurse takes the account of a link up where an earlier run has left it.
func (u *Uplink) newPurse(l config.Link, now func() (time.Time, bool), counters func(path string) (string, error)) (*purse, error) {
	key := u.budgetKey(l.Name)
	o := budget.Options{
		Link: l.Name, Price: l.Price.Price, Now: now, Log: u.log,
	}
	o.History, _ = u.broker.Fact(key + daysKey)
	o.KeepHistory = func(history []byte) error {
		_, err := u.broker.PutFact(key+daysKey, history)
		return err
	}
	m := budget.MeterOptions{Unit: l.Billed().Unit}
	if l.Budget != nil {
		o.Zone = l.Budget.Zone.Location
		if l.Budget.Count == config.ByInterface {
			m.Interface = budget.NewInterface(l.Interface, counters)
		}
		o.Allowances, o.ResetDay, o.Reserve = l.Budget.Bytes, l.Budget.ResetDay, float64(l.Budget.Reserve)/100
		u.keepAccount(key, &o)
	}
	account, err := budget.New(o)
	if err != nil {
		return nil, fmt.Errorf("link %s: %w", l.Name, err)
	}
	return &purse{account: account, meter: budget.NewMeter(account, m), unit: m.Unit, limited: l.Budget != nil}, nil
}

// daysKey ends the key of the fact from which forecasts are made.
const daysKey = "/days"

func (u *Uplink) budgetKey(link string) string { return u.group() + "/budget/" + link }

// keepAccount has what must never be counted too low kept in the log. Without an allowance there is nothing that could be.
func (u *Uplink) keepAccount(key string, o *budget.Options) {
	b := u.broker
	o.Fact, _ = b.Fact(key)
	o.Hurry = b.Hurry
	o.Keep = func(fact []byte, kept func()) error {
		return b.KeepFact(key, fact, &waker{func() {
			if b.Err() == nil { // it wakes as well when storage has failed
				kept()
			}
		}})
	}
}

// waker is what the log wakes when something is on the disk.
type waker struct{ wake func() }

// Wake is the broker's.
func (w *waker) Wake() { w.wake() }

// classOf is what the bytes of a stream are spent on. What the program itself says, of no class, is as a state is.
func classOf(class string) budget.Class {
	switch class {
	case config.AlarmClass:
		return budget.Alarm
	case config.LiveClass:
		return budget.Live
	case config.BackfillClass:
		return budget.Backfill
	}
	return budget.State
}

// may tells whether messages of a stream may be sent. On the rung reduced live data wait, unless the stream says how they are thinned out.
func (p *purse) may(s *stream) bool { return p.fits(s, 0) }

// fits is may, where so many bytes are to be spent soon on what has been sent.
func (p *purse) fits(s *stream, soon int64) bool {
	if !p.limited {
		return true
	}
	c := classOf(s.class)
	return p.account.Fits(c, soon) && (c != budget.Live || s.thin != nil || p.account.Rung() < budget.Reduced)
}

// tight tells whether a stream is to be thinned out.
func (p *purse) tight(s *stream) bool {
	return p.limited && s.thin != nil && p.account.Rung() == budget.Reduced
}

// counted is interfaces.Options.Counted.
func (p *purse) counted(d interfaces.Dial) interfaces.Dial { return p.meter.Dialing(d) }

// counting counts what a dial opens that knows nothing of the purse.
func (p *purse) counting(d dial) dial {
	return func(ctx context.Context, s config.Server) (net.Conn, error) {
		return p.meter.Dialing(func(ctx context.Context, _, _ string) (net.Conn, error) { return d(ctx, s) })(ctx, "tcp", s.Address())
	}
}

// together has looking up a name and connecting be one session, where sessions are billed.
func (p *purse) together(d dial) dial {
	return func(ctx context.Context, s config.Server) (net.Conn, error) {
		p.meter.Begin()
		defer p.meter.End()
		return d(ctx, s)
	}
}

// since is what has been billed since the meter showed total, for one attempt.
func (p *purse) since(total int64) int64 {
	n := p.meter.Total() - total
	if n <= 0 {
		return 0
	}
	return p.unit.Billed(n, 0)
}

// look brings the account up to date, and tells whether it allows something else than when it was looked at last.
func (p *purse) look(backlog int64) (changed bool) {
	p.meter.Sample()
	p.account.Backlog(backlog)
	now := &stance{rung: p.account.Look()}
	for c := range budget.Classes {
		now.may[c] = p.account.May(budget.Class(c))
	}
	was := p.stance.Swap(now)
	return was == nil || *was != *now
}

// rung is how far what is sent over the link is cut down.
func (p *purse) rung() budget.Rung {
	if !p.limited {
		return budget.Normal
	}
	return p.account.Rung()
}

// mostBudgets bounds the links of an uplink whose accounts are remembered.
const mostBudgets = 32

// enlistBudgets notes which links have accounts. One that is configured no more keeps its own: to leave it out for a while gives no bytes
// back.
func (u *Uplink) enlistBudgets() error {
	configured := map[string]bool{}
	for _, w := range u.ways {
		configured[w.Name] = true
	}
	var others []string
	for _, name := range u.memory.Budgets {
		if !configured[name] {
			others = append(others, name)
		}
	}
	if n := len(others) + len(u.ways) - mostBudgets; n > 0 {
		if err := u.forgetBudgets(others[:min(n, len(others))]); err != nil {
			return err
		}
		others = others[min(n, len(others)):]
	}
	u.memory.Budgets = others
	for _, w := range u.ways {
		u.memory.Budgets = append(u.memory.Budgets, w.Name)
	}
	return nil
}

// forgetBudgets removes the accounts of links.
func (u *Uplink) forgetBudgets(links []string) error {
	for _, name := range links {
		for _, key := range []string{u.budgetKey(name), u.budgetKey(name) + daysKey} {
			if _, ok := u.broker.Fact(key); !ok {
				continue
			}
			if _, err := u.broker.PutFact(key, nil); err != nil {
				return fmt.Errorf("forget the budget of link %s: %w", name, err)
			}
		}
	}
	return nil
}

// closeBudgets writes what was used, so that a stop in order costs nothing.
func (u *Uplink) closeBudgets() {
	for _, w := range u.ways {
		w.purse.meter.Sample()
		w.purse.account.Close()
	}
	u.broker.Hurry()
}
