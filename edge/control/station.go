package control

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"skerry/broker"
	"skerry/broker/server"
	"skerry/broker/watch"
	"skerry/edge/config"
	"skerry/queue"
)

// A Station is what requests are about.
type Station struct {
	Store    *queue.Store
	Report   queue.Report                 // what Open found
	Retained func() (messages, bytes int) // the retained messages there are
	Live     bool                         // the station runs: counters mean something
	Wear     *Wear                        // nil: not known
	Server   *server.Server               // nil: nobody is connected

	// Own gives the rows of what the station itself has connected: uplinks, sensors. nil: there is nothing.
	Own func() []Client
	// TraceUplink shows the packets of an uplink until ctx ends. nil: there are none.
	TraceUplink func(ctx context.Context, name string, started func(online bool) error, see func(watch.Packet) error) error
	// Sensors are asked for their values. nil: none is read.
	Sensors Sensors
	// Outputs are set. nil: nobody sets them.
	Outputs Outputs

	// Uplinks are carried. nil: nobody keeps them.
	Uplinks Uplinks
}

// Answer answers a request, a row at a time. A row is a value that JSON can write; an error of emit ends it.
func (s *Station) Answer(ctx context.Context, r Request, emit func(row any) error) error {
	switch r.Do {
	case Sessions:
		return s.listSessions(ctx, r, emit)
	case Messages:
		return s.peek(ctx, r, emit)
	case Stats:
		return emit(s.numbers())
	case Verify:
		return s.verify(ctx, emit)
	case Export:
		_, err := s.Store.Export(ctx, !s.Live, func(line []byte) error { return emit(json.RawMessage(bytes.TrimSpace(line))) })
		if errors.Is(err, queue.ErrDamaged) { // the last line says so
			err = nil
		}
		return err
	case Purge:
		return s.purge(ctx, r, emit)
	case Clients:
		return s.listClients(emit)
	case SensorList:
		return s.listSensors(emit)
	case SensorRead:
		return s.readSensor(ctx, r, emit)
	case OutputList:
		return s.listOutputs(emit)
	case UplinkList:
		return s.listUplinks(emit)
	case OutputSet:
		return s.setOutput(ctx, r, emit)
	case Trace:
		return s.trace(ctx, r, emit)
	}
	return fmt.Errorf("the station does not know the request %q (hint: it is older than this program; restart it)", r.Do)
}

// Session is a row of Sessions: a durable session.
type Session struct {
	Name      string            `json:"name,omitempty"` // ClientID; none: the broker knows nothing of it, and will end it
	Number    uint64            `json:"number"`
	Internal  bool              `json:"internal,omitempty"` // of the gateway itself: NAME is uplink/UPLINK/STREAM
	Shared    bool              `json:"shared,omitempty"`   // what waits for a shared subscription; NAME is $share/{ShareName}/{filter}
	User      string            `json:"user,omitempty"`
	Connected bool              `json:"connected"`
	Messages  uint64            `json:"messages"` // owed: not acknowledged
	Bytes     uint64            `json:"bytes"`    // of them: topics, properties and payloads
	InFlight  int               `json:"in_flight"`
	Oldest    float64           `json:"oldest_s,omitempty"` // age of the oldest in seconds, at least
	Away      float64           `json:"away_s,omitempty"`   // since when no Client is there, in seconds, at least
	Expiry    uint32            `json:"expiry_s,omitempty"` // 4294967295: never
	Dropped   map[string]uint64 `json:"dropped,omitempty"`  // by reason, since the session was made
}

// Totals is the last row of Sessions.
type Totals struct {
	Sessions      int    `json:"sessions"`
	Connected     int    `json:"connected"`
	Messages      uint64 `json:"messages"`
	Bytes         uint64 `json:"bytes"`
	Dropped       uint64 `json:"dropped"`
	Retained      int    `json:"retained"`
	RetainedBytes int    `json:"retained_bytes"`
}

