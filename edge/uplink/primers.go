package uplink

import (
	"fmt"
	"time"

	"skerry/broker/packet"
	"skerry/edge/uplink/pack"
	"skerry/edge/uplink/primers"
	"skerry/queue"
)

func (u *Uplink) primersKey(slot int) string { return fmt.Sprintf("%s/primers/%d", u.group(), slot) }

// openPrimers reads which primers are known.
func (u *Uplink) openPrimers() {
	shelf, damaged := primers.New(func(slot int) []byte {
		value, _ := u.broker.Fact(u.primersKey(slot))
		return value
	})
	if damaged > 0 {
		u.log.Warn("primers of blocks are damaged; the server is asked for them when they are needed", "streams", damaged)
	}
	u.blocks.shelf = shelf
}

// forgetPrimers ends the shelf of an uplink that is configured no more.
func (u *Uplink) forgetPrimers() error { return u.forgetFacts(u.primersKey, primers.Topics) }

// forgetFacts deletes the facts of slots.
func (u *Uplink) forgetFacts(key func(int) string, slots int) error {
	for slot := range slots {
		if _, ok := u.broker.Fact(key(slot)); !ok {
			continue
		}
		if _, err := u.broker.PutFact(key(slot), nil); err != nil {
			return err
		}
	}
	return nil
}

// takePrimer publishes what is new in a primer, and stores it for blocks to come. The messages of one that is
// known were published before it was stored: a Server gives it again with each subscription.
func (l *link) takePrimer(one receivedBlock, head *pack.Head, list []pack.Message) error {
	b := &l.u.blocks
	p, err := pack.NewPrimer(one.body)
	if err == nil && b.shelf.Has(one.topic, p.ID()) {
		l.u.count(func(s *Status) { s.Again += uint64(len(list)) })
		return nil
	}
	if publishErr := l.publishNew(one, head, list); publishErr != nil {
		return publishErr
	}
	if err != nil { // it is a block all the same, and what needs it says so
		l.spoilt(one.topic, err)
		return nil
	}
	c := b.shelf.With(one.topic, one.body)
	for _, slot := range c.Gone {
		if err := l.putFact(l.u.primersKey(slot), nil); err != nil {
			return err
		}
	}
	if err := l.putFact(l.u.primersKey(c.Slot), c.Content); err != nil {
		return err
	}
	b.shelf.Keep(c)
	l.primerCame(one.topic, p.ID())
	return nil
}

// putFact stores something with what was published before it.
func (l *link) putFact(key string, value []byte) error {
	receipt, err := l.patiently(func() (queue.Receipt, error) { return l.u.broker.PutFact(key, value) })
	if err != nil {
		return fmt.Errorf("store what blocks need: %w", err)
	}
	l.u.blocks.latest = max(l.u.blocks.latest, receipt)
	return nil
}

// refetch is how long a Server is not asked again for the primers of a topic.
const refetch = time.Hour

// fetchPrimer asks the Server for the latest primer of a topic: it gives what it retains to who subscribes anew. That is not asked of a Server that has names of its own,
// or that has hung up on it.
func (l *link) fetchPrimer(name string) error {
	w := &l.u.blocks.waiting
	if l.u.names.Given() || w.hung >= hangUps || time.Since(w.fetched[name]) < refetch {
		return nil
	}
	if len(w.fetched) >= mostWaiting {
		clear(w.fetched)
	}
	w.fetched[name] = time.Now()
	filter := name + primerLevel
	s := packet.Subscribe{Subscriptions: []packet.Subscription{{TopicFilter: []byte(filter), QoS: min(1, l.u.profile.MaximumQoS), RetainAsPublished: true}}}
	l.fetching.Add(1)
	s.PacketID = l.own.ask(func([]packet.ReasonCode) { // what it says shows in what comes
		l.fetching.Add(-1)
		l.u.blocks.mu.Lock()
		defer l.u.blocks.mu.Unlock()
		w.hung = 0
	})
	l.remember(func(subscribed map[string]uint32) { subscribed[filter] = 0 }) // if nothing comes, the next connection ends it
	return l.conn.Send(&s)
}

// primerCame ends what fetchPrimer began.
func (l *link) primerCame(name string, id uint32) {
	w := &l.u.blocks.waiting
	delete(w.missed, missedPrimer{name, id})
	if w.fetched[name].IsZero() {
		return
	}
	delete(w.fetched, name)
	if err := l.unsubscribeFrom([][]byte{[]byte(name + primerLevel)}); err != nil {
		return // so has the connection ended
	}
}
