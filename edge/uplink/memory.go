package uplink

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"sync"

	"skerry/broker"
	"skerry/queue"
)

// memory is what an uplink must know after a restart. It is one fact in the log of the local broker, under the name of the
// uplink.
type memory struct {
	// ClientID is the one that has connected with this store before; another, or another store, begins a new session
	// upstream: one that it does not know would swallow messages whose ids it holds.
	ClientID string `json:"client_id,omitempty"`
	// Streams by name, those included that are carried no more.
	Streams map[string]*streamMemory `json:"streams,omitempty"`
	// Subscribed are the filters that the session upstream has, with their Subscription Identifiers.
	Subscribed map[string]uint32 `json:"subscribed,omitempty"`

	// Modems are the links of whose modems something may be kept.
	Modems []string `json:"modems,omitempty"`
	// Budgets are the links whose accounts are facts of their own.
	Budgets []string `json:"budgets,omitempty"`
	// Tickets are the Servers for which a session ticket of TLS may be kept.
	Tickets []string `json:"tickets,omitempty"`

	// Window is the widest since the session upstream began.
	Window window `json:"window"`

	broker *broker.Broker
	key    string
	mu     sync.Mutex // the reader of a link changes Subscribed
}

type streamMemory struct {
	Slot  int      `json:"slot"`            // its lane: which Packet Identifiers it has
	Match []string `json:"match,omitempty"` // what its local session subscribes to
	Mixed bool     `json:"mixed,omitempty"` // it holds what was gathered while its filters were others
}

// remember reads the fact, or begins a new one. One that cannot be read does not keep the gateway from starting: the backlog
// does not depend on it.
func remember(b *broker.Broker, key string, log *slog.Logger) *memory {
	m := &memory{Window: unknownWindow}
	if value, ok := b.Fact(key); ok {
		if err := json.Unmarshal(value, m); err != nil {
			m = &memory{Window: unknownWindow}
			log.Error("what is known of the session upstream cannot be read; it begins anew, and what was on its way may arrive twice", "err", err)
		}
	}
	m.broker, m.key = b, key
	if m.Streams == nil {
		m.Streams = map[string]*streamMemory{}
	}
	for name, s := range m.Streams {
		if s == nil || s.Slot < 0 || s.Slot >= maxStreams {
			m.Streams[name] = &streamMemory{Slot: 0} // its session knows better
		}
	}
	return m
}

// keep writes the fact. It is durable before anything published after it.
func (m *memory) keep() error {
	_, err := m.write()
	return err
}

func (m *memory) write() (queue.Receipt, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	value, err := json.Marshal(m)
	if err != nil {
		return 0, err
	}
	if old, ok := m.broker.Fact(m.key); ok && string(old) == string(value) {
		return 0, nil
	}
	receipt, err := m.broker.PutFact(m.key, value)
	if err != nil {
		return 0, fmt.Errorf("write what is known of the streams (%s): %w", m.key, err)
	}
	return receipt, nil
}

// subscribed gives the filters of the session upstream. The map is never changed.
func (m *memory) subscribed() map[string]uint32 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.Subscribed
}

// subscribe notes a change of the filters of the session upstream.
func (m *memory) subscribe(change func(map[string]uint32)) error {
	m.mu.Lock()
	subscribed := map[string]uint32{}
	maps.Copy(subscribed, m.Subscribed)
	change(subscribed)
	m.Subscribed = subscribed
	m.mu.Unlock()
	return m.keep()
}

// filters are those of all streams, each with the name of one that has it.
func (m *memory) filters() map[string]string {
	all := map[string]string{}
	for name, s := range m.Streams {
		for _, filter := range s.Match {
			all[filter] = name
		}
	}
	return all
}

// freeSlot finds a lane that no stream has.
func (m *memory) freeSlot() int {
	var taken [maxStreams]bool
	for _, s := range m.Streams {
		if s.Slot >= 0 && s.Slot < maxStreams {
			taken[s.Slot] = true
		}
	}
	for slot, t := range taken {
		if !t {
			return slot
		}
	}
	return none
}
