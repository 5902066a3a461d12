package budget

import (
	"context"
	"log/slog"
	"math"
	"sync"
	"time"
)

// Account keeps the allowances of one link. It may be used by several goroutines.
type Account struct {
	options Options
	log     *slog.Logger
	days    page // for the history
	charge  charge

	mu        sync.Mutex
	dating    dating
	today     Date
	books     []*book
	spent     int64 // bytes of this run
	uncertain int64 // bytes charged ahead by the run before: whether and when they were used is not known
	tally     Tally // bytes of this run
	history   history
	backlog   int64
	ladder    ladder
	why       string    // the rung
	turned    time.Time // when the rung changed, on the clock of Now
	held      Tally     // messages of this run
	dropped   Tally     // likewise
	over      bool      // more than an allowance is used, and it was said

	factBytes    int64 // written since the history was
	historyBytes int64 // of the history, when it was written last
}

// New makes an account, from what an earlier one has kept. A fact that cannot be read does not keep the gateway from starting.
func New(o Options) (*Account, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	a := &Account{options: o, log: o.Log.With("link", o.Link), days: page{calendar: calendar{Day, 1, o.Zone}}, ladder: ladder{dwell: time.Hour}}
	f := a.remember()
	for _, allowance := range o.Allowances {
		b := &book{Allowance: allowance, page: page{calendar: calendar{allowance.Period, o.ResetDay, o.Zone}}, reserve: o.Reserve}
		b.restore(&f)
		a.books = append(a.books, b)
		if b.Period == Month && len(o.Allowances) == 1 {
			a.ladder.dwell = 6 * time.Hour
		}
	}
	a.uncertain = f.Ahead
	a.history.begun = o.Passed()
	a.charge = charge{low: max(o.Chunk/8, 2)}
	a.look()
	return a, nil
}

// remember reads what an earlier run has kept.
func (a *Account) remember() (f fact) {
	var err error
	if len(a.options.Fact) > 0 {
		if f, err = decodeFact(a.options.Fact); err != nil {
			a.log.Error("what was used of a link's budget cannot be read; it begins anew", "err", err,
				"hint", "compare with the operator's figure")
		}
	}
	if len(a.options.History) > 0 {
		if a.history, err = decodeHistory(a.options.History); err != nil {
			a.log.Warn("what a link has used on the last days cannot be read; forecasts begin anew", "err", err)
		}
	}
	return f
}

// Spend counts bytes that have passed, in either direction. It never refuses: what may be sent is asked before, by May.
func (a *Account) Spend(c Class, bytes int64) {
	if bytes <= 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.date()
	a.spent = plus(a.spent, bytes)
	for _, b := range a.books {
		b.current.Used = plus(b.current.Used, bytes)
		if b.Period == Month {
			a.history.inMonth(b.current.First, c, bytes)
		}
	}
	a.tally.add(c, bytes)
	a.history.add(a.today, c, bytes, a.options.Passed())
	a.ahead(0)
	if a.ladder.rung != AlarmOnly && a.left() <= 0 || !a.over && a.overdrawn() > 0 {
		a.climb()
	}
}

// Cover has the disk know of bytes before they are sent, and reports whether it does. It waits as long as the patience, and not at all while
// writing fails, or somebody has waited in vain.
func (a *Account) Cover(bytes int64) bool {
	a.mu.Lock()
	a.date()
	a.ahead(bytes)
	want := plus(plus(a.spent, bytes), a.charge.low/2)
	a.mu.Unlock()
	return a.charge.wait(want, a.options.Hurry, a.options.Patience)
}

// May tells whether something may be sent. Alarms always may. The old backlog may use what regular traffic is not expected to need.
// Overhead is a connection that is held open with nothing to send. For a link that is only counted everything may.
func (a *Account) May(c Class) bool { return a.Fits(c, 0) }

// Fits is May, where so many bytes are to be spent soon on what has been sent, and are not counted yet.
func (a *Account) Fits(c Class, soon int64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.date()
	if c == Alarm || len(a.books) == 0 {
		return true
	}
	if a.ladder.rung == AlarmOnly || a.left() <= soon {
		return false
	}
	switch c {
	case Backfill:
		pressure, _ := a.pressure()
		return a.ladder.rung < Reduced && pressure < 1
	case Overhead:
		return a.ladder.rung < OnDemand
	}
	return true
}

