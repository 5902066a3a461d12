package reduce

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/queue"
)

const (
	// maxAccount is about how large the account of a window becomes, in bytes. It has to fit a batch of the store.
	maxAccount = 384 << 10
	// pull is how many inputs are taken at a time.
	pull = 256
	// partial and partialBytes are after how many inputs, or bytes of them, the account is stored within a window. A session may have 1,024 in flight, and
	// those of a few hundred KiB: more are not handed out before these are acknowledged.
	partial      = 512
	partialBytes = 96 << 10
	// again is how long to wait when the store has no room.
	again = time.Second
)

// Options of a Reducer.
type Options struct {
	Uplink  string        // that carries the stream
	Stream  string        // its name
	Group   string        // of sessions of one peer: what it has published is no input
	Filters []string      // Topic Filters of the inputs
	Window  time.Duration // at least a second
	To      []string      // of mean, min, max, last
	Log     *slog.Logger  // nil: discard
}

// Reducer makes the results of one stream. It is for one goroutine.
type Reducer struct {
	options Options
	broker  *broker.Broker
	log     *slog.Logger
	session *broker.Session
	wake    chan struct{} // capacity 1
	touched broker.Touched

	account account
	bytes   int      // about the size of the account
	taken   int      // inputs since the account was stored
	weight  int      // bytes of these
	holding []uint16 // Packet Identifiers of inputs that are in the account and not in the stored one
	owed    []owed   // that wait for the disk
	asked   queue.Receipt
	born    time.Time
	closed  time.Time // the end of the last window, by the date, or since born where nobody knows that
	shut    time.Time // likewise; zero: none was closed in this run
	blocked bool      // the store has no room
	many    bool      // maxAccount was reported
}

// account is what must survive: which inputs are in the sums, and the sums.
type account struct {
	Through uint64            `json:"through"`        // ordinal of the last input that was taken
	Until   time.Time         `json:"until,omitzero"` // the end of the open window; zero: nobody knew the date
	Topics  map[string]*topic `json:"topics,omitempty"`
	Filters []string          `json:"filters,omitempty"` // what the session subscribes to
	To      []string          `json:"to,omitempty"`      // what comes out
}

// owed are inputs to be acknowledged when the disk has what was made of them.
type owed struct {
	receipt queue.Receipt
	ids     []uint16
}

// Prefix stands before the Topic Name of what comes out for a stream.
func Prefix(uplink, stream string) string { return "$skerry/reduced/" + uplink + "/" + stream + "/" }

// key is the ClientID of a Reducer's session, and the key of its account.
func key(uplink, stream string) string { return "reduce/" + uplink + "/" + stream }

// New makes a Reducer; it touches nothing yet.
func New(b *broker.Broker, o Options) *Reducer {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Reducer{options: o, broker: b, log: o.Log.With("stream", o.Stream), wake: make(chan struct{}, 1), born: time.Now()}
}

// Open makes the session, which gathers from now on what the options say, and nothing else any more.
func (r *Reducer) Open() error {
	if err := r.connect(); err != nil {
		return err
	}
	var subs []broker.Subscription // a new one gets what is retained, as that of a stream does
	for _, f := range r.options.Filters {
		subs = append(subs, broker.Subscription{TopicFilter: f, QoS: 1, NoLocal: true, RetainAsPublished: true, RetainHandling: 1})
	}
	codes, _ := r.session.Subscribe(subs, nil)
	for i, code := range codes {
		if code.IsError() {
			return fmt.Errorf("stream %s: subscribe to %q: %w", r.options.Stream, subs[i].TopicFilter, code)
		}
	}
	gone := slices.DeleteFunc(r.account.Filters, func(f string) bool { return slices.Contains(r.options.Filters, f) })
	if len(gone) > 0 {
		r.session.Unsubscribe(gone)
	}
	r.closed = r.end()
	if slices.Equal(r.account.Filters, r.options.Filters) && slices.Equal(r.account.To, r.options.To) {
		return nil
	}
	r.account.Filters, r.account.To = r.options.Filters, r.options.To
	r.store(nil) // who ends this reduction one day has to know
	return nil
}

func (r *Reducer) connect() error {
	var err error
	r.session, _, err = r.broker.Connect(broker.ConnectOptions{
		ClientID: key(r.options.Uplink, r.options.Stream), Internal: true, Group: r.options.Group, Version: packet.V5, SessionExpiryInterval: broker.Never, Conn: r,
	})
	if err != nil {
		return fmt.Errorf("stream %s: open the session of its reduction: %w", r.options.Stream, err)
	}
	r.recall()
	return nil
}

// Wake, Flush and Close are what a broker.Conn has.
func (r *Reducer) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Flush leaves the work to Run: a publisher does not wait for it.
func (r *Reducer) Flush() { r.Wake() }

// Close comes when the broker ends; so does Run, soon.
func (r *Reducer) Close(packet.ReasonCode) {}

