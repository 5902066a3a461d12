package hass

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/edge/config"
	"skerry/edge/uplink"
	"skerry/queue"
)

const (
	clientID = "home_assistant" // of the session, in the namespace of those inside the program
	factKey  = "home_assistant"

	// partingTime is how long Home Assistant gets to take something out before it is told of what stays.
	partingTime = 5 * time.Second
	// birthPause is the least time between two answers to birth messages: nobody can have the station send its documents all the time.
	birthPause = 10 * time.Second
	// figuresEvery is how often figures are looked at. They are published when they have changed.
	figuresEvery = 5 * time.Minute
	// linkLook is how often the state of the uplinks is looked at, which is published at once.
	linkLook = 5 * time.Second
	// again is the time between two attempts to publish what was refused.
	again = 10 * time.Second
)

// Figures are those of the station that Home Assistant shows.
type Figures struct {
	Waiting  uint64            `json:"waiting"`   // messages that wait for a receiver, on the disk
	DiskFree int64             `json:"disk_free"` // MiB
	Uplinks  map[string]string `json:"uplinks"`   // online, offline
}

// Options of a Session.
type Options struct {
	Log     *slog.Logger // nil: discard
	Status  string       // local topic on which Home Assistant says that it has started
	Uplinks []string     // those that documents can be published through
	Look    func() Figures
	Links   func() map[string]string // Figures.Uplinks, which are looked at far more often

	// Forgotten is how often the broker of Home Assistant has lost what it knew of us since the program started, and with that perhaps what it
	// retained. nil: never.
	Forgotten func() uint64
}

// Session publishes what a Plan has to announce.
type Session struct {
	plan    *Plan
	options Options
	broker  *broker.Broker
	session *broker.Session
	log     *slog.Logger
	wake    chan struct{} // capacity 1
	known   memory
	shown   string    // the figures published last
	looked  time.Time // when they were
	links   string    // the state of the uplinks published last
	spoke   time.Time // when documents were published last
	deaf    bool      // a message was refused
	lost    uint64    // Options.Forgotten when it was looked at last
}

// Announced lists the brokers that documents were published at and not taken back.
func Announced(b *broker.Broker) []string {
	var all []string
	for to := range remembered(b, nil) {
		all = append(all, to)
	}
	return all
}

func remembered(b *broker.Broker, log *slog.Logger) memory {
	m := memory{}
	value, ok := b.Fact(factKey)
	if !ok {
		return m
	}
	if err := json.Unmarshal(value, &m); err != nil {
		if log != nil {
			log.Warn("what Home Assistant was told before cannot be read; what is gone since then stays there", "err", err)
		}
		return memory{}
	}
	return m
}

// NewSession connects to the broker.
func NewSession(b *broker.Broker, p *Plan, o Options) (*Session, error) {
	s := &Session{plan: p, options: o, broker: b, log: o.Log, wake: make(chan struct{}, 1)}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.known = remembered(b, s.log)
	c := broker.ConnectOptions{ClientID: clientID, Internal: true, Version: packet.V5, CleanStart: true, Conn: s}
	if p.State != "" {
		c.Will = &broker.Will{Message: s.own(p.State, []byte(offline), 1)}
	}
	var err error
	if s.session, _, err = b.Connect(c); err != nil {
		return nil, fmt.Errorf("connect what tells Home Assistant to the broker: %w", err)
	}
	if o.Status == "" {
		return s, nil
	}
	codes, _ := s.session.Subscribe([]broker.Subscription{{TopicFilter: o.Status, RetainHandling: 2}}, nil)
	if codes[0].IsError() {
		s.log.Error("a start of Home Assistant will not be noticed", "topic", o.Status, "err", codes[0])
	}
	return s, nil
}

// Wake, Flush and Close are what a broker.Conn has.
func (s *Session) Wake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Flush leaves the work to Run: a publisher does not wait for it.
func (s *Session) Flush() { s.Wake() }

// Close comes when the broker ends; so does Run, soon.
func (s *Session) Close(packet.ReasonCode) {}