// Rung is how far the traffic is to be cut down.
func (a *Account) Rung() Rung {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.ladder.rung
}

// Look finds the rung anew. It is to be called once a minute or so, and before a decision that depends on the rung.
func (a *Account) Look() Rung {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.look()
	return a.ladder.rung
}

// Backlog tells how many bytes the old backlog is expected to cost, as far as it is known.
func (a *Account) Backlog(bytes int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.backlog = max(bytes, 0)
}

// Held counts messages that wait because of the budget; each is to be counted once.
func (a *Account) Held(c Class, messages int64) { a.note(&a.held, c, messages) }

// Dropped counts messages that will not be sent because of the budget: by down-sampling, or by a limit of a queue while they were held.
func (a *Account) Dropped(c Class, messages int64) { a.note(&a.dropped, c, messages) }

func (a *Account) note(t *Tally, c Class, messages int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	t.add(c, max(messages, 0))
}

// Correct sets what was used of the current period, to what the operator's bill says.
func (a *Account) Correct(p Period, used int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.date()
	for _, b := range a.books {
		if b.Period == p {
			a.log.Info("what was used of a link's budget is set", "period", p, "began", b.current.First, "from", b.current.Used, "to", max(used, 0))
			b.current.Used = max(used, 0)
		}
	}
	a.keep(a.options.Chunk)
	a.look()
}

// Close writes what was used exactly, so that a restart in order costs nothing. What is spent later is charged again.
func (a *Account) Close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.date()
	a.keep(0)
	a.keepHistory()
}

func (a *Account) look() {
	a.date()
	a.history.look(a.options.Passed())
	date, _ := a.dating.read(time.Time{}, false, a.options.Passed())
	for _, b := range a.books {
		perDay, _ := a.perDay(b.Period)
		b.expected = perDay * b.daysLeft(date)
	}
	a.climb()
}

// date begins new periods.
func (a *Account) date() {
	now, trusted := a.options.Now()
	passed := a.options.Passed()
	date, fresh := a.dating.read(now, trusted, passed)
	if date.IsZero() {
		return
	}
	undated := int64(0)
	if fresh { // the bytes of this run were counted by another date, or by none
		undated = plus(a.uncertain, a.spent)
	}
	for _, b := range a.books {
		b.turn(date, passed, undated, a.log)
	}
	a.today = a.days.label(date)
}

// left is what may still be used without the reserve, in bytes, of the allowance that has least.
func (a *Account) left() int64 {
	least := int64(math.MaxInt64)
	for _, b := range a.books {
		least = min(least, b.open()-b.current.Used)
	}
	return least
}

// overdrawn is how far the allowances are exceeded, in bytes.
func (a *Account) overdrawn() (bytes int64) {
	for _, b := range a.books {
		bytes = max(bytes, b.current.Used-b.Bytes)
	}
	return bytes
}

// climb finds the rung, and tells when it has changed.
func (a *Account) climb() {
	if len(a.books) == 0 {
		return
	}
	pressure, tightest := a.pressure()
	was := a.ladder.rung
	if a.ladder.look(pressure, a.options.Passed()) {
		a.turned, _ = a.options.Now()
		a.why = "budget of a " + tightest.Period.String() + ": " + ratio(pressure)
		level := slog.LevelInfo
		if a.ladder.rung > was {
			level = slog.LevelWarn
		}
		a.log.Log(context.Background(), level, "a link's budget changes what is sent", "from", was, "to", a.ladder.rung, "why", a.why,
			"used", tightest.current.Used, "of", tightest.Bytes, "until", tightest.end())
	}
	if over := a.overdrawn() > 0; over != a.over {
		a.over = over
		if over {
			a.log.Warn("a link has used more than its budget: alarms go on", "used", tightest.current.Used, "of", tightest.Bytes, "until", tightest.end())
		}
	}
}
