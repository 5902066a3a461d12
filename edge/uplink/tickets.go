package uplink

import (
	"errors"
	"fmt"
	"slices"

	"skerry/edge/config"
	"skerry/edge/uplink/ticket"
)

// Handshakes are those of TLS that were successful, and the session tickets in the log that could not be read.
type Handshakes struct{ Full, Resumed, Damaged uint64 }

// shook counts a handshake.
func (u *Uplink) shook(resumed bool) {
	u.count(func(s *Status) {
		if resumed {
			s.Handshakes.Resumed++
		} else {
			s.Handshakes.Full++
		}
		if u.tickets != nil {
			s.Handshakes.Damaged = u.tickets.Damaged()
		}
	})
}

// ticketFacts keeps the session tickets of TLS in the log of the local broker, one fact for each Server. Nobody waits until it is on the
// disk: it goes with whatever is written next.
type ticketFacts struct{ u *Uplink }

func (u *Uplink) ticketKey(server string) string { return u.group() + "/tls/" + server }

// Fact is the store's.
func (f ticketFacts) Fact(server string) ([]byte, bool) {
	return f.u.broker.Fact(f.u.ticketKey(server))
}

// Put is the store's.
func (f ticketFacts) Put(server string, fact []byte) error {
	if fact != nil {
		if err := f.u.memory.keepsTicket(server); err != nil {
			return err
		}
	}
	_, err := f.u.broker.PutFact(f.u.ticketKey(server), fact)
	return err
}

// newTickets builds where the tickets are; nil: nowhere.
func (u *Uplink) newTickets(o Options) *ticket.Store {
	options := ticket.Options{Now: o.Time, Log: u.log}
	switch u.config.TLS.Tickets {
	case config.NoTickets:
		return nil
	case config.TicketsInMemory:
	default:
		options.Key, options.Facts = ticket.NewKey(o.Identity), ticketFacts{u}
	}
	return ticket.New(options)
}

// keepsTicket remembers that there is a ticket for a Server, so that it can be forgotten.
func (m *memory) keepsTicket(server string) error {
	m.mu.Lock()
	known := slices.Contains(m.Tickets, server)
	if !known {
		m.Tickets = append(slices.Clone(m.Tickets), server)
	}
	m.mu.Unlock()
	if known {
		return nil
	}
	return m.keep()
}

// forgetTickets deletes those of Servers that are configured no more; all, when tickets are not to be on the disk.
func (u *Uplink) forgetTickets(configured config.Servers) error {
	var failed []error
	var kept []string
	u.memory.mu.Lock()
	known := u.memory.Tickets
	u.memory.mu.Unlock()
	for _, server := range known {
		if t := u.config.TLS.Tickets; t != config.TicketsInMemory && t != config.NoTickets &&
			slices.ContainsFunc(configured, func(s config.Server) bool { return s.TLS && s.Address() == server }) {
			kept = append(kept, server)
			continue
		}
		if _, err := u.broker.PutFact(u.ticketKey(server), nil); err != nil {
			failed = append(failed, fmt.Errorf("forget the session ticket for %s: %w", server, err))
		}
	}
	u.memory.mu.Lock()
	u.memory.Tickets = kept
	u.memory.mu.Unlock()
	return errors.Join(failed...)
}