// Run announces until ctx ends, and says good-bye then.
func (s *Session) Run(ctx context.Context) {
	defer s.leave()
	next := time.Now() // of the announcement; zero: none is due
	forced := false
	tick := time.NewTicker(linkLook)
	defer tick.Stop()
	for greeted := false; ; {
		greeted = greeted || s.say(s.plan.State, online)
		if born, forgotten := s.born(), s.forgotten(); born || forgotten {
			next, forced = later(time.Now(), s.spoke.Add(birthPause)), true
		}
		if !next.IsZero() && !time.Now().Before(next) {
			if s.announce(ctx, forced) {
				next, forced = time.Time{}, false
			} else {
				next = time.Now().Add(again)
			}
		}
		s.figures()
		if !s.wait(ctx, next, tick.C) {
			return
		}
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// wait returns when there is something to do. False: ctx has ended.
func (s *Session) wait(ctx context.Context, next time.Time, tick <-chan time.Time) bool {
	var due <-chan time.Time
	if !next.IsZero() {
		t := time.NewTimer(time.Until(next))
		defer t.Stop()
		due = t.C
	}
	select {
	case <-ctx.Done():
	case <-s.wake:
	case <-tick:
	case <-due:
	}
	return ctx.Err() == nil
}

// born tells whether a birth message has come. One that was retained is an old one.
func (s *Session) born() bool {
	found := false
	var batch []broker.Delivery
	for {
		batch = s.session.Next(batch[:0], 64)
		if len(batch) == 0 {
			return found
		}
		for _, d := range batch {
			found = found || d.Message != nil && !d.Retain && string(d.Message.Payload) == online
		}
	}
}

// forgotten tells whether the broker of Home Assistant has lost what it knew, since it was asked last.
func (s *Session) forgotten() bool {
	if s.options.Forgotten == nil {
		return false
	}
	lost := s.options.Forgotten()
	more := lost > s.lost
	s.lost = lost
	return more
}

// announce publishes what has changed, or all of it, and remembers that. False: not all of it could be published.
func (s *Session) announce(ctx context.Context, all bool) bool {
	goes, comes, next := s.known.changes(s.plan, all, s.reachable)
	if !s.publishAll(goes) {
		return false
	}
	if len(goes) > 0 && len(comes) > 0 {
		t := time.NewTimer(partingTime)
		defer t.Stop()
		select {
		case <-ctx.Done():
			return false // what was announced stands as it is: the next start does it all again
		case <-t.C:
		}
	}
	if !s.publishAll(comes) {
		return false
	}
	if len(goes)+len(comes) == 0 {
		return true
	}
	value, err := json.Marshal(next)
	if err == nil {
		_, err = s.broker.PutFact(factKey, value)
	}
	if err != nil {
		s.log.Warn("what Home Assistant is told is not remembered; it is told again after a restart", "err", err)
	}
	s.known, s.spoke = next, time.Now()
	s.log.Info("Home Assistant is told what there is", "to", s.plan.To, "documents", len(comes), "removed", len(goes), "started", all)
	return true
}

// reachable tells whether something can be published at a broker.
func (s *Session) reachable(to string) bool {
	return to == config.LocalBroker || slices.Contains(s.options.Uplinks, to)
}

func (s *Session) publishAll(messages []message) bool {
	for _, m := range messages {
		topic := m.topic
		if m.to != config.LocalBroker {
			topic = uplink.Verbatim(m.to) + topic
		}
		if !s.publish(s.own(topic, m.payload, 1)) {
			return false
		}
	}
	return true
}

// figures publishes them if they have changed and it is time, or an uplink is online or offline since.
func (s *Session) figures() {
	if s.plan.Figures == "" || s.options.Look == nil {
		return
	}
	links := fmt.Sprint(s.options.Links()) // sorted by name
	if links == s.links && time.Since(s.looked) < figuresEvery {
		return
	}
	s.links, s.looked = links, time.Now()
	payload := encode(s.options.Look())
	if string(payload) != s.shown && s.publish(s.own(s.plan.Figures, payload, 0)) {
		s.shown = string(payload)
	}
}

// own is a message of the gateway, retained.
func (s *Session) own(topic string, payload []byte, qos byte) *broker.Message {
	return &broker.Message{TopicName: topic, Payload: payload, QoS: qos, Retain: true, Origin: queue.Gateway}
}

// say publishes a word to a topic, if there is one. False: it could not be published.
func (s *Session) say(topic, word string) bool {
	return topic == "" || s.publish(s.own(topic, []byte(word), 1))
}

// publish tells whether a message was taken.
func (s *Session) publish(m *broker.Message) bool {
	_, code := s.session.Publish(m, nil)
	if code.IsError() && !s.deaf {
		s.log.Error("what is for Home Assistant could not be published; it is tried again", "topic", m.TopicName, "err", code)
	}
	s.deaf = code.IsError()
	return !s.deaf
}

// leave says that the gateway is gone, and ends the session.
func (s *Session) leave() {
	s.say(s.plan.State, offline)
	s.session.Disconnect(broker.DisconnectOptions{})
}
