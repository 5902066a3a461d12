package uplink

import (
	"cmp"
	"errors"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"skerry/broker/watch"
	"skerry/edge/config"
	"skerry/edge/uplink/budget"
	"skerry/edge/uplink/modem"
	"skerry/edge/uplink/road"
	"skerry/edge/uplink/schedule"
	"skerry/queue"
)

// Status is what an uplink has done and is doing. Counters are since the start of the gateway.
type Status struct {
	Online bool
	Server string    // the one of the list in use, or tried last
	Since  time.Time // of the last change of Online; zero before the first connection
	Err    string    // why it is not online

	Link  string       // the one in use, or tried last
	Links []LinkStatus // in order of preference

	Version   string        // of MQTT, of the latest connection
	KeepAlive time.Duration // likewise: what the Server measures by
	In, Out   watch.Traffic // likewise, from and to the Server

	Alive KeepAliveStatus // of the link in use, or tried last

	Handshakes Handshakes // of TLS

	Attempts    uint64 // to connect
	Connections uint64 // that stood
	Slow        uint64 // times the Server did not acknowledge what had reached it
	LostSession uint64 // times the Server had forgotten the session

	PublishedAnew uint64 // QoS 2 messages that the Server had confirmed with PUBREC and has lost, as it seems: they may arrive twice
	MaybeLost     uint64 // the same, but they were not published anew: they may be lost

	Sent         uint64 // PUBLISH packets, repeated ones included
	Acknowledged uint64 // messages the Server has taken, QoS 1 and 2
	Repeated     uint64 // PUBLISH packets with DUP: they may have been sent before. What died unsent in a connection that was cut is among them
	Downgraded   uint64 // sent with less QoS or without Retain, because the Server takes no more
	Refused      uint64 // messages the Server will never take: dropped
	Deferred     uint64 // messages the Server had no room for: sent again later
	Expired      uint64 // messages whose expiry passed while they waited
	Thinned      uint64 // live messages left out while a budget was tight; not those that have gone into the backlog instead
	Superseded   uint64 // messages of state streams that a newer one of their topic has made needless
	Overtaken    uint64 // sent without Retain, because something newer is retained

	BlocksSent  uint64 // PUBLISH packets with many messages, repeated ones included
	InBlocks    uint64 // messages in these
	PrimersSent uint64 // PUBLISH packets that other blocks go on from
	BlockBytes  uint64 // bytes of these packets
	PlainBytes  uint64 // topics, properties and payloads of the messages in them

	Received uint64 // messages from the Server
	Again    uint64 // received, but they had come before: dropped. Messages in blocks are counted one by one
	Unwanted uint64 // received, but not for any filter of the map, or not to be published here: dropped

	Blocks        uint64 // from the Server, of the encoding pack, that were read
	Unpacked      uint64 // messages of these that were new
	DamagedBlocks uint64 // dropped
	NewerBlocks   uint64 // in a form that this version cannot read: dropped
	WaitingBlocks uint64 // that wait for their primer now, or behind one that does
	UnreadBlocks  uint64 // published as they came, because their primer did not come
	Clashes       uint64 // gateways that were found to be two
	Forgotten     uint64 // sequences, epochs and streams of gateways that are not remembered any more, because there are too many

	UnknownAcks uint64 // acknowledgements of what was not on its way

	AckTime   time.Duration // the longest that a reading of our own took lately from being published to PUBACK; 0: none yet
	RoundTrip time.Duration // how long PUBACK, or PUBREC, takes from being sent, smoothed; 0: not known, for nothing of QoS 1 or 2 was sent

	Drain   time.Duration // how long the backlog takes to leave at the pace of the last minutes; below 0: it grows, or nothing is known
	Offline time.Duration // how long the store takes in what comes, at the pace of the last hour, while nothing leaves; below 0: not known

	NoFilters map[string]string // those under receive that the Server refuses, with its reason

	Streams []StreamStatus    // that are carried
	Backlog map[string]uint64 // by stream: messages of QoS 1 and 2 that the Server has not acknowledged
	Aside   map[string]uint64 // the same for streams that are carried no more
}

