package broker

import (
	"bytes"

	"skerry/queue"
)

// The spaces of the broker's facts.
const (
	spaceSession      = 1 // key: namespace and ClientID
	spaceSubscription = 2 // key: session number and Topic Filter
	spaceWill         = 3 // key: namespace and ClientID
	spaceGateway      = 4 // key: the gateway's own
	spaceGroup        = 5 // key: "$share/{ShareName}/{filter}"
)

// change gathers facts that belong together. It leaves out those that are stored as they are already, so that a Client
// that subscribes anew at each connection costs no write. Unless it is forced its commit may wait for the next group.
type change struct {
	b       *Broker
	batch   *queue.Batch
	count   int
	bytes   int
	forced  bool                      // somebody waits for it
	receipt queue.Receipt             // after apply, if it was forced
	queues  map[string]*queue.Session // made for groups, by their name
}

func (b *Broker) change() *change { return &change{b: b, batch: b.store.NewBatch()} }

func (c *change) grow(bytes int) {
	c.count++
	c.bytes += bytes
}

func (c *change) put(space byte, key string, value []byte) {
	if old, ok := c.b.store.Fact(space, key); ok && bytes.Equal(old, value) {
		return
	}
	c.batch.Put(space, key, value)
	c.grow(len(key) + len(value))
}

func (c *change) delete(space byte, key string) {
	if _, ok := c.b.store.Fact(space, key); !ok {
		return
	}
	c.drop(space, key)
}

// drop deletes a fact that is known to be there.
func (c *change) drop(space byte, key string) {
	c.batch.Delete(space, key)
	c.grow(len(key))
}

func (c *change) create(o queue.SessionOptions) *queue.Session {
	c.grow(0)
	return c.batch.Create(o)
}

func (c *change) publish(m *Message, to []queue.Target) {
	c.batch.Publish(m, to)
	c.grow(len(m.Payload))
}

// publishRouted publishes a message that was routed, in all its forms.
func (c *change) publishRouted(m *Message, t *Touched) {
	for i, f := range t.formsOf(m) {
		if len(f.To) > 0 || i == 0 && m.Retain {
			c.publish(f.Message, f.To)
		}
	}
}

func (c *change) putSubscription(sub *subscription) {
	before := c.count
	c.put(spaceSubscription, subscriptionKey(sub.session.queue.Number(), sub.filter), sub.encode())
	c.forced = c.forced || c.count > before
}

func (c *change) deleteSubscription(s *session, filter string) {
	c.delete(spaceSubscription, subscriptionKey(s.queue.Number(), filter))
	c.forced = true
}

// putWill sets the Will of a ClientID, or deletes the one it had.
func (c *change) putWill(key string, o *ConnectOptions) {
	if o.Will == nil {
		c.delete(spaceWill, key)
		return
	}
	fact := willFact{user: o.User, keepAlive: o.KeepAlive, will: *o.Will, door: o.Door}
	c.put(spaceWill, key, fact.encode())
}

// end ends a durable session; a volatile one has nothing stored. Its subscriptions are left to forget: they can be too
// many for one batch, and mean nothing without their session.
func (c *change) end(s *session) {
	if s.queue == nil || !s.queue.Durable() {
		return
	}
	c.forced = true
	c.delete(spaceSession, s.key)
	c.endQueue(s.queue)
}

func (c *change) endQueue(x *queue.Session) {
	c.batch.End(x)
	c.grow(0)
}

// apply gives the change to the store.
func (c *change) apply() error {
	if c.count == 0 {
		return nil
	}
	if !c.forced {
		c.batch.MayWait()
	}
	r, err := c.b.store.Apply(c.batch)
	if err == nil && c.forced {
		c.receipt = r
	}
	return err
}

// applyFor applies a change whose receipt the answers to the Client of s wait for, now and later.
func (c *change) applyFor(s *session) error {
	err := c.apply()
	s.receipt = max(s.receipt, c.receipt)
	return err
}

// inPieces is how large a change grows whose parts do not belong together before they are applied.
const inPieces = 32 << 10

// piece applies what has been gathered if it is much, and goes on with an empty change. It is for what may as well not be
// stored: an error is only noted.
func (c *change) piece(done bool) {
	if c.bytes < inPieces && c.count < inPieces/32 && !done {
		return
	}
	if err := c.apply(); err != nil {
		c.b.log.Warn("facts not tidied up", "err", err)
	}
	c.batch, c.count, c.bytes = c.b.store.NewBatch(), 0, 0
}
