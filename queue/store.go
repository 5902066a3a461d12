package queue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"skerry/queue/slotlog"
	"skerry/queue/vfs"
)

var (
	// ErrFormat: the directory holds a store of a newer format. Nothing was touched.
	ErrFormat = errors.New("the store was written by a newer version of skerry; use that version, or a newer one")
	// ErrLocked: another process has the store open.
	ErrLocked = vfs.ErrLocked
	// ErrTooLarge: the message is larger than a quarter of a slot.
	ErrTooLarge = errors.New("too large for the store")
	// ErrBusy: more waits for the disk than memory may hold.
	ErrBusy = errors.New("too much is waiting for the disk")
	// ErrClosed: the store was closed.
	ErrClosed = errors.New("store closed")
)

// Options of a store. Zero fields take the defaults.
type Options struct {
	SlotSize     int64         // bytes of a log slot; default 4 MiB
	BlockSize    int           // bytes of a log block; default 4096; an existing store keeps its own
	CommitWindow time.Duration // how long what the gateway itself publishes may wait for its commit; default 2 s
	LazyAck      time.Duration // how long an acknowledgement of a receiver may wait for its commit; default 5 s
	OfflineBytes int           // memory of the messages of a durable session without connection; default 32 KiB
	PendingBytes int           // memory of what waits for the disk before Publish answers ErrBusy; default 16 MiB
	Limits       Limits        // of the whole store; default none
	KeepFree     int64         // bytes of the file system that are left to others; default 0
	Boot         Boot          // default: this machine
	Log          *slog.Logger  // nil: discard
}

// Boot is what the store knows of the machine it runs on. Tests replace it.
type Boot struct {
	ID    [16]byte             // changes whenever the kernel starts
	Clock func() time.Duration // CLOCK_BOOTTIME
	// Wall is the date in Unix milliseconds, and whether it can be relied on; nil: what the machine has, never relied on.
	Wall func() (ms int64, trusted bool)
}

func (o Options) withDefaults() Options {
	o.CommitWindow = cmp.Or(o.CommitWindow, 2*time.Second)
	o.LazyAck = cmp.Or(o.LazyAck, 5*time.Second)
	o.OfflineBytes = cmp.Or(o.OfflineBytes, offlineBytes)
	o.PendingBytes = cmp.Or(o.PendingBytes, 16<<20)
	if o.Boot.Clock == nil {
		wall := o.Boot.Wall
		if o.Boot = thisMachine(); wall != nil {
			o.Boot.Wall = wall
		}
	}
	if o.Boot.Wall == nil {
		o.Boot.Wall = untrusted
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// A Store is an open queue directory. Its methods and those of its sessions may be called from any goroutine; one
// session's Next, Ack, Received, Receive and Release are meant for one at a time.
type Store struct {
	dir    string
	o      Options
	log    *slotlog.Log
	lock   vfs.Lock
	clock  bootClock
	boot   uint32
	opened time.Duration         // on the boot clock
	runs   runs                  // the Opens before this one
	dates  atomic.Pointer[dates] // of this one; nil: no trustworthy date was seen yet
	ages   atomic.Pointer[bootAge]
	work   work

	mu       sync.Mutex // taken before the lock of a session; never held during I/O
	err      error
	pending  *group
	writing  *group  // nil: no commit is under way
	items    []*item // room for those of the next group
	sessions map[uint64]*Session
	facts    map[byte]map[string][]byte
	ending   []ending
	space    space
	shared   int // the share of memory to which all sessions without connection were cut last, or more
	window   time.Duration
	settled  time.Duration
	forced   uint64 // items so far for which a group was committed at once
	wanted   int    // so many of them pending end the committer's short wait; see pace.go

	durable       atomic.Uint64
	sessionNumber atomic.Uint64
	volatiles     atomic.Uint64
	held          atomic.Int64                   // inbound packet ids of all sessions
	options       atomic.Pointer[SessionOptions] // of the last session in memory
	offline       atomic.Int32                   // bytes in memory of a durable session without connection
	running       atomic.Bool
	counters
	pace         pace
	bursts       bursts
	checkpointer checkpointer
	pressed      atomic.Bool   // the store is full: checkpoints may not wait
	short        chan struct{} // a spare slot is needed soon
	marked       atomic.Uint64 // the marks of all segments up to this one are known
	pins         sync.RWMutex  // held for reading, no segment is freed
	damage       damage

	commitMu sync.Mutex // one commit at a time; guards the following
	group    slotlog.Group
	body     []byte
	booted   bool // the record of this boot is in the log
	skipped  bool // the power was lost before it
	proven   time.Duration
	closed   bool

	readMu sync.Mutex // one turn of reading at a time; guards the following
	reader *slotlog.Reader
	batch  []logged
}

// Open takes the lock of dir (ErrLocked) and replays the log. A newer format is ErrFormat and the log is not
// touched; damage never is an error, but said in the Recovery. That the end of the log cannot be synced is one:
// nothing could be promised.
func Open(fs vfs.FS, dir string, o Options) (*Store, *Recovery, error) {
	start := time.Now()
	if err := fs.MkdirAll(dir); err != nil {
		return nil, nil, fmt.Errorf("make store directory: %w", err)
	}
	lock, err := fs.Lock(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, nil, fmt.Errorf("lock the store: %w", err)
	}
	s := newStore(dir, lock, o.withDefaults())
	s.checkpointer.init(s, fs)
	r, err := s.open(fs)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("open the log in %s: %w", dir, err), lock.Close())
	}
	lock.Note() // not before: a store of a newer format is not touched
	r.Report.Duration = time.Since(start)
	return s, r, nil
}