// Run reduces until ctx ends. The error means that the broker cannot store any more.
func (r *Reducer) Run(ctx context.Context) error {
	defer r.session.Disconnect(broker.DisconnectOptions{})
	timer := time.NewTimer(r.next())
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.wake:
		case <-timer.C:
		}
		if err := r.broker.Err(); err != nil {
			return fmt.Errorf("stream %s: the broker cannot store: %w", r.options.Stream, err)
		}
		r.acknowledge()
		r.work()
		timer.Reset(r.next())
	}
}

// work takes what waits, and closes the window when it is over.
func (r *Reducer) work() {
	if r.blocked && !r.store(nil) {
		return
	}
	r.takeAll()
	switch end := r.end(); {
	case end.Before(r.closed): // the date was set back
		r.closed = end
	case end.After(r.closed):
		r.close(end)
	}
}

// next is how long to wait for the end of the window, or until the store may have room again.
func (r *Reducer) next() time.Duration {
	if r.blocked {
		return again
	}
	now := r.date()
	return now.Truncate(r.options.Window).Add(r.options.Window).Sub(now)
}

// end is the last end of a window before now.
func (r *Reducer) end() time.Time { return r.date().Truncate(r.options.Window) }

// date is the date, or the time since the start where nobody knows that.
func (r *Reducer) date() time.Time {
	now := time.Now()
	if date, known := r.broker.Wall(r.broker.StampAt(now)); known {
		return date
	}
	return time.Unix(0, 0).Add(now.Sub(r.born))
}

// takeAll takes what waits.
func (r *Reducer) takeAll() {
	var list []broker.Delivery
	for !r.blocked {
		if list = r.session.Next(list[:0], pull); len(list) == 0 {
			return
		}
		for i := range list {
			r.take(&list[i])
		}
		if r.taken >= partial || r.weight >= partialBytes {
			r.store(nil)
		}
	}
}

// take adds one input, unless it is in the account already.
func (r *Reducer) take(d *broker.Delivery) {
	m := d.Message
	if m == nil || d.Ordinal != 0 && d.Ordinal <= r.account.Through {
		r.session.Ack(d.PacketID)
		return
	}
	at, known := r.broker.Wall(m.Stamp)
	if known {
		r.turn(at)
	}
	r.add(m, at, known)
	if d.Ordinal != 0 {
		r.account.Through = d.Ordinal
	}
	r.hold(d)
	r.taken++
	r.weight += len(m.TopicName) + len(m.Properties) + len(m.Payload)
}

// turn closes the open window if an input belongs to a later one: there was no power when it ended. What comes late belongs to the window
// that is open.
func (r *Reducer) turn(at time.Time) {
	end := at.Truncate(r.options.Window).Add(r.options.Window)
	if first := r.shut.Add(r.options.Window); end.Before(first) && at.After(r.shut.Add(-r.options.Window)) {
		end = first
	}
	if !r.account.Until.IsZero() && end.After(r.account.Until) {
		r.close(r.account.Until)
	}
	r.account.Until = end
}

func (r *Reducer) hold(d *broker.Delivery) {
	if d.QoS > 0 {
		r.holding = append(r.holding, d.PacketID)
	}
}

// add adds a message to the sums. If they become too many the window ends early.
func (r *Reducer) add(m *broker.Message, at time.Time, known bool) {
	if r.bytes > maxAccount {
		if !r.many {
			r.many = true
			r.log.Warn("too much for one window: results come out before it ends", "topics", len(r.account.Topics),
				"hint", "match fewer topics, or use several streams")
		}
		r.close(r.closed)
	}
	if r.account.Topics == nil {
		r.account.Topics = map[string]*topic{}
	}
	t := r.account.Topics[m.TopicName]
	if t == nil {
		t = &topic{}
		r.account.Topics[m.TopicName] = t
		r.bytes += len(m.TopicName)
	}
	r.bytes -= t.size()
	t.take(m, at, known, r.account.To)
	r.bytes += t.size()
}

// acknowledge ends the inputs whose results are on the disk.
func (r *Reducer) acknowledge() {
	durable, n := r.broker.Durable(), 0
	for n < len(r.owed) && r.owed[n].receipt <= durable {
		for _, id := range r.owed[n].ids {
			r.session.Ack(id)
		}
		n++
	}
	r.owed = r.owed[n:]
	r.ask()
}

// ask has Run woken up when the next results are on the disk.
func (r *Reducer) ask() {
	if len(r.owed) > 0 && r.owed[0].receipt != r.asked {
		r.asked = r.owed[0].receipt
		r.broker.Notify(r.asked, r)
	}
}

// Original is the Topic Name of the inputs of what came out, for whatever stream of an uplink, under a name; false if nothing did.
func Original(uplink, name string) (string, bool) {
	rest, ok := strings.CutPrefix(name, Prefix(uplink, "")[:len(Prefix(uplink, ""))-1])
	if !ok {
		return "", false
	}
	_, original, ok := strings.Cut(rest, "/")
	return original, ok && original != ""
}
