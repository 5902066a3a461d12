package uplink

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"skerry/broker"
	"skerry/broker/client"
	"skerry/broker/watch"
	"skerry/edge/config"
	"skerry/edge/reduce"
	"skerry/edge/uplink/interfaces"
	"skerry/edge/uplink/profile"
	"skerry/edge/uplink/ticket"
)

const (
	// defaultAckTimeout is longer than the longest silence known of a link that works: 70 s on Iridium Certus.
	defaultAckTimeout = 90 * time.Second
)

// Options of an Uplink. Zero fields take the defaults.
type Options struct {
	Log     *slog.Logger // nil: discard
	Site    string       // of the gateway, for the state topic
	Gateway string       // its id, for the state topic; default the ClientID

	// AckTimeout is how long the Server may leave everything unacknowledged that is on its way. 0: 90 s.
	AckTimeout time.Duration

	// Dial opens the stream of bytes to a Server, whatever the link; DialLink does on a link. nil: TCP, bound to the link's interface, and
	// TLS where the Server's address says so.
	Dial     func(context.Context, config.Server) (net.Conn, error)
	DialLink func(context.Context, config.Link, config.Server) (net.Conn, error)

	// Interfaces tells of the network interfaces, as interfaces.Watch does. nil: that does, and with Dial or DialLink all are taken to be there.
	Interfaces func(ctx context.Context, changed func(interfaces.Table)) error

	// Signal tells of the radio of a link. It must not block. nil: the signal is always fair.
	Signal func(link string) Signal
	// Modem gives the modem of a link, whose signal it is then; nil: the link has none. It is asked once. nil: no link has one.
	Modem func(link string) *Modem
	// MaxKeepAlive is the longest Keep Alive that the Server takes; 0: all that MQTT can say.
	MaxKeepAlive time.Duration

	// Mark is that of this gateway, which a Server that is a gateway too is told, so that messages do not go round (broker.Via). "": none.
	Mark string

	// Verbatim has the uplink carry what is published under Verbatim(NAME), as one more stream.
	Verbatim bool

	// Hold is how long own readings wait for the date whose time is not known yet, counted while the uplink is online: it is often the
	// link that brings the date. Then they leave with their mark: an uplink must not look dead for ever. 0: they do at once.
	Hold time.Duration
	// Stay: something is switched when the uplink is offline for long. A link that may choose stands all the time then.
	Stay bool
	// Identity tells this board from others, and is not on its card: session tickets of TLS are encrypted with it. Empty: they are kept in
	// memory only.
	Identity []byte
	// Time is the date by which the Server's certificate is judged; nil: the system's.
	Time func() time.Time

	// Date is the date, and whether it is trusted: periods of budgets begin by it. nil: the system's, which is.
	Date func() (now time.Time, trusted bool)
	// Counters reads a file of the kernel below /sys, where a link counts what passes its interface. nil: the machine's.
	Counters func(path string) (string, error)
	// Room is how many bytes of messages the store still has room for. nil: not known.
	Room func() int64

	// Changed is called when the uplink has come online or gone offline, or Acknowledged has become longer. It must not block.
	// nil: nobody is told.
	Changed func()
}

// Uplink is one Server upstream, or a list of them, and what goes to and comes from it.
type Uplink struct {
	config     config.Uplink
	state      string // the state topic
	site       string // of the gateway, for topics of its own
	gateway    string // its id, likewise
	mark       string // of the gateway; "": none
	ackTimeout time.Duration
	broker     *broker.Broker
	log        *slog.Logger
	changed    func()
	interfaces func(context.Context, func(interfaces.Table)) error // nil: links are taken to be there
	ways       []*way
	travel     *travel
	ledger     ledger
	turnover   turnover
	space      func() int64 // nil: not known
	hold       time.Duration
	profile    *profile.Profile
	names      profile.Names    // of the Server, if it has its own
	now        func() time.Time // the date, for tokens
	date       func() (now time.Time, trusted bool)
	online     time.Duration // of the connections before the one that stands; belongs to the goroutine of the session

	servers   []*server
	streams   []*stream
	receive   []mapping
	asking    *asking
	asks      []mapping // what is subscribed upstream: receive, or the one filter of a Server that has names of its own
	memory    *memory
	shelf     *shelf
	door      *broker.Session
	commands  commands
	blocks    blocks
	aliases   *client.Aliases // towards the Server
	tickets   *ticket.Store   // nil: none are kept
	addresses *addresses      // of the Servers
	held      held
	reduced   []*reduce.Reducer
	former    []string // streams that were reduced and are not any more
	pairs     pairs
	losses    losses
	outage    atomic.Bool                 // a Server could not be reached, or refused, since the last session ended
	proven    bool                        // something of a stream was acknowledged since a message was given up that the Server hung up on
	link      atomic.Pointer[link]        // that stands
	carried   atomic.Pointer[[]string]    // the classes that a link may carry; nil: all
	trace     atomic.Pointer[watch.Trace] // nil: nobody watches

	mu       sync.Mutex
	status   Status
	reported map[string]bool // the failures of this outage that were logged
	said     map[string]bool // what once has logged
	tap      *tap            // of the latest connection; nil: there was none
	tookAt   time.Time       // the last acknowledgement that counts for Status.AckTime
}

