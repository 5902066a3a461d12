package uplink

import (
	"errors"
	"slices"
	"time"

	"skerry/broker"
	"skerry/broker/client"
	"skerry/broker/packet"
	"skerry/edge/config"
	"skerry/edge/uplink/road"
)

// A Server may hang up on one message, for a reason that it does not say: too many levels, a rule about contents, a plugin. Sent again with
// each connection, that would hold up its stream for ever. So it is looked for, and given up when it has been proven.
const (
	// hangs is after how many connections in a row, on which nothing of a stream was acknowledged and which the Server has closed, its messages
	// are sent one at a time.
	hangs = 3
	// trials is how often the Server has to hang up on a message that is sent alone, and trialTime how long that has to take at least.
	trials    = 3
	trialTime = 3 * time.Minute
	// trialAfter is when such a message is sent on a connection: what can leave has left before, in most cases.
	trialAfter = 30 * time.Second
	// trialQuiet is how long nothing was written before it, and after how long on a connection a lane begins that sends one message at a
	// time. trialSoon is how soon after it the Server hangs up if it is for it.
	trialQuiet = 5 * time.Second
	trialSoon  = 30 * time.Second
	// mostPoisonous is how many topics are remembered of which a message was given up.
	mostPoisonous = 16
)

// suspicion is what hang-ups have shown of a stream. It belongs to the goroutine of the session, and is not kept over a restart.
type suspicion struct {
	hung    int    // connections in a row
	until   uint64 // up to this ordinal messages are sent one at a time; 0: they are not
	largest int    // bytes of the largest block on its way when that began; 0: there was none, or it had one message
	ordinal uint64 // of the message that is suspected; 0: none is
	topic   string // of that
	strikes int    // times the Server has hung up on it alone
	first   time.Time
	reason  string // what the Server said, or did, at last; not empty: it is given up

	poisonous []string // topics
}

// trial is what a lane has done about it on this connection.
type trial struct {
	sent  uint64    // the last message that was sent, by ordinal
	topic string    // of that
	tried bool      // it was sent alone
	at    time.Time // when
}

// hangsUp tells whether a connection has ended because the Server wanted it so, and not since it stops, moves or has too much to do.
func hangsUp(err error) bool {
	said, ok := errors.AsType[*client.Disconnected](err)
	if !ok {
		return faultOf(err) == road.Server && errors.Is(err, client.ErrLost)
	}
	return !slices.Contains([]packet.ReasonCode{
		packet.ServerBusy, packet.ServerShuttingDown, packet.KeepAliveTimeout, packet.SessionTakenOver, packet.ReceiveMaximumExceeded, packet.MessageRateTooHigh,
		packet.QuotaExceeded, packet.AdministrativeAction, packet.UseAnotherServer, packet.ServerMoved, packet.ConnectionRateExceeded, packet.MaximumConnectTime,
	}, said.Code)
}

// suspects tells whether a message is sent alone only. Of class state a newer one of the topic is as good.
func (a *lane) suspects(d *broker.Delivery) bool {
	s := &a.suspicion
	return s.ordinal != 0 && (d.Ordinal == s.ordinal || a.class == config.StateClass && d.Message.TopicName == s.topic) ||
		slices.Contains(s.poisonous, d.Message.TopicName)
}

// admits tells whether a message may be sent now that the Server perhaps hangs up on.
func (l *link) admits(a *lane, d *broker.Delivery) bool {
	if d.QoS == 0 || d.Release {
		return true
	}
	s := &a.suspicion
	switch {
	case a.suspects(d):
		return l.admitsAlone(a)
	case s.until == 0:
	case d.Ordinal > s.until:
		if s.largest > 0 { // the Server has taken each by itself
			a.ceiling.lower(s.largest)
		}
		s.until, s.hung, s.largest = 0, 0, 0
	case time.Since(l.born) < trialQuiet: // other lanes first
		l.lookAgain()
		return false
	case a.trial.sent > 0 && !a.took.Load(): // what the Server holds of an earlier connection does not count
		return false
	default:
		a.took.Store(false)
	}
	return true
}

// admitsAlone tells whether it is time for a message that is sent alone: other lanes have had their turns and wait now, nothing is on its
// way, and the Server has taken something on this connection.
func (l *link) admitsAlone(a *lane) bool {
	if time.Since(l.born) >= trialAfter && l.trial == nil {
		l.trial = a
	}
	l.claimed = l.claimed || l.trial == a
	if l.trial != a || !l.takes.Load() || l.flow.State().Used > 0 || time.Since(l.written) < trialQuiet {
		l.lookAgain()
		return false
	}
	a.took.Store(false)
	a.trial.tried, a.trial.at = true, time.Now()
	return true
}

// tries tells whether another lane waits for its message to be alone, or to be answered. A trial that has been answered is over.
func (l *link) tries(a *lane) bool {
	t := l.trial
	if t != nil && t.trial.tried && t.took.Load() {
		t.suspicion.ordinal, t.suspicion.strikes, t.trial.tried, l.trial = 0, 0, false, nil
	}
	return l.trial != nil && (l.trial != a || a.trial.tried)
}

// beginTurns is for a new round: a lane whose message has gone otherwise does not keep the others waiting.
func (l *link) beginTurns() {
	if l.trial != nil && !l.trial.trial.tried && !l.claimed {
		l.trial = nil
	}
	l.claimed = false
	l.turns.begin()
}

