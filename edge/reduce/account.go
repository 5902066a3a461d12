package reduce

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"skerry/broker"
	"skerry/queue"
)

// recall reads the account. One that cannot be read begins anew: only what was acknowledged already in the open window is lost.
func (r *Reducer) recall() {
	value, ok := r.broker.Fact(key(r.options.Uplink, r.options.Stream))
	if !ok {
		return
	}
	if err := json.Unmarshal(value, &r.account); err != nil {
		r.account = account{}
		r.log.Error("the account of the open window cannot be read; readings in it may be missing in the next result", "err", err)
	}
	for name, t := range r.account.Topics {
		if !t.sound() {
			delete(r.account.Topics, name)
			continue
		}
		r.bytes += len(name) + t.size()
	}
}

// size is about what a topic takes in the account, in bytes, without its name.
func (t *topic) size() int {
	n := 100 + len(t.Raw)*4/3 + len(t.Props)*4/3
	for _, b := range t.Before {
		n += len(b) * 4 / 3
	}
	if t.One != nil {
		n += 100 + len(t.One.Unit)
	}
	for _, name := range t.Order {
		n += 100 + 2*len(name) + len(t.Values[name].Unit)
	}
	return n
}

// sound tells whether a topic that was read has what its form needs.
func (t *topic) sound() bool {
	if t == nil {
		return false
	}
	switch t.Form {
	case bare, value:
		return t.One != nil
	case group:
		for _, name := range t.Order {
			if t.Values[name] == nil {
				return false
			}
		}
		return true
	}
	return t.Form == raw
}

// removes tells whether the last message has removed the retained one of its topic.
func (t *topic) removes() bool { return t.Form == raw && t.Retain && len(t.Raw) == 0 }

// mostForms is how often the payloads of a topic may look otherwise than before within a window.
const mostForms = 8

// take adds a message. When payloads look otherwise than before, what was before is not mixed with them: it comes out by itself.
func (t *topic) take(m *broker.Message, at time.Time, known bool, to []string) {
	in := read(m.Payload)
	removed := t.Removed || t.removes()
	if in.form != t.Form && t.Form != "" || t.removes() && !m.Retain {
		before := append(t.Before, t.payload(to))
		*t = topic{Before: before[max(0, len(before)-mostForms):], Removed: removed}
	}
	if t.Form = in.form; in.form == raw {
		t.Raw = m.Payload
	}
	t.QoS, t.Retain, t.Props = m.QoS, m.Retain, m.Properties
	if !in.measured.IsZero() {
		at, known = in.measured, true
	}
	if known {
		if t.From.IsZero() {
			t.From = at.UTC()
		}
		t.Time = at.UTC()
	}
	if in.form == bare || in.form == value {
		if t.One == nil {
			t.One = &sum{}
		}
		t.One.add(in.one)
	}
	for _, name := range in.order {
		s := t.Values[name]
		if s == nil {
			if t.Values == nil {
				t.Values = map[string]*sum{}
			}
			s = &sum{}
			t.Values[name] = s
			t.Order = append(t.Order, name)
		}
		s.add(in.values[name])
	}
}

// atOnce bounds the payloads of one batch, in bytes, and manyAtOnce its messages.
const (
	atOnce     = 256 << 10
	manyAtOnce = 200
)

// close ends the window: its results are published and the account begins anew.
func (r *Reducer) close(end time.Time) {
	for len(r.account.Topics) > 0 {
		var out []*broker.Message
		gone := map[string]*topic{}
		bytes := 0
		for _, name := range slices.Sorted(maps.Keys(r.account.Topics)) {
			if len(out) >= manyAtOnce || bytes >= atOnce {
				break
			}
			t := r.account.Topics[name]
			for _, payload := range append(t.Before, t.payload(r.account.To)) {
				out = append(out, r.result(name, t, payload))
				bytes += len(payload) + len(name)
			}
			gone[name] = t
			delete(r.account.Topics, name)
		}
		if !r.store(out) {
			maps.Copy(r.account.Topics, gone)
			return
		}
		for name, t := range gone {
			r.bytes -= len(name) + t.size()
		}
	}
	r.account.Until = time.Time{}
	if r.taken == 0 && len(r.holding) == 0 || r.store(nil) {
		r.shut = end
		if end.After(r.closed) {
			r.closed = end
		}
	}
}

func (r *Reducer) result(name string, t *topic, payload []byte) *broker.Message {
	return &broker.Message{
		TopicName: Prefix(r.options.Uplink, r.options.Stream) + name, Payload: payload, QoS: t.QoS, Retain: t.Retain || t.Removed && len(payload) == 0,
		Properties: t.Props, Origin: queue.Gateway,
	}
}

// store publishes results and stores the account that goes with them. False: there was no room, and nothing was done.
func (r *Reducer) store(out []*broker.Message) bool {
	state, err := json.Marshal(&r.account)
	if err != nil { // its numbers are finite
		r.log.Error("the account of the open window cannot be stored", "err", err)
		return false
	}
	receipt, err := r.session.Exchange(key(r.options.Uplink, r.options.Stream), state, out, &r.touched)
	r.touched.Flush()
	if err != nil {
		if !r.blocked && !errors.Is(err, queue.ErrBusy) {
			r.log.Warn("results cannot be stored; the readings wait", "err", err)
		}
		r.blocked = true
		return false
	}
	r.blocked, r.taken, r.weight = false, 0, 0
	if len(r.holding) > 0 {
		r.owed = append(r.owed, owed{receipt, r.holding})
		r.holding = nil
		r.ask()
	}
	return true
}