// SessionRow is a row of Sessions: one of the two is set.
type SessionRow struct {
	Session *Session `json:"session,omitempty"`
	Totals  *Totals  `json:"totals,omitempty"`
}

// listSessions lists all, or the one that is asked for.
func (s *Station) listSessions(ctx context.Context, r Request, emit func(any) error) error {
	if r.Session != "" {
		x, err := s.find(r.Session)
		if err != nil {
			return err
		}
		return emit(SessionRow{Session: s.session(x, broker.StoredSessions(s.Store)[x.Number()])})
	}
	stored := broker.StoredSessions(s.Store)
	var sum Totals
	for x := range s.Store.Sessions() {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		row := s.session(x, stored[x.Number()])
		sum.add(row)
		if err := emit(SessionRow{Session: row}); err != nil {
			return err
		}
	}
	sum.Retained, sum.RetainedBytes = s.Retained()
	return emit(SessionRow{Totals: &sum})
}

func (t *Totals) add(s *Session) {
	t.Sessions++
	if s.Connected {
		t.Connected++
	}
	t.Messages += s.Messages
	t.Bytes += s.Bytes
	for _, n := range s.Dropped {
		t.Dropped += n
	}
}

func (s *Station) session(x *queue.Session, stored broker.StoredSession) *Session {
	st := x.Stats()
	row := &Session{
		Name: stored.ClientID, Number: x.Number(), Internal: stored.Internal, Shared: stored.Shared, User: stored.User,
		Connected: x.Connected(), Messages: st.Messages, Bytes: st.Bytes, InFlight: st.InFlight,
		Oldest: seconds(st.Oldest), Expiry: stored.Expiry, Dropped: drops(st.Dropped),
	}
	if stored.HasAway && !row.Connected {
		row.Away = seconds(stored.Away)
	}
	return row
}

func seconds(d time.Duration) float64 { return d.Round(time.Millisecond).Seconds() }

// drops names the reasons that ever occurred.
func drops(d queue.Drops) map[string]uint64 {
	var named map[string]uint64
	for reason, n := range d {
		if n > 0 {
			if named == nil {
				named = map[string]uint64{}
			}
			named[queue.Reason(reason).String()] = n
		}
	}
	return named
}

// find looks a session up by its name or #number.
func (s *Station) find(name string) (*queue.Session, error) {
	stored := broker.StoredSessions(s.Store)
	var found []*queue.Session
	for number, of := range stored {
		if of.ClientID == name {
			if x := s.Store.Session(number); x != nil {
				found = append(found, x)
			}
		}
	}
	if digits, ok := strings.CutPrefix(name, "#"); ok && len(found) == 0 {
		if number, err := strconv.ParseUint(digits, 10, 64); err == nil {
			if x := s.Store.Session(number); x != nil {
				found = append(found, x)
			}
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return nil, fmt.Errorf("there is no session %q%s", name, s.suggest(name, stored))
	}
	slices.SortFunc(found, func(a, b *queue.Session) int { return cmp.Compare(a.Number(), b.Number()) })
	return nil, fmt.Errorf("a client and the gateway itself both have a session %q (hint: say '#%d' or '#%d')", name, found[0].Number(), found[1].Number())
}

func printable(name string) bool {
	return !strings.ContainsFunc(name, func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) })
}

// suggest is a hint at what there is.
func (s *Station) suggest(name string, stored map[uint64]broker.StoredSession) string {
	var names []string
	for _, of := range stored {
		if of.ClientID != "" {
			names = append(names, of.ClientID)
		}
	}
	slices.Sort(names)
	if len(names) == 0 {
		return " (hint: there are no sessions; only those are kept that ask for it, with CleanSession 0 or a SessionExpiryInterval)"
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !printable(name) }) // they would command the terminal
	if hint, some := strings.CutPrefix(config.Suggest(name, names), "allowed: "); some {
		return " (hint: there are: " + hint + ")"
	} else if hint != "" {
		return " (hint: " + hint + ")"
	}
	return " (hint: skerry queue ls lists them)"
}
