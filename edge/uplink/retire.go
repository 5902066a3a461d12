package uplink

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/edge/config"
)

// indexKey is the fact that lists the uplinks which this store has known.
const indexKey = "uplinks"

// Retire ends the subscriptions of uplinks that are configured no more, or else their streams would gather for ever. What
// they still hold is kept and reported; an uplink that holds nothing is forgotten.
func Retire(b *broker.Broker, configured []string, log *slog.Logger) error {
	listed, err := index(b)
	if err != nil {
		return err
	}
	known := append(slices.Clone(listed), unlisted(b, listed)...)
	kept := slices.Clone(known)
	for _, name := range known {
		if slices.Contains(configured, name) {
			continue
		}
		u, err := New(config.Uplink{Name: name}, nil, b, Options{Log: log})
		if err != nil {
			return err
		}
		empty, err := u.retireAll()
		if err != nil {
			return fmt.Errorf("uplink %s, which is configured no more: %w", name, err)
		}
		if empty {
			kept = slices.DeleteFunc(kept, func(n string) bool { return n == name })
		}
	}
	return putIndex(b, listed, kept)
}

// unlisted are uplinks that have sessions and are not in the index: the power went in between.
func unlisted(b *broker.Broker, listed []string) (names []string) {
	for _, id := range b.Internal() {
		rest, ok := strings.CutPrefix(id, groups)
		if name, _, _ := strings.Cut(rest, "/"); ok && !slices.Contains(listed, name) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// retireAll retires every stream of an uplink; empty tells that nothing is left of it.
func (u *Uplink) retireAll() (empty bool, err error) {
	if err := u.recall(); err != nil {
		return false, err
	}
	if err := u.dropReduced(); err != nil {
		return false, err
	}
	u.retire()
	if len(u.memory.Streams) > 0 {
		return false, u.memory.keep()
	}
	door, err := u.openDoor()
	if err != nil {
		return false, err
	}
	u.end(door)
	if err := u.forgetBlocks(); err != nil {
		return false, err
	}
	if err := u.forgetCommands(); err != nil {
		return false, err
	}
	if err := errors.Join(u.shelf.forget(), u.forgetModems(), u.forgetTickets(nil), u.addresses.keep(nil, nil)); err != nil {
		return false, err
	}
	if err := u.forgetBudgets(u.memory.Budgets); err != nil {
		return false, err
	}
	_, err = u.broker.PutFact(u.group(), nil)
	return true, err
}

// recall reads what an earlier run has known, and finds sessions of streams that the power has kept from being written down: nobody would end their
// subscriptions.
func (u *Uplink) recall() error {
	u.memory = remember(u.broker, u.group(), u.log)
	for _, id := range u.broker.Internal() {
		name, ok := strings.CutPrefix(id, u.group()+"/")
		if !ok || u.memory.Streams[name] != nil {
			continue
		}
		session, err := u.connectStream(&stream{name: name}, nil)
		if err != nil {
			return err
		}
		u.memory.Streams[name] = &streamMemory{Slot: max(slotOf(session), 0), Match: session.Subscriptions()}
		session.Disconnect(broker.DisconnectOptions{})
	}
	return nil
}

// openDoor connects the session through which enters what is received. It holds the inbound packet ids.
func (u *Uplink) openDoor() (*broker.Session, error) {
	door, _, err := u.broker.Connect(broker.ConnectOptions{
		ClientID: u.group(), Internal: true, Group: u.group(), Version: packet.V5, SessionExpiryInterval: broker.Never,
	})
	if err != nil {
		return nil, fmt.Errorf("open the session for what is received: %w", err)
	}
	return door, nil
}

// enlist adds this uplink to the index.
func (u *Uplink) enlist() error {
	known, err := index(u.broker)
	if err != nil || slices.Contains(known, u.config.Name) {
		return err
	}
	return putIndex(u.broker, known, append(slices.Clone(known), u.config.Name))
}

func index(b *broker.Broker) (names []string, err error) {
	value, ok := b.Fact(indexKey)
	if !ok {
		return nil, nil
	}
	if err := json.Unmarshal(value, &names); err != nil {
		return nil, fmt.Errorf("read which uplinks were known (%s): %w", indexKey, err)
	}
	return names, nil
}

func putIndex(b *broker.Broker, before, names []string) error {
	if slices.Equal(before, names) {
		return nil
	}
	value, err := json.Marshal(names)
	if err != nil {
		return err
	}
	_, err = b.PutFact(indexKey, value)
	return err
}
