package uplink

import (
	"context"
	"fmt"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/edge/config"
	"skerry/queue"
)

// keeps tells whether a QoS 2 message is kept until PUBCOMP. Many Servers pass it on with PUBREL only, and lose it with their session before
// that. A Server that never says whether it has the session cannot be known to have lost it.
func (u *Uplink) keeps() bool {
	return u.config.OnLostSession != config.GiveUp && !u.profile.Unsaid
}

// beginAnew is called when the Server has no session, and no link stands yet. Of what it may have lost, which is all between PUBREC and PUBCOMP,
// that is published anew which is kept, as soon as the disk knows. PUBREL goes for the rest, as before: it says nothing to the Server, and
// its answer ends the exchange. What the Server had not confirmed is sent again in any case.
func (u *Uplink) beginAnew(ctx context.Context) (anew, lost uint64, err error) {
	var last queue.Receipt
	err = u.eachSession(func(s *broker.Session) {
		kept, bare := s.Confirmed()
		if lost += bare; !u.keeps() {
			lost += kept
			return
		}
		anew += kept
		last = max(last, s.Republish())
	})
	if err != nil {
		return anew, lost, err
	}
	u.count(func(s *Status) { s.PublishedAnew, s.MaybeLost = s.PublishedAnew+anew, s.MaybeLost+lost })
	if err := u.broker.Wait(ctx, last); err != nil {
		return anew, lost, fmt.Errorf("note what is published anew: %w", err)
	}
	return anew, lost, nil
}

// eachSession yields the local sessions of all streams, those included that are carried no more: the Server has lost what was theirs too.
func (u *Uplink) eachSession(yield func(*broker.Session)) error {
	carried := map[string]bool{}
	for _, s := range u.streams {
		carried[s.name] = true
		yield(s.session.Load())
	}
	for name, known := range u.memory.Streams {
		if carried[name] {
			continue
		}
		session, err := u.connectStream(&stream{name: name, slot: known.Slot}, nil)
		if err != nil {
			return err
		}
		yield(session)
		session.Disconnect(broker.DisconnectOptions{})
	}
	return nil
}

// tellLost logs that the Server has no session.
func (u *Uplink) tellLost(known bool, anew, lost uint64) {
	text := "a new session begins upstream, for the ClientID is another one"
	if known {
		text = "the server has forgotten the session"
	} else if anew+lost == 0 {
		return
	}
	u.log.Warn(text+"; what it had not confirmed is sent again, and may arrive twice",
		"confirmed_and_published_anew", anew, "confirmed_and_maybe_lost", lost)
}

// unheld judges a PUBCOMP: true if the Server says that it does not know a message which it has confirmed on this connection. It has lost it.
// In answer to a PUBREL of an earlier exchange that means nothing: the first PUBREL may have come through [MQTT 5.0, table 3-6].
func (l *link) unheld(a *lane, k *packet.Ack) bool {
	if k.Type != packet.PUBCOMP || k.ReasonCode != packet.PacketIdentifierNotFound || !l.acks.begun(k.PacketID) {
		return false
	}
	l.acks.completes(k.PacketID)
	anew := false
	if l.u.keeps() {
		_, anew = a.session.Load().RepublishOne(k.PacketID)
	}
	l.u.once(a.name+": unheld", func() {
		l.u.log.Warn("the server has lost a QoS 2 message that it had confirmed; further ones are only counted", "stream", a.name, "published_anew", anew)
	})
	if anew {
		l.u.count(func(s *Status) { s.PublishedAnew++ })
		a.deferred()
		return true
	}
	l.u.count(func(s *Status) { s.MaybeLost++ })
	if a.ack(k.PacketID) {
		a.accepted()
	}
	return true
}
