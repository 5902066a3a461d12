package uplink

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/edge/config"
	"skerry/edge/uplink/repeats"
	"skerry/queue"
)

// commands keeps those that a Server sends again from being published again. It belongs to the reader of the link that stands.
type commands struct {
	memory *repeats.Memory
	latest queue.Receipt // of the last that was published
}

func (u *Uplink) commandsKey(page int) string { return fmt.Sprintf("%s/repeats/%d", u.group(), page) }

// openCommands reads which commands have come.
func (u *Uplink) openCommands() {
	u.commands.memory = repeats.New(func(page int) []byte {
		value, _ := u.broker.Fact(u.commandsKey(page))
		return value
	})
}

// forgetCommands ends the memory of an uplink that is configured no more.
func (u *Uplink) forgetCommands() error {
	for page := range repeats.Pages {
		if _, ok := u.broker.Fact(u.commandsKey(page)); !ok {
			continue
		}
		if _, err := u.broker.PutFact(u.commandsKey(page), nil); err != nil {
			return err
		}
	}
	return nil
}

// idOf finds the id of a message; nil if it has none.
func idOf(p *packet.Publish, where string) []byte {
	if where == config.CorrelationData {
		id, _ := p.Properties.CorrelationData()
		return id
	}
	var members map[string]json.RawMessage
	if len(p.Payload) > maxCommand || json.Unmarshal(p.Payload, &members) != nil || bytes.Equal(members[where], []byte("null")) {
		return nil
	}
	return members[where]
}

// maxCommand is the largest payload that is looked into for an id, in bytes.
const maxCommand = 64 << 10

// publishOnce publishes a message of the Server, unless one with its id has come before. A message without an id is published.
func (l *link) publishOnce(p *packet.Publish, m *broker.Message, where string) (queue.Receipt, packet.ReasonCode) {
	id := idOf(p, where)
	if len(id) == 0 {
		l.u.once("no id: "+where, func() {
			l.u.log.Warn("a message of the server has no id; such ones are carried out as often as they come", "topic", string(p.TopicName), "once", where)
		})
		return l.publish(p, m)
	}
	o, topic := &l.u.commands, string(p.TopicName)
	if o.memory.Known(topic, id) && !(p.QoS == 2 && l.u.door.Holds(p.PacketID)) {
		l.u.count(func(s *Status) { s.Again++ })
		return o.latest, packet.Success // an exchange of QoS 2 ends as any other, and its id need not be held for that
	}
	page, content := o.memory.With(topic, id)
	receipt, code := l.exchange(p, m, l.u.commandsKey(page), content)
	if !code.IsError() {
		o.memory.Add(topic, id)
		o.latest = receipt
	}
	return receipt, code
}

// exchange publishes a message and stores what has come, in one batch; of QoS 2 one after the other: its packet id is held meanwhile, so that
// nothing is published twice if the power goes in between.
func (l *link) exchange(p *packet.Publish, m *broker.Message, key string, content []byte) (queue.Receipt, packet.ReasonCode) {
	if p.QoS < 2 {
		receipt, err := l.u.door.Exchange(key, content, []*broker.Message{m}, &l.touched)
		return receipt, refusalOf(err)
	}
	receipt, code := l.publish(p, m)
	if code.IsError() {
		return receipt, code
	}
	if _, err := l.u.broker.PutFact(key, content); err != nil {
		l.u.log.Warn("the id of a command is not remembered; it may be carried out again if the server loses its session", "err", err)
	}
	return receipt, code
}

// refusalOf is the reason code for what Exchange would not do.
func refusalOf(err error) packet.ReasonCode {
	if code, ok := errors.AsType[packet.ReasonCode](err); ok {
		return code
	}
	switch {
	case err == nil:
		return packet.Success
	case errors.Is(err, queue.ErrBusy):
		return packet.ServerBusy
	case errors.Is(err, queue.ErrFull), errors.Is(err, queue.ErrTooLarge):
		return packet.QuotaExceeded
	}
	return packet.ImplementationSpecificError
}