// noteSent is for judge.
func (l *link) noteSent(a *lane, d *broker.Delivery) {
	l.written = time.Now()
	if d.QoS > 0 && !d.Release {
		a.trial.topic, a.trial.sent = d.Message.TopicName, max(a.trial.sent, d.Ordinal)
		if a.suspicion.until > 0 {
			a.trial.sent = d.Ordinal
		}
	}
}

// judge draws conclusions from the end of a connection.
func (u *Uplink) judge(l *link, err error) {
	hung, outage := hangsUp(err), u.outage.Swap(false)
	u.proven = u.proven || slices.ContainsFunc(l.lanes, func(a *lane) bool { return a.took.Load() })
	tried := l.trial != nil && l.trial.trial.tried && !l.trial.took.Load()
	for _, a := range l.lanes {
		s := &a.suspicion
		if outage {
			s.hung, s.strikes = 0, 0
		}
		switch {
		case hung && l.shrinks(a, err):
			s.hung = 0
		case tried && l.trial == a:
			u.strike(a, hung && time.Since(a.trial.at) < trialSoon, err)
		case tried:
		case a.took.Load():
			s.hung = 0
		case hung && a.trial.sent > 0:
			a.suspect()
		}
	}
}

// suspect notes that the Server has hung up, and acknowledged nothing of a lane.
func (a *lane) suspect() {
	s := &a.suspicion
	s.hung++
	switch {
	case s.until > 0: // the one that was sent
		if a.trial.sent > 0 && s.ordinal == 0 {
			s.ordinal, s.topic, s.strikes = a.trial.sent, a.trial.topic, 0
		}
	case s.hung >= hangs:
		s.until, s.largest = a.trial.sent, a.largest()
	}
}

// strike notes that the Server has hung up on a message that was alone. With that of a topic of which another one was given up it is
// enough, once.
func (u *Uplink) strike(a *lane, hung bool, err error) {
	s := &a.suspicion
	if !hung {
		return
	}
	if s.ordinal != a.trial.sent && !(a.class == config.StateClass && s.topic == a.trial.topic) {
		s.strikes = 0
	}
	if s.ordinal, s.topic = a.trial.sent, a.trial.topic; s.strikes == 0 {
		s.first = time.Now()
	}
	s.strikes++
	known := slices.Contains(s.poisonous, s.topic)
	switch {
	case !known && !(u.proven && s.strikes >= trials && time.Since(s.first) >= trialTime):
	case a.encode != config.EncodePass && !a.boarded.Load():
		u.blocksHungUp(a.stream)
	default:
		s.reason = u.reasonOf(err)
	}
}

// blocksHungUp says that a Server hangs up on whatever leaves in blocks: all have one topic, so that it is not for the message, and the next one would
// be given up as well. The stream waits, as if they were refused.
func (u *Uplink) blocksHungUp(s *stream) {
	u.once(s.name+": block: hangs up", func() {
		u.log.Error("the server hangs up on the blocks of a stream, as it seems; they are sent again later", "stream", s.name, "topic", u.blockTopic(s),
			"hint", "may this client publish to that topic?")
	})
}

// abandon gives up the message that the Server has been proven to hang up on; false if it is another one. A QoS 2 message that the Server may hold
// is ended by PUBREL: or else another one with its Packet Identifier would be taken for it.
func (l *link) abandon(a *lane, d *broker.Delivery) bool {
	s := &a.suspicion
	if s.reason == "" || d.QoS == 0 || d.Release || !a.suspects(d) {
		return false
	}
	why := s.reason
	if !slices.Contains(s.poisonous, s.topic) {
		s.poisonous = append(s.poisonous, s.topic)
		s.poisonous = s.poisonous[max(len(s.poisonous)-mostPoisonous, 0):]
		l.u.proven = false
	}
	s.ordinal, s.strikes, s.reason, s.largest = 0, 0, "", 0
	a.boarded.Store(false)
	l.u.count(func(s *Status) { s.Refused++ })
	l.u.missed(a.stream, plain(d.Message.TopicName))
	l.u.once(a.name+": hangs up: "+d.Message.TopicName, func() {
		l.u.log.Error("the server hangs up on a message for good; it is dropped, and further ones of its topic are only counted",
			"stream", a.name, "topic", d.Message.TopicName, "bytes", len(d.Message.Payload), "err", why)
	})
	if d.QoS == 2 && l.conn.Server().MaximumQoS == 2 {
		if receipt, code := a.session.Load().Received(d.PacketID); !code.IsError() {
			l.acks.push(ack{Ack: packet.Ack{Type: packet.PUBREL, PacketID: d.PacketID}, receipt: receipt, again: true})
			return true
		}
	}
	l.giveUp(a, d)
	return true
}

// notServed notes that there was no session: of what the Server hung up on before nothing is concluded.
func (u *Uplink) notServed(fault road.Fault) {
	if fault == road.Server || fault == road.Mute {
		u.outage.Store(true)
	}
}

// tookOf notes an acknowledgement of a stream's message. It is the reader's.
func (l *link) tookOf(a *lane) {
	l.takes.Store(true)
	l.served.Store(true)
	if a != nil {
		a.took.Store(true)
	}
}
