package queue

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"time"

	"skerry/queue/vfs"
)

var errNotBuilt = errors.New("queue: not built yet")

var (
	// ErrFormat: the directory holds a store of a newer format. Nothing was touched.
	ErrFormat = errors.New("the store has a newer format; use the version of skerry that wrote it, or a newer one")
	// ErrLocked: another process has the store open.
	ErrLocked = vfs.ErrLocked
	// ErrTooLarge: the message is larger than a quarter of a slot.
	ErrTooLarge = errors.New("message too large for the store")
	// ErrBusy: more waits for the disk than memory may hold.
	ErrBusy = errors.New("too much is waiting for the disk")
	// ErrClosed: the store was closed.
	ErrClosed = errors.New("store closed")
)

// Options of a store. Zero fields take the defaults.
type Options struct {
	SlotSize     int64         // bytes of a log slot; default 4 MiB
	BlockSize    int           // bytes of a log block; default 4096
	CommitWindow time.Duration // how long what the gateway itself publishes may wait for its commit; default 2 s
	LazyAck      time.Duration // how long an acknowledgement of a receiver may wait for its commit; default 5 s
	PendingBytes int           // memory of what waits for the disk before Publish answers ErrBusy; default 16 MiB
	Boot         Boot          // default: this machine
	Log          *slog.Logger  // nil: discard
}

// Boot is what the store knows of the machine it runs on. Tests replace it.
type Boot struct {
	ID    [16]byte             // changes whenever the kernel starts
	Clock func() time.Duration // CLOCK_BOOTTIME
}

// A Store is an open queue directory.
type Store struct{}

// Open takes the lock of dir (ErrLocked), and replays the log. A newer format is ErrFormat and nothing is touched; damage never is an error.
func Open(fs vfs.FS, dir string, o Options) (*Store, *Recovery, error) {
	return nil, nil, errNotBuilt
}

// Run commits what is published until ctx ends; then it commits what is pending and returns nil. An error means that the store is down.
func (s *Store) Run(ctx context.Context) error { return errNotBuilt }

// Commit makes durable what is pending, in the caller's goroutine. Run does this by itself.
func (s *Store) Commit() error { return errNotBuilt }

// Close ends the log cleanly and gives the lock back. Run must have returned.
func (s *Store) Close() error { return nil }

// Err is not nil when the store is down: nothing is made durable any more.
func (s *Store) Err() error { return errNotBuilt }

// Publish hands m to the rings of its targets. The receipt is 0 if nothing is owed to the disk.
func (s *Store) Publish(m *Message, to []Target) (Receipt, error) { return 0, errNotBuilt }

// Fact returns the value of a fact. It must not be changed.
func (s *Store) Fact(space byte, key string) ([]byte, bool) { return nil, false }

// Facts yields the facts of a space, in no order.
func (s *Store) Facts(space byte) iter.Seq2[string, []byte] {
	return func(func(string, []byte) bool) {}
}

// Age is how old m is at least.
func (s *Store) Age(m *Message) time.Duration { return 0 }

// SetCommitWindow changes Options.CommitWindow.
func (s *Store) SetCommitWindow(d time.Duration) {}

// NewVolatile makes a session that lives in memory only.
func (s *Store) NewVolatile(o SessionOptions) *Session { return nil }

// Session returns the durable session of that number, or nil.
func (s *Store) Session(number uint64) *Session { return nil }

// Sessions yields the durable sessions, by number.
func (s *Store) Sessions() iter.Seq[*Session] { return func(func(*Session) bool) {} }

// Stats of the store since it was opened.
func (s *Store) Stats() Stats { return Stats{} }

// Stats are counted since Open.
type Stats struct {
	Groups    uint64 // groups made durable
	Flushes   uint64 // fdatasync calls
	Records   uint64
	Bytes     uint64 // written to the log, in whole blocks
	Elided    uint64 // messages not written because every receiver had acknowledged them
	Coalesced uint64 // retained messages not written because a newer one of their topic was in the same group
	Dropped   uint64 // deliveries dropped because a volatile session's ring, or any session's for QoS 0, was full
}
