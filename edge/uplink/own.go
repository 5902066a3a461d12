package uplink

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"skerry/broker/client"
	"skerry/broker/packet"
)

// own are the requests of the uplink itself, beside the streams: SUBSCRIBE, UNSUBSCRIBE and the state topic. They have Packet
// Identifiers that no lane has.
type own struct {
	mu    sync.Mutex
	next  uint16
	waits map[uint16]func([]packet.ReasonCode)
}

// ask gives an id and remembers what to do with the answer.
func (o *own) ask(then func([]packet.ReasonCode)) uint16 {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.waits == nil {
		o.waits = map[uint16]func([]packet.ReasonCode){}
	}
	id := o.next
	if o.next++; o.next < firstOwnID {
		o.next = firstOwnID // after 65535 comes 0
	}
	o.waits[id] = then
	return id
}

// answer passes an answer on.
func (o *own) answer(id uint16, codes []packet.ReasonCode) {
	o.mu.Lock()
	then := o.waits[id]
	delete(o.waits, id)
	o.mu.Unlock()
	if then != nil {
		then(codes)
	}
}

// waiting is the number of requests without an answer.
func (o *own) waiting() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.waits)
}

// identify gives each filter of the receive map its Subscription Identifier: that of the session upstream, or a new one.
func (u *Uplink) identify() map[uint32]mapping {
	last := uint32(0)
	subscribed := u.memory.subscribed()
	for _, id := range subscribed {
		last = max(last, id)
	}
	all := map[uint32]mapping{}
	for _, m := range u.asks {
		id, known := subscribed[m.filter]
		if !known {
			last++
			id = last
		}
		all[id] = m
	}
	return all
}

// subscribeAnew brings what the session upstream is subscribed to in line with the receive map. A 5.0 Server is asked for all of
// it each time, which repeats nothing: one that crashed may have kept the session and lost a filter. A 3.1.1 Server is not asked
// for what it has: it would send all retained messages again. all: not only what was refused.
func (l *link) subscribeAnew(all bool) error {
	if err := l.unsubscribe(); err != nil {
		return err
	}
	subscribed := l.u.memory.subscribed()
	for _, id := range slices.Sorted(maps.Keys(l.identified)) {
		filter := l.identified[id].filter
		if _, has := subscribed[filter]; has && !(all && l.conn.Version() == packet.V5) {
			continue
		}
		if err := l.subscribe(filter, id); err != nil {
			return err
		}
	}
	return nil
}

// greet says that the gateway is there, as soon as the Server has room for it.
func (l *link) greet() error {
	err := l.publishState(online, 1)
	if errors.Is(err, client.ErrQuota) {
		return nil
	}
	l.greeted = err == nil
	return err
}

// publishState writes the state topic.
func (l *link) publishState(state string, qos packet.QoS) error {
	server := l.conn.Server()
	h := packet.PublishHead{TopicName: l.u.names.Outward(l.u.state, nil), QoS: min(qos, server.MaximumQoS), Retain: server.RetainAvailable}
	if h.QoS > 0 {
		h.PacketID = l.own.ask(func([]packet.ReasonCode) {})
	}
	err := l.conn.Publish(&h, []byte(state))
	l.pace.Sent(time.Now(), len(h.TopicName)+len(state))
	if err != nil && h.QoS > 0 {
		l.own.answer(h.PacketID, nil)
	}
	return err
}

// unsubscribe ends what the session upstream has and the configuration has not.
func (l *link) unsubscribe() error {
	var gone [][]byte
	for filter := range l.u.memory.subscribed() {
		if !slices.ContainsFunc(l.u.asks, func(m mapping) bool { return m.filter == filter }) {
			gone = append(gone, []byte(filter))
		}
	}
	most := max(len(gone), 1)
	if n := l.u.profile.Filters; n > 0 {
		most = n
	}
	for some := range slices.Chunk(gone, most) {
		if err := l.unsubscribeFrom(some); err != nil {
			return err
		}
	}
	return nil
}

func (l *link) unsubscribeFrom(filters [][]byte) error {
	u := packet.Unsubscribe{TopicFilters: filters}
	u.PacketID = l.own.ask(func([]packet.ReasonCode) {
		l.remember(func(subscribed map[string]uint32) {
			for _, filter := range u.TopicFilters {
				delete(subscribed, string(filter))
			}
		})
	})
	return l.conn.Send(&u)
}

// subscribe asks for one filter of the receive map. It has an identifier of its own, so that the Server can say what a message
// came by. Retained messages are sent for what is new only: a command is not to be repeated at each connection.
func (l *link) subscribe(filter string, id uint32) error {
	s := packet.Subscribe{Subscriptions: []packet.Subscription{{
		TopicFilter: []byte(filter), QoS: l.u.profile.MaximumQoS, NoLocal: true, RetainAsPublished: true, RetainHandling: 1,
	}}}
	if l.conn.Server().SubscriptionIdentifierAvailable {
		s.Properties = s.Properties.AppendNumber(packet.SubscriptionIdentifier, id)
	}
	if !l.conn.Server().WildcardSubscriptionAvailable && strings.ContainsAny(filter, "+#") { // it would be a fault of ours, and end the connection
		l.noFilter(filter, packet.WildcardSubscriptionsNotSupported)
		return nil
	}
	l.u.asking.asked()
	s.PacketID = l.own.ask(func(codes []packet.ReasonCode) {
		granted := len(codes) == 1 && !codes[0].IsError()
		if later := l.u.asking.answered(granted); later > 0 {
			l.askAfter(later)
		}
		if granted {
			l.remember(func(subscribed map[string]uint32) { subscribed[filter] = id })
			l.u.count(func(s *Status) { delete(s.NoFilters, filter) })
			return
		}
		l.noFilter(filter, slices.Concat(codes, []packet.ReasonCode{packet.UnspecifiedError})[0])
	})
	return l.conn.Send(&s)
}

// noFilter notes that nothing comes by a filter.
func (l *link) noFilter(filter string, code packet.ReasonCode) {
	l.u.count(func(s *Status) { s.NoFilters[filter] = code.Error() })
	hint := "check what the server allows this client to subscribe to"
	if code == packet.WildcardSubscriptionsNotSupported {
		hint = "write the topics under receive one by one, without + and #"
	}
	l.u.once("subscribe: "+filter, func() {
		l.u.log.Error("the server refuses a filter under receive: nothing comes from there", "filter", filter, "err", code.Error(), "hint", hint)
	})
}

// remember changes what is known of the subscriptions upstream.
func (l *link) remember(change func(map[string]uint32)) {
	if err := l.u.memory.subscribe(change); err != nil {
		l.u.log.Warn("the subscriptions upstream are not remembered; they are asked for again", "err", err)
	}
}
