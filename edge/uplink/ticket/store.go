package ticket

import (
	"crypto/sha256"
	"crypto/tls"
	"log/slog"
	"sync"
	"time"
)

// Rewrite is the age of a stored ticket at which a newer one is written. Servers give tickets from two hours (OpenSSL) to a week: this is at
// most half of it, and 24 writes a day at most.
const Rewrite = time.Hour

// mostBindings bounds what is kept in memory.
const mostBindings = 16

// Facts is where tickets are stored. Its methods must not block on the disk.
type Facts interface {
	Fact(key string) ([]byte, bool)
	Put(key string, fact []byte) error // nil deletes
}

// Options of a Store. Zero fields take the defaults.
type Options struct {
	Key   *Key  // nil: nothing is stored
	Facts Facts // nil: nothing is stored
	Now   func() time.Time
	Log   *slog.Logger
}

// Store keeps tickets. Its methods may be called from several goroutines.
type Store struct {
	o Options

	mu      sync.Mutex
	held    map[[sha256.Size]byte]*entry
	damaged uint64
	said    bool
}

// entry is what is known for one binding.
type entry struct {
	latest  *tls.ClientSessionState // nil: none
	looked  bool                    // the fact was read
	stored  time.Time               // when the fact was written; zero: there is none, or it was used
	touched time.Time
}

// New builds a Store. It reads nothing yet.
func New(o Options) *Store {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Store{o: o, held: map[[sha256.Size]byte]*entry{}}
}

// For gives the tickets for a binding. They are stored as the fact key; two bindings that are used in turn need two keys.
func (s *Store) For(b Binding, key string) tls.ClientSessionCache {
	return &cache{store: s, binding: b.sum(), key: key}
}

// Damaged is how many facts could not be read: damaged, of another board, or for what is not configured any more.
func (s *Store) Damaged() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.damaged
}

func (s *Store) stores() bool { return s.o.Key != nil && s.o.Facts != nil }

// entry gives what is known for a binding, and forgets the one that was not needed for longest.
func (s *Store) entry(binding [sha256.Size]byte) *entry {
	e := s.held[binding]
	if e == nil {
		if len(s.held) >= mostBindings {
			s.forgetOldest()
		}
		e = &entry{}
		s.held[binding] = e
	}
	e.touched = time.Now()
	return e
}

func (s *Store) forgetOldest() {
	var oldest [sha256.Size]byte
	var at time.Time
	for b, e := range s.held {
		if at.IsZero() || e.touched.Before(at) {
			oldest, at = b, e.touched
		}
	}
	delete(s.held, oldest)
}

// cache is a Store for one binding, as package crypto/tls wants it. The key that package asks with is the name of the Server, which the
// binding has.
type cache struct {
	store   *Store
	binding [sha256.Size]byte
	key     string
}

// Get gives the latest ticket, or the one that is stored.
func (c *cache) Get(string) (*tls.ClientSessionState, bool) {
	s := c.store
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entry(c.binding)
	if e.latest == nil && !e.looked {
		c.read(e)
	}
	return e.latest, e.latest != nil
}

// read takes the fact up. It counts as used from now on, so that the next ticket is written.
func (c *cache) read(e *entry) {
	s := c.store
	e.looked = true
	if !s.stores() {
		return
	}
	fact, ok := s.o.Facts.Fact(c.key)
	if !ok {
		return
	}
	cs, at, err := s.o.Key.unseal(fact, c.binding)
	switch now := s.o.Now(); {
	case err != nil:
		s.damaged++
		s.o.Log.Info("a stored session ticket of TLS is not used; the next handshake is a full one", "err", err)
	case at.After(now):
		s.o.Log.Info("a stored session ticket of TLS is not used: by its time it comes from the future", "written", at, "now", now)
	default:
		e.latest = cs
	}
}

// Put notes a new ticket; nil: the one that was given is not to be used any more.
func (c *cache) Put(_ string, cs *tls.ClientSessionState) {
	s := c.store
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entry(c.binding)
	e.latest, e.looked = cs, true
	if !s.stores() {
		return
	}
	now := s.o.Now()
	if age := now.Sub(e.stored); cs != nil && !e.stored.IsZero() && age >= 0 && age < Rewrite {
		return
	}
	if cs == nil {
		e.stored = time.Time{}
		s.put(c.key, nil)
		return
	}
	fact, err := s.o.Key.seal(cs, c.binding, now)
	if err != nil {
		s.say("a session ticket of TLS cannot be stored", err)
		return
	}
	if s.put(c.key, fact) {
		e.stored = now
	}
}

func (s *Store) put(key string, fact []byte) bool {
	if err := s.o.Facts.Put(key, fact); err != nil {
		s.say("a session ticket of TLS is not stored", err)
		return false
	}
	return true
}

// say reports what does not work, once.
func (s *Store) say(what string, err error) {
	if !s.said {
		s.said = true
		s.o.Log.Warn(what+"; the first handshake after a restart is a full one", "err", err)
	}
}