// open opens the log, with the checkpoint that belongs to it, and recovers from both.
func (s *Store) open(fs vfs.FS) (*Recovery, error) {
	var report Report
	if err := s.checkpointer.readHeads(&report); err != nil {
		return nil, err
	}
	from := newLoaded()
	log, err := slotlog.Open(fs, filepath.Join(s.dir, "log"), slotlog.Options{
		SlotSize: s.o.SlotSize, BlockSize: s.o.BlockSize, MaxBytes: s.o.maxBytes(), KeepFree: max(s.o.KeepFree, checkpointRoom),
		OnSeal: func(slotlog.Extent) { signal(s.checkpointer.kick) },
		Checkpoint: func(u slotlog.UUID, _ []uint64) (c slotlog.Checkpoint) {
			from, c = s.checkpointer.choose(u, &report)
			return c
		},
	})
	if errors.Is(err, slotlog.ErrFormat) {
		err = fmt.Errorf("%w (%w)", ErrFormat, err)
	}
	if err != nil {
		return nil, err
	}
	s.log, s.reader = log, log.NewReader()
	s.checkpointer.alone = report.Checkpoint == ""
	s.checkpointer.ballast.init(fs, s.dir, min(checkpointRoom, s.slotSize()/2))
	r := s.recover(from, report)
	s.measure()
	return r, nil
}

func newStore(dir string, lock vfs.Lock, o Options) *Store {
	s := &Store{
		dir: dir, o: o, lock: lock, window: o.CommitWindow, settled: o.CommitWindow,
		pending:  &group{number: 1},
		sessions: map[uint64]*Session{},
		facts:    map[byte]map[string][]byte{},
		short:    make(chan struct{}, 1),
	}
	s.work.init()
	s.clock.init(o.Boot.Clock)
	s.opened = s.clock.now()
	return s
}

// Run commits what is published until ctx ends; then it commits what is pending and returns nil. An error means
// that the store is down.
func (s *Store) Run(ctx context.Context) error {
	s.running.Store(true)
	defer s.running.Store(false)
	side, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { s.readFor(side) })
	wg.Go(func() { s.tendFor(side) })
	wg.Go(func() { s.checkpointer.run(side) })
	defer wg.Wait()
	defer stop()
	return s.committer(ctx)
}

func (s *Store) committer(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	defer s.work.dropAlarm(timer)
	for {
		due := s.due()
		if !due.IsZero() && time.Until(due) <= 0 {
			if err := s.commitDue(ctx); err != nil {
				return err
			}
			continue
		}
		s.work.sleepUntil(timer, due)
		select {
		case <-ctx.Done():
			return s.commit()
		case <-s.work.wakeup:
		case <-timer.C:
			s.work.dropAlarm(timer)
		}
	}
}

// due is when the next commit has to begin; zero: nothing waits for one.
func (s *Store) due() time.Time {
	s.mu.Lock()
	due := s.pending.due
	s.mu.Unlock()
	s.work.mu.Lock()
	defer s.work.mu.Unlock()
	if acks := s.work.acksDue; !acks.IsZero() && (due.IsZero() || acks.Before(due)) {
		return acks
	}
	return due
}

func (s *Store) readFor(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.work.fill:
			s.fillAll()
		}
	}
}

// Close commits what is pending, ends the log cleanly and gives the lock back. Run must have returned. The error
// says what did not become durable; a second Close does nothing.
func (s *Store) Close() error {
	err := s.commit()
	s.commitMu.Lock()
	defer s.commitMu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	if err == nil && s.booted {
		r, _ := s.time()
		s.group.Reset()
		s.group.Append(recEnd, r.append(nil))
		err = s.log.Commit(&s.group)
	}
	_ = s.fail(ErrClosed)
	s.readMu.Lock()
	defer s.readMu.Unlock()
	s.reader.Close()
	return errors.Join(err, s.log.Close(), s.lock.Close())
}

// Err is not nil when the store is down: nothing is made durable any more.
func (s *Store) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Fact returns the value of a fact. It must not be changed.
func (s *Store) Fact(space byte, key string) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.facts[space][key]
	return v, ok
}

// Facts yields the facts of a space as they are now, in no order.
func (s *Store) Facts(space byte) iter.Seq2[string, []byte] {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.All(maps.Clone(s.facts[space]))
}

// Session returns the durable session of that number, or nil.
func (s *Store) Session(number uint64) *Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions[number]
}

// Sessions yields the durable sessions there are now, by number.
func (s *Store) Sessions() iter.Seq[*Session] {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := slices.Collect(maps.Values(s.sessions))
	slices.SortFunc(all, func(a, b *Session) int { return cmp.Compare(a.number, b.number) })
	return slices.Values(all)
}
