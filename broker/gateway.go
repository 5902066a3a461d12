package broker

import (
	"slices"
	"time"

	"skerry/queue"
)

// Internal lists the ClientIDs of the program's own stored sessions, sorted. One whose configuration is gone would gather
// messages for ever; it is ended by connecting to it with CleanStart and no SessionExpiryInterval, and disconnecting.
func (b *Broker) Internal() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var ids []string
	for key, s := range b.sessions {
		if s.internal() && s.queue != nil && s.queue.Durable() {
			ids = append(ids, key[1:])
		}
	}
	slices.Sort(ids)
	return ids
}

// Fact returns a small state of the gateway that PutFact has stored: pulse totals, what an uplink has learned. The value
// must not be changed.
func (b *Broker) Fact(key string) ([]byte, bool) { return b.store.Fact(spaceGateway, key) }

// PutFact stores a small state of the gateway; nil deletes it. It is written with the next group, before everything that is
// published after it; whoever needs it durable waits for the receipt. The value must not be changed afterwards.
func (b *Broker) PutFact(key string, value []byte) (queue.Receipt, error) {
	return b.putFact(key, value, nil)
}

// KeepFact is PutFact, and has w woken once, when the state is on the disk or storage has failed. The commit window is left as it is, and
// ends the wait. After an error nobody is woken.
func (b *Broker) KeepFact(key string, value []byte, w queue.Waker) error {
	_, err := b.putFact(key, value, w)
	return err
}

// Hurry has everything written now that waits for a commit window.
func (b *Broker) Hurry() { b.store.Hurry() }

func (b *Broker) putFact(key string, value []byte, w queue.Waker) (queue.Receipt, error) {
	batch := b.store.NewBatch()
	if value == nil {
		batch.Delete(spaceGateway, key)
	} else {
		batch.Put(spaceGateway, key, value)
	}
	batch.MayWait()
	if w != nil {
		batch.Tell(w)
	}
	return b.store.Apply(batch)
}

// Age is how old a message is at least.
func (b *Broker) Age(m *Message) time.Duration { return b.store.Age(m) }