// New builds the uplink of a configuration. It touches neither disk nor network.
func New(c config.Uplink, streams []config.Stream, b *broker.Broker, o Options) (*Uplink, error) {
	u := &Uplink{config: c, broker: b, mark: o.Mark, log: o.Log, interfaces: o.Interfaces, changed: o.Changed, hold: o.Hold, space: o.Room, ackTimeout: o.AckTimeout, said: map[string]bool{}, reported: map[string]bool{}, ledger: ledger{}}
	u.proven = true
	u.status.Aside, u.losses.dropped, u.status.NoFilters = map[string]uint64{}, map[string]uint64{}, map[string]string{}
	u.profile = profile.Of(c.Profile)
	u.names, u.now, u.aliases = u.profile.Names(c.ClientID), o.Time, client.NewAliases()
	if u.now == nil {
		u.now = time.Now
	}
	if u.date = o.Date; u.date == nil {
		u.date = func() (time.Time, bool) { return time.Now(), true }
	}
	if u.log == nil {
		u.log = slog.New(slog.DiscardHandler)
	}
	u.log = u.log.With("uplink", c.Name)
	if o.Interfaces == nil && o.Dial == nil && o.DialLink == nil {
		u.interfaces = interfaces.Watch
	}
	if o.Counters == nil {
		o.Counters = func(path string) (string, error) {
			text, err := os.ReadFile(path)
			return string(text), err
		}
	}
	if u.changed == nil {
		u.changed = func() {}
	}
	if u.ackTimeout == 0 {
		u.ackTimeout = defaultAckTimeout
	}
	if len(streams) > maxStreams || o.Verbatim && len(streams) == maxStreams {
		return nil, fmt.Errorf("%d streams (hint: an uplink carries %d at most; put more filters into one stream)", len(streams), maxStreams)
	}
	for _, r := range c.Receive {
		m, err := newMapping(r)
		if err != nil {
			return nil, err
		}
		u.receive = append(u.receive, m)
	}
	u.asks, u.asking = u.asked(), newAsking(c.Retry)
	for _, s := range c.Servers {
		u.servers = append(u.servers, newServer(s, c.Version, u.profile))
	}
	for _, s := range streams {
		u.streams = append(u.streams, newStream(&s))
	}
	u.pair(streams)
	if o.Verbatim {
		u.streams = append(u.streams, u.newVerbatim())
	}
	if o.Gateway == "" {
		o.Gateway = c.ClientID
	}
	u.shelf = &shelf{broker: b, key: u.group() + "/keep_alive", log: u.log}
	if err := u.newWays(o); err != nil {
		return nil, err
	}
	u.travel = newTravel(u)
	u.site, u.gateway = o.Site, o.Gateway
	u.state = StateTopic(c.Prefix, o.Site, o.Gateway, c.Name)
	return u, nil
}

// Open brings the local sessions in line with the configuration: from now on the streams gather what they match. It is called
// before anything publishes that is to leave; Run does it if it has not been done.
func (u *Uplink) Open() error {
	if u.door != nil {
		return nil
	}
	if err := u.open(); err != nil {
		return fmt.Errorf("uplink %s: %w", u.config.Name, err)
	}
	return nil
}

// Run keeps the uplink connected until ctx ends, and returns nil then. The error means that the local broker cannot be used.
func (u *Uplink) Run(ctx context.Context) error {
	if err := u.Open(); err != nil {
		return err
	}
	defer u.door.Disconnect(broker.DisconnectOptions{})
	defer u.pairs.rest()
	defer func() {
		u.count(func(s *Status) { s.Online = false })
		u.changed()
	}()
	defer u.runReduced(ctx)()
	var running sync.WaitGroup
	watching, stop := context.WithCancel(ctx)
	running.Go(func() { u.watchBudgets(watching) })
	err := u.travel.run(ctx)
	stop()
	running.Wait()
	u.closeBudgets()
	return err
}