// LinkStatus is what is known of one link.
type LinkStatus struct {
	road.Status
	Interface string // "": the system's routes decide
	Kind      string
	Classes   []string       // nil: all
	Session   time.Time      // the next by its schedule; zero: it has none
	Mode      config.Session // when it connects as long as its budget does not matter: always, on-demand, or schedule
	Why       string         // it does; "": that is configured
	Alive     KeepAliveStatus

	Modem    *modem.Status         // its signal, and what that holds back; nil: it has none
	Recovery *modem.RecoveryStatus // the last step that was to bring it back; nil: likewise
	Budget   budget.Status         // what was used, of what, and how long that lasts
	Bytes    int64                 // of IP packets in both directions, as well as it is known
}

// show brings the links of the Status up to date.
func (t *travel) show() {
	all := t.road.Status()
	links := make([]LinkStatus, len(all))
	for i, w := range t.u.ways {
		links[i] = LinkStatus{Status: all[i], Interface: w.Interface, Kind: w.kind.Name, Classes: w.Classes, Session: w.gate.Next()}
		if w.missing {
			links[i].Err = "there was no interface " + w.Interface + " since the start (hint: is that its name? `ip -brief link` lists them)"
		}
	}
	t.climb(all)
	t.u.count(func(s *Status) { s.Links = links })
}

// StreamStatus is what one stream holds.
type StreamStatus struct {
	Name     string
	Class    string
	Pair     string        // the other stream of a pair of live and backfill; "": none
	Gathers  bool          // it gets what is published now; of a pair only one does
	Messages uint64        // of QoS 1 and 2 that the Server has not acknowledged
	Bytes    uint64        // of these: topics, properties and payloads
	Oldest   time.Duration // the age of the oldest, as far as it is proven
	Limits   queue.Limits
	Dropped  queue.Drops // since the stream was made
	Halt     string      // why nothing of it is taken; "": it is, as far as is known
	Thinned  uint64      // left out of it while a budget was tight: dropped, or of a pair put into the other one
}

// Status gives a copy.
func (u *Uplink) Status() Status {
	u.mu.Lock()
	defer u.mu.Unlock()
	s := u.status
	s.Links = slices.Clone(s.Links)
	s.Aside, s.Backlog, s.NoFilters = maps.Clone(s.Aside), map[string]uint64{}, maps.Clone(s.NoFilters)
	for _, stream := range u.streams {
		if session := stream.session.Load(); session != nil {
			s.Backlog[stream.name] = session.Unfinished()
			s.Streams = append(s.Streams, u.streamStatus(stream, session.Stats()))
		}
	}
	u.tap.look(&s)
	if l := u.link.Load(); l != nil {
		if trip, _ := l.flow.Trip(); trip > 0 { // u.status has that of our own readings
			s.RoundTrip = trip
		}
	}
	u.capacity(&s)
	for i, w := range u.ways {
		alive := w.keep.status()
		if i < len(s.Links) {
			s.Links[i].Alive, s.Links[i].Budget, s.Links[i].Bytes = alive, w.purse.account.Status(), w.purse.meter.Total()
			s.Links[i].Mode, s.Links[i].Why = w.mode()
			w.show(&s.Links[i])
		}
		if w.Name == s.Link || s.Link == "" && i == 0 {
			s.Alive = alive
		}
	}
	return s
}

// capacity says how long what waits takes to leave, and how much more may come.
func (u *Uplink) capacity(s *Status) {
	s.Drain, s.Offline = -1, -1
	q := u.Queue()
	if d, ok := u.turnover.drain(q.Messages); ok {
		s.Drain = d
	}
	if u.space == nil {
		return
	}
	if d, ok := u.turnover.offline(u.space(), q); ok {
		s.Offline = d
	}
}

func (u *Uplink) streamStatus(s *stream, q queue.SessionStats) StreamStatus {
	one := StreamStatus{Name: s.name, Class: s.class, Messages: q.Messages, Bytes: q.Bytes, Oldest: q.Oldest, Limits: s.limits, Dropped: q.Dropped}
	one.Pair, one.Gathers = u.pairs.of(s)
	one.Halt = s.halt.reason()
	if s.thin != nil {
		one.Thinned = s.thin.thinned()
	}
	return one
}

