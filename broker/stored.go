package broker

import (
	"time"

	"skerry/queue"
)

// StoredSession is what the broker has stored of a durable session, for those who look into a store without a broker.
type StoredSession struct {
	Number   uint64 // that of its queue.Session
	ClientID string
	Internal bool   // of this program itself: an uplink's, for instance
	Shared   bool   // no session but the queue of a shared subscription; ClientID is "$share/{ShareName}/{filter}"
	User     string // who made it
	Expiry   uint32 // SessionExpiryInterval in seconds; Never
	Away     time.Duration
	HasAway  bool // its Client was away when this was written; Away is for how long, at least
}

// StoredSessions gives the sessions that a store has facts about, by number.
func StoredSessions(store *queue.Store) map[uint64]StoredSession {
	all := map[uint64]StoredSession{}
	for key, value := range store.Facts(spaceSession) {
		f, ok := decodeSession(value)
		if !ok || key == "" {
			continue
		}
		s := StoredSession{Number: f.number, ClientID: key[1:], Internal: key[0] == internalKey, User: f.user, Expiry: f.expiry}
		if f.away != (queue.Stamp{}) {
			s.Away, s.HasAway = store.Since(f.away), true
		}
		all[f.number] = s
	}
	for name, value := range store.Facts(spaceGroup) {
		if number, ok := decodeGroup(value); ok {
			all[number] = StoredSession{Number: number, ClientID: name, Shared: true, Expiry: Never}
		}
	}
	return all
}

// Retained is how many messages are retained that survive a restart and have not expired, and their bytes: topic names, properties and
// payloads.
func (b *Broker) Retained() (messages, bytes int) {
	b.retained.mu.Lock()
	defer b.retained.mu.Unlock()
	for name, k := range b.retained.names.All() {
		if !system(name) && b.alive(k.message) {
			messages++
			bytes += weight(k.message)
		}
	}
	return messages, bytes
}
