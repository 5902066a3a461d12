package broker

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"skerry/broker/packet"
	"skerry/broker/topic"
	"skerry/queue"
)

// Message is what is published; immutable once given to Publish.
type Message = queue.Message

// Delivery is one message for one session.
type Delivery = queue.Delivery

// Never is the SessionExpiryInterval of a session that does not expire (section 3.1.2.11.2).
const Never = math.MaxUint32

// Options of a Broker. Zero fields take the defaults.
type Options struct {
	Filters          []Filter     // content filters; each has a name of its own
	Log              *slog.Logger // nil: discard
	MaxSessionExpiry uint32       // seconds; longer SessionExpiryIntervals of clients are cut to it. 0: no bound
	Limits           Limits
	// Resolve gives what is to be delivered of a message whose time was not known when it was published, or the message itself while it
	// still is not. It is called for each delivery, and must not change the message. nil: it goes as it is.
	Resolve func(*Message) *Message
	Queue   queue.SessionOptions // bounds of each session; PacketIDs is taken from ConnectOptions, Limits are for Clients only
}

// Limits bound what clients can make the broker remember. Zero fields take the defaults.
type Limits struct {
	Sessions         int // connected or kept; default 10,000
	Subscriptions    int // of one session; default 1,000
	SubscribedBytes  int // memory of the subscriptions of all clients; one session has at most an eighth. Default 64 MiB
	WillBytes        int // topic names, properties and payloads of the Wills of all clients; default 32 MiB
	HeldIDs          int // packet ids of QoS 2 messages of all clients whose PUBREL has not come; default 500,000
	RetainedMessages int // default 100,000
	RetainedBytes    int // topic names, properties and payloads; default 64 MiB
	TopicLevels      int // of Topic Names and Topic Filters of clients; default, and at most, topic.MaxLevels
	TopicLength      int // likewise, in bytes; default, and at most, topic.MaxLength
}

func (l *Limits) defaults() {
	l.Sessions = cmp.Or(l.Sessions, 10_000)
	l.Subscriptions = cmp.Or(l.Subscriptions, 1000)
	l.SubscribedBytes = cmp.Or(l.SubscribedBytes, 64<<20)
	l.WillBytes = cmp.Or(l.WillBytes, 32<<20)
	l.HeldIDs = cmp.Or(l.HeldIDs, 500_000)
	l.RetainedMessages = cmp.Or(l.RetainedMessages, 100_000)
	l.RetainedBytes = cmp.Or(l.RetainedBytes, 64<<20)
	l.TopicLevels = cmp.Or(l.TopicLevels, topic.MaxLevels)
	l.TopicLength = cmp.Or(l.TopicLength, topic.MaxLength)
}

// allowsTopic tells whether a name or filter, valid as such, is one that clients may use. It costs nothing beyond two
// comparisons while no bound is set.
func (l *Limits) allowsTopic(text string) bool {
	return len(text) <= l.TopicLength && (l.TopicLevels >= topic.MaxLevels || strings.Count(text, "/") < l.TopicLevels)
}

// A Broker routes messages between sessions.
type Broker struct {
	store    *queue.Store
	log      *slog.Logger
	options  Options
	subs     topic.Tree[*session, *subscription]
	contents contents
	retained retained
	owed     atomic.Int64 // names of retained messages that sessions are still to get

	volatile                  queue.SessionOptions // bounds of volatile sessions
	flushMessages, flushBytes int                  // how much is published before a flush is due

	mu          sync.Mutex          // guards the rest, and the fields of sessions that say so
	sessions    map[string]*session // by namespace and ClientID
	clients     int                 // how many of them belong to Clients, not to the program
	groups      map[string]*group   // of shared subscriptions, by "$share/{ShareName}/{filter}"
	subBytes    int                 // the weight of all subscriptions
	willBytes   int                 // of the Wills of Clients
	made        uint64              // sessions made so far: session.order
	expirations uint64              // sessions that have expired
	due         deadlines
	kick        chan struct{} // capacity 1: the next deadline is earlier than Run knows
}

// New makes a broker on an open store, with the sessions, subscriptions, retained messages and wills it holds. rec is what
// queue.Open returned. New starts nothing; see Run. It fails only if the store has failed already.
func New(store *queue.Store, rec *queue.Recovery, o Options) (*Broker, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Limits.defaults()
	b := &Broker{
		store:    store,
		log:      o.Log,
		options:  o,
		sessions: make(map[string]*session),
		groups:   make(map[string]*group),
		kick:     make(chan struct{}, 1),
	}
	b.contents = newContents(o.Filters, b.date)
	// What does not fit the ring of a durable session goes to the log, that of a volatile one is lost: it is given room
	// for 50 publishers with 100 messages each in flight.
	b.volatile = o.Queue
	b.volatile.RingMessages = cmp.Or(o.Queue.RingMessages, 8192)
	b.volatile.RingBytes = cmp.Or(o.Queue.RingBytes, 2<<20)
	b.flushMessages = min(256, max(1, b.volatile.RingMessages/4))
	b.flushBytes = min(256<<10, max(1, b.volatile.RingBytes/4))
	b.retained.limits = o.Limits
	if err := store.Err(); err != nil {
		return nil, fmt.Errorf("the store is down: %w", err)
	}
	b.restore(rec)
	return b, nil
}

// Durable is the highest resolved receipt.
func (b *Broker) Durable() queue.Receipt { return b.store.Durable() }

// Wall is the date of a moment, if it is known; see queue.Store.
func (b *Broker) Wall(at queue.Stamp) (time.Time, bool) { return b.store.Wall(at) }

// date is what date it is, if that is known.
func (b *Broker) date() (time.Time, bool) { return b.Wall(b.StampAt(time.Now())) }

// MayDate tells whether Wall knows the date of a moment or may know it later; see queue.Store.
func (b *Broker) MayDate(at queue.Stamp) bool { return b.store.MayDate(at) }

// StampAt is a moment on the boot clock. t must have Go's monotonic reading.
func (b *Broker) StampAt(t time.Time) queue.Stamp { return b.store.StampAt(t) }

// Notify calls w.Wake once, when r is resolved or the store is down.
func (b *Broker) Notify(r queue.Receipt, w queue.Waker) { b.store.Notify(r, w) }

// Wait returns nil when r is resolved, or the error that makes waiting useless.
func (b *Broker) Wait(ctx context.Context, r queue.Receipt) error { return b.store.Wait(ctx, r) }

// Err is not nil when the store is down: no receipt resolves any more. QoS 0 messages still flow.
func (b *Broker) Err() error { return b.store.Err() }

// later is what a change wants done upward: it is gathered under Broker.mu and done when no lock is held any more.
type later struct {
	takenOver []Conn
	touched   Touched
}

func (l *later) do() {
	for _, c := range l.takenOver {
		c.Close(packet.SessionTakenOver)
	}
	l.touched.Flush()
}