// count changes counters.
func (u *Uplink) count(f func(*Status)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	f(&u.status)
}

// once logs something of a kind the first time only: what happens to one message happens to thousands.
func (u *Uplink) once(kind string, log func()) {
	u.mu.Lock()
	known := u.said[kind]
	u.said[kind] = true
	u.mu.Unlock()
	if !known {
		log()
	}
}

// shortSession is for how many seconds a Server keeps the session at least that outlasts most outages.
const shortSession = 10 * 60

// connected notes that the connection stands. kept is for how many seconds the Server keeps the session without one.
func (u *Uplink) connected(w *way, s *server, present bool, kept uint32) {
	u.mu.Lock()
	u.status.Online, u.status.Server, u.status.Link, u.status.Since, u.status.Err = true, s.String(), w.Name, time.Now(), ""
	u.status.Attempts++
	u.status.Connections++
	clear(u.reported)
	u.mu.Unlock()
	u.changed()
	if kept < shortSession {
		u.once("short session", func() {
			u.log.Warn("the server keeps the session for a short time only: after a longer outage what waits there is gone, and QoS 2 may arrive twice",
				"server", s.String(), "seconds", kept)
		})
	}
	u.log.Info("uplink is online", "link", w.Name, "server", s.String(), "version", s.speech().version.String(), "session_present", present)
}

// mostReasons bounds how many different failures of one outage are logged.
const mostReasons = 8

// failed notes why there is no connection. Only what is new is logged: an outage of a month is a few lines.
func (u *Uplink) failed(w *way, s *server, err error) {
	text := u.reasonOf(err)
	u.mu.Lock()
	was, news := u.status.Online, u.isNews(w, s, text)
	if was {
		u.status.Since = time.Now()
	} else {
		u.status.Attempts++
	}
	u.status.Online, u.status.Server, u.status.Link, u.status.Err = false, s.String(), w.Name, text
	u.mu.Unlock()
	if was {
		u.changed()
	}
	switch {
	case was:
		u.log.Warn("uplink is offline", "link", w.Name, "server", s.String(), "err", text)
	case news:
		u.log.Warn("uplink cannot connect", "link", w.Name, "server", s.String(), "err", text)
	}
}

// isNews tells whether a failure is to be logged. u.mu is held.
func (u *Uplink) isNews(w *way, s *server, text string) bool {
	key := w.Name + " " + s.String() + " " + text
	news := !u.reported[key] && len(u.reported) < mostReasons
	if news {
		u.reported[key] = true
	}
	return news
}

// failedBeside notes that a better link cannot be returned to.
func (u *Uplink) failedBeside(w *way, s *server, err error) {
	text := u.reasonOf(err)
	u.mu.Lock()
	u.status.Attempts++
	news := u.isNews(w, s, text)
	u.mu.Unlock()
	if news {
		u.log.Warn("a link cannot be used; the uplink stays on another", "link", w.Name, "server", s.String(), "err", text)
	}
}

// left notes that the link is not needed now: that is no failure.
func (u *Uplink) left(w *way) {
	u.mu.Lock()
	u.status.Online, u.status.Since = false, time.Now()
	u.status.Err = "link " + w.Name + " " + w.rests()
	u.mu.Unlock()
	u.changed()
	u.log.Info("uplink has left its link until it is needed", "link", w.Name)
}

// rests says why the way is not used now.
func (w *way) rests() string {
	rung := w.purse.rung()
	switch {
	case rung == budget.AlarmOnly:
		return "connects for alarms only: its budget is used up"
	case w.Schedule != nil:
		return "waits for its next time"
	case rung >= budget.OnDemand && w.choice().Mode == schedule.Always:
		return "connects on demand to spare its budget, and nothing waits that may be sent"
	}
	return "connects on demand, and nothing waits"
}

// reasonOf gives the text of an error without addresses, which differ from one attempt to the next, and with its hint.
func (u *Uplink) reasonOf(err error) string {
	text := err.Error()
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Err != nil {
		text = strings.Replace(text, op.Error(), op.Err.Error(), 1)
	}
	if h := cmp.Or(u.profileHint(err), hint(err)); h != "" {
		text += " (hint: " + h + ")"
	}
	return text
}
