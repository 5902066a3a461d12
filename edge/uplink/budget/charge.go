package budget

import (
	"sync"
	"time"
)

// charge knows how many bytes of this run are covered by facts: written ones, and those on the disk.
type charge struct {
	// low is what is written ahead at least; half of it is on the disk before anything is sent, and covers what comes in meanwhile.
	low int64

	mu      sync.Mutex
	written int64
	durable int64
	epoch   int           // of the facts whose cover counts
	changed chan struct{} // closed when durable rises or writing fails; nil: nobody waits
	failed  bool
	late    bool          // somebody has waited in vain; nobody does again before a fact is on the disk
	retry   time.Duration // when writing is tried again
}

const retryAfter = 10 * time.Second

// ahead writes a fact if what is spent, and bytes about to be, come near to what is charged. It is called with a.mu held.
func (a *Account) ahead(bytes int64) {
	need := plus(plus(a.spent, bytes), a.charge.low)
	c := &a.charge
	c.mu.Lock()
	enough := need <= c.written || c.failed && a.options.Passed() < c.retry
	c.mu.Unlock()
	if !enough {
		a.keep(max(a.options.Chunk, bytes+c.low))
	}
}

// keep writes a fact that charges some bytes ahead. It is called with a.mu held.
func (a *Account) keep(ahead int64) {
	f := fact{Ahead: ahead}
	for _, b := range a.books {
		b.save(&f)
	}
	c, covers := &a.charge, plus(a.spent, ahead)
	epoch := c.begin(covers)
	text := encode(&f)
	err := a.options.Keep(text, func() { c.kept(epoch, covers) })
	if news := c.end(err, a.options.Passed()+retryAfter); news && err != nil {
		a.log.Error("what is used of a link's budget cannot be written: after a power cut it may be counted too low", "err", err)
	} else if news {
		a.log.Info("what is used of a link's budget is written again")
	}
	if err == nil {
		a.factBytes += int64(len(text))
		if a.factBytes >= 3*a.historyBytes {
			a.keepHistory()
		}
	}
}

// keepHistory writes the history: seldom enough that it is not more than a quarter of what is written.
func (a *Account) keepHistory() {
	text := encode(&a.history)
	a.factBytes, a.historyBytes = 0, int64(len(text))
	if err := a.options.KeepHistory(text); err != nil {
		a.log.Debug("what a link has used on the last days is not kept", "err", err) // its fact says so aloud
	}
}

// begin notes a fact that is about to be written. One that covers less than the one before takes its cover back.
func (c *charge) begin(covers int64) (epoch int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if covers < c.written {
		c.epoch++
		c.durable = min(c.durable, covers)
	}
	c.written = covers
	return c.epoch
}

// kept notes that a fact is on the disk.
func (c *charge) kept(epoch int, covers int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.late = false
	if epoch == c.epoch && covers > c.durable {
		c.durable = covers
		c.tell()
	}
}

// end notes how the writing of a fact went. news is whether that is not as it was before.
func (c *charge) end(err error, retry time.Duration) (news bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	news = (err != nil) != c.failed
	c.failed = err != nil
	if c.failed {
		c.written, c.retry = c.durable, retry
		c.tell()
	}
	return news
}

func (c *charge) tell() {
	if c.changed != nil {
		close(c.changed)
		c.changed = nil
	}
}

// wait waits until the disk covers so many bytes.
func (c *charge) wait(want int64, hurry func(), patience time.Duration) bool {
	var late <-chan time.Time
	for {
		c.mu.Lock()
		if want <= c.durable || c.failed || c.late {
			defer c.mu.Unlock()
			return want <= c.durable
		}
		if c.changed == nil {
			c.changed = make(chan struct{})
		}
		changed := c.changed
		c.mu.Unlock()
		if late == nil {
			hurry()
			late = time.After(patience)
		}
		select {
		case <-changed:
		case <-late:
			c.mu.Lock()
			defer c.mu.Unlock()
			c.late = want > c.durable
			return !c.late
		}
	}
}

// covered is what is on the disk ahead of what is spent; below 0 a power cut would lose as much.
func (c *charge) covered(spent int64) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.durable - spent
}
