package uplink

import (
	"errors"
	"slices"
	"sync"

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

// subscribeAnew brings what the session upstream is subscribed to in line with the receive map.
func (l *link) subscribeAnew() error {
	var filters []string
	for _, m := range l.u.receive {
		filters = append(filters, m.filter)
	}
	if slices.Equal(filters, l.u.memory.Subscribed) {
		return nil // the Server has them with our session
	}
	if err := l.unsubscribe(filters); err != nil {
		return err
	}
	return l.subscribe(filters)
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
	h := packet.PublishHead{TopicName: l.u.state, QoS: min(qos, server.MaximumQoS), Retain: server.RetainAvailable}
	if h.QoS > 0 {
		h.PacketID = l.own.ask(func([]packet.ReasonCode) {})
	}
	err := l.conn.Publish(&h, []byte(state))
	if err != nil && h.QoS > 0 {
		l.own.answer(h.PacketID, nil)
	}
	return err
}

// unsubscribe ends what the session upstream has and the configuration has not.
func (l *link) unsubscribe(filters []string) error {
	var u packet.Unsubscribe
	for _, filter := range l.u.memory.Subscribed {
		if !slices.Contains(filters, filter) {
			u.TopicFilters = append(u.TopicFilters, []byte(filter))
		}
	}
	if len(u.TopicFilters) == 0 {
		return nil
	}
	u.PacketID = l.own.ask(func([]packet.ReasonCode) {})
	return l.conn.Send(&u)
}

// subscribe asks for the receive map. Each filter has an identifier of its own, so that the Server can say what a message
// came by. Retained messages are sent for what is new only: a command is not to be repeated at each connection.
func (l *link) subscribe(filters []string) error {
	answered := make([][]packet.ReasonCode, 0, len(filters))
	identify := l.conn.Server().SubscriptionIdentifierAvailable
	for i, filter := range filters {
		s := packet.Subscribe{Subscriptions: []packet.Subscription{{
			TopicFilter: []byte(filter), QoS: 2, NoLocal: true, RetainAsPublished: true, RetainHandling: 1,
		}}}
		if identify {
			s.Properties = s.Properties.AppendNumber(packet.SubscriptionIdentifier, uint32(i+1))
		}
		s.PacketID = l.own.ask(func(codes []packet.ReasonCode) {
			l.granted(filter, codes)
			if answered = append(answered, slices.Clone(codes)); len(answered) == len(filters) {
				l.subscribed(filters, slices.Concat(answered...))
			}
		})
		if err := l.conn.Send(&s); err != nil {
			return err
		}
	}
	if len(filters) == 0 {
		l.subscribed(nil, nil)
	}
	return nil
}

// granted reports a filter that the Server does not grant.
func (l *link) granted(filter string, codes []packet.ReasonCode) {
	for _, code := range codes {
		if code.IsError() {
			l.u.once("subscribe: "+filter, func() {
				l.u.log.Error("the server refuses a filter under receive: nothing comes from there", "filter", filter, "err", code.Error(), "hint", hint(code))
			})
		}
	}
}

// subscribed remembers that the session upstream has all filters. If it has not, they are asked for again with the next connection.
func (l *link) subscribed(filters []string, codes []packet.ReasonCode) {
	if slices.ContainsFunc(codes, packet.ReasonCode.IsError) {
		return
	}
	l.u.memory.Subscribed = filters
	if err := l.u.memory.keep(); err != nil {
		l.u.log.Warn("the subscriptions upstream are not remembered", "err", err)
	}
}
