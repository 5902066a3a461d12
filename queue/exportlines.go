package queue

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
	"unicode/utf8"
)

// The lines of an export are JSON objects with one member each, which says what the line is: head, store, runs, fact,
// session, message, retained, end. They stand in this order. Milliseconds and numbers are whole.

// exportVersion is that of the format. Members that a later version adds are for the reader to know.
const exportVersion = 1

// exportLine is one line: one of its fields is set.
type exportLine struct {
	Head     *exportHead    `json:"skerry_export,omitempty"`
	Store    *exportStore   `json:"store,omitempty"`
	Fact     *exportFact    `json:"fact,omitempty"`
	Session  *exportSession `json:"session,omitempty"`
	Message  *exportMessage `json:"message,omitempty"`  // owed to sessions
	Retained *exportMessage `json:"retained,omitempty"` // without targets, in the order of publishing
	End      *exportEnd     `json:"end,omitempty"`
}

type exportHead struct {
	Version int `json:"version"`
	// Skip: the store went on after this export, or had lost its power before. Whoever goes on from here must not use
	// packet ids that may have been used meanwhile.
	Skip bool `json:"skip"`
}

// exportEnd is the last line: what stands before it, so that a file that was cut off is noticed.
type exportEnd struct {
	Counts
	Lines   int    `json:"lines"`             // before this one
	SHA256  string `json:"sha256"`            // of them, with their ends
	Damaged bool   `json:"damaged,omitempty"` // part of the store could not be read
}

// Counts of an export or import.
type Counts struct {
	Facts    int `json:"facts"`
	Sessions int `json:"sessions"`
	Messages int `json:"messages"`
	Retained int `json:"retained"`
}

// String counts in words.
func (c Counts) String() string {
	return fmt.Sprintf("%d facts, %d sessions, %d messages and %d retained", c.Facts, c.Sessions, c.Messages, c.Retained)
}

type exportStore struct {
	Boot    uint32      `json:"boot"`    // the highest number of an Open
	Session uint64      `json:"session"` // the highest number ever given to a session
	Order   uint64      `json:"order"`
	Runs    []exportRun `json:"runs"`
}

// exportRun is what is known of one Open, for the ages of messages.
type exportRun struct {
	Boot   uint32    `json:"boot"`
	Kernel string    `json:"kernel"` // its boot id; zeros: not known
	First  int64     `json:"first_ms"`
	Last   int64     `json:"last_ms"`
	Moved  bool      `json:"moved,omitempty"`    // an import began it
	Dates  *[2]int64 `json:"dates_ms,omitempty"` // Unix time at which its boot clock stood at 0: lowest and highest
}

type exportFact struct {
	Space byte   `json:"space"`
	Key   text   `json:"key"`
	Value []byte `json:"value"`
}

type exportSession struct {
	Number       uint64     `json:"number"`
	PacketIDs    [2]uint16  `json:"packet_ids"` // first and count
	Window       int        `json:"window"`
	RingMessages int        `json:"ring_messages"`
	RingBytes    int        `json:"ring_bytes"`
	Next         uint64     `json:"next"` // the ordinal the next message gets
	Base         uint64     `json:"base"` // all ordinals below are complete
	Complete     exportRuns `json:"complete,omitempty"`
	Released     exportRuns `json:"released,omitempty"` // PUBREC came ...
	Kept         exportRuns `json:"kept,omitempty"`     // ... and the message is kept until PUBCOMP
	Sweeps       exportRuns `json:"sweeps,omitempty"`   // PUBREL is to be sent for each
	Second       bool       `json:"qos2,omitempty"`     // QoS 2 was ever used
	Hurt         bool       `json:"hurt,omitempty"`     // messages may have been lost to damage
	Doubt        bool       `json:"doubt,omitempty"`    // the log has no message of it, and ordinals were skipped
	Held         []uint16   `json:"held,omitempty"`     // inbound packet ids between PUBLISH and PUBREL
	Logged       [2]uint64  `json:"logged"`             // messages and bytes so far ...
	Acked        [2]uint64  `json:"acked"`              // ... and of them not needed any more
	Dropped      []uint64   `json:"dropped,omitempty"`  // by reason
}

// exportRuns are runs of ordinals, without the last of each pair.
type exportRuns [][2]uint64

type exportMessage struct {
	Topic      text           `json:"topic"`
	QoS        byte           `json:"qos"`
	Retain     bool           `json:"retain,omitempty"`
	Gateway    bool           `json:"gateway,omitempty"` // published by the gateway itself
	Boot       uint32         `json:"boot"`              // number of the Open that stamped it ...
	At         int64          `json:"at_ms"`             // ... and when on its clock
	Age        int64          `json:"age_ms"`            // for people; proven when the export was made
	Expiry     *uint32        `json:"expiry_s,omitempty"`
	Unresolved bool           `json:"unresolved,omitempty"` // the wall clock was not trustworthy
	Properties []byte         `json:"properties,omitempty"`
	Payload    text           `json:"payload"`
	To         []exportTarget `json:"to,omitempty"`
}

type exportTarget struct {
	Session uint64   `json:"session"`
	Ordinal uint64   `json:"ordinal"`
	QoS     byte     `json:"qos"`
	Retain  bool     `json:"retain,omitempty"`
	IDs     []uint32 `json:"subscription_ids,omitempty"`
}

// text is bytes that are mostly text: a string, or an object with the bytes in base64.
type text []byte

// MarshalJSON keeps every byte.
func (t text) MarshalJSON() ([]byte, error) {
	if utf8.Valid(t) {
		return json.Marshal(string(t))
	}
	return json.Marshal(struct {
		Base64 []byte `json:"base64"`
	}{t})
}

// UnmarshalJSON reads both forms.
func (t *text) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '{' {
		var v struct {
			Base64 []byte `json:"base64"`
		}
		err := json.Unmarshal(b, &v)
		*t = v.Base64
		return err
	}
	var s string
	err := json.Unmarshal(b, &s)
	*t = text(s)
	return err
}

func exportStoreOf(j *journey) *exportStore {
	e := &exportStore{Boot: j.boot, Session: j.session, Order: j.order, Runs: []exportRun{}}
	for _, u := range j.runs {
		r := exportRun{Boot: u.boot, Kernel: hex.EncodeToString(u.id[:]), First: u.first.Milliseconds(), Last: u.last.Milliseconds(), Moved: u.moved}
		if u.dates.known {
			r.Dates = &[2]int64{u.dates.low.Milliseconds(), u.dates.high.Milliseconds()}
		}
		e.Runs = append(e.Runs, r)
	}
	return e
}

func (e *exportStore) journey() (j journey, err error) {
	j = journey{boot: e.Boot, session: e.Session, order: e.Order}
	if e.Session >= volatileNumber || e.Boot == 1<<32-1 {
		return j, fmt.Errorf("store: numbers beyond all bounds")
	}
	for _, r := range e.Runs {
		u := run{boot: r.Boot, first: time.Duration(r.First) * time.Millisecond, last: time.Duration(r.Last) * time.Millisecond, moved: r.Moved}
		id, err := hex.DecodeString(r.Kernel)
		if err != nil || len(id) != len(u.id) || r.First < 0 || r.Last < r.First {
			return j, fmt.Errorf("run %d is none", r.Boot)
		}
		copy(u.id[:], id)
		if r.Dates != nil {
			u.dates = dates{true, time.Duration(r.Dates[0]) * time.Millisecond, time.Duration(r.Dates[1]) * time.Millisecond}
		}
		j.runs = append(j.runs, u)
	}
	return j, nil
}

func exportSessionOf(x *sessionState) *exportSession {
	e := &exportSession{
		Number: x.number, PacketIDs: [2]uint16{x.o.PacketIDs.First, x.o.PacketIDs.Count},
		Window: x.o.Window, RingMessages: x.o.RingMessages, RingBytes: x.o.RingBytes,
		Next: x.next, Base: x.base, Complete: exportRunsOf(x.complete), Released: exportRunsOf(x.received()),
		Kept: exportRunsOf(x.kept), Sweeps: exportRunsOf(x.sweeps), Second: x.second, Hurt: x.hurt, Doubt: x.doubt, Held: slices.Sorted(maps.Keys(x.held)),
		Logged: [2]uint64{x.logged.messages, x.logged.bytes}, Acked: [2]uint64{x.acked.messages, x.acked.bytes},
	}
	if x.drops.Total() > 0 {
		e.Dropped = x.drops[:]
	}
	return e
}

// state goes through the encoding of checkpoints, which checks it.
func (e *exportSession) state() (*sessionState, error) {
	x := newSessionState(e.Number, SessionOptions{
		PacketIDs: Range{e.PacketIDs[0], e.PacketIDs[1]}, Window: e.Window, RingMessages: e.RingMessages, RingBytes: e.RingBytes,
	})
	x.next, x.base, x.second, x.hurt, x.doubt = e.Next, e.Base, e.Second, e.Hurt, e.Doubt
	x.complete, x.released, x.kept, x.sweeps = e.Complete.spans(), e.Released.spans(), e.Kept.spans(), e.Sweeps.spans()
	for _, id := range e.Held {
		x.hold(id)
	}
	x.logged, x.acked = load{e.Logged[0], e.Logged[1]}, load{e.Acked[0], e.Acked[1]}
	copy(x.drops[:], e.Dropped)
	if checked, ok := decodeSessionState(x.append(nil)); ok {
		return checked, nil
	}
	return nil, fmt.Errorf("session %d is none", e.Number)
}

func exportRunsOf(s spans) (runs exportRuns) {
	for _, r := range s {
		runs = append(runs, [2]uint64{r.from, r.to})
	}
	return runs
}

func (e exportRuns) spans() (s spans) {
	for _, r := range e {
		s = append(s, span{r[0], r[1]})
	}
	return s
}

// exportMessageOf makes a line of a record, with those of its targets that are wanted.
func exportMessageOf(r *messageRecord, age time.Duration, want func(*targetRecord) bool) *exportMessage {
	e := &exportMessage{
		Topic: r.topic, QoS: r.flags & flagQoS, Retain: r.flags&flagRetain != 0, Gateway: r.flags&flagGateway != 0,
		Boot: r.boot, At: r.at.Milliseconds(), Age: age.Milliseconds(), Unresolved: r.more&moreUnresolved != 0,
		Properties: r.props, Payload: r.payload,
	}
	if r.flags&flagExpiry != 0 {
		e.Expiry = &r.expiry
	}
	for t := range r.eachTarget(nil) {
		if want(&t) {
			e.To = append(e.To, exportTarget{
				Session: t.session, Ordinal: t.ordinal, QoS: t.flags & targetQoS, Retain: t.flags&targetRetain != 0, IDs: t.subscriptionIDs(),
			})
		}
	}
	return e
}

// record encodes the line again as the record it came from, for a block of another boot.
func (e *exportMessage) record(boot uint32) ([]byte, error) {
	m := &Message{
		TopicName: string(e.Topic), Properties: e.Properties, Payload: e.Payload, QoS: e.QoS, Retain: e.Retain,
		Stamp: Stamp{Boot: e.Boot, At: time.Duration(e.At) * time.Millisecond}, Unresolved: e.Unresolved,
	}
	if e.Gateway {
		m.Origin = Gateway
	}
	if e.Expiry != nil {
		m.Expiry, m.HasExpiry = *e.Expiry, true
	}
	to := make([]logTarget, len(e.To))
	for i, t := range e.To {
		n := &to[i]
		n.number, n.ordinal, n.qos, n.retain, n.ids = t.Session, t.Ordinal, t.QoS, t.Retain, t.IDs
	}
	body := appendMessage(nil, m, from{}, to, boot)
	if _, ok := decodeMessage(body, boot); !ok || e.QoS > 2 || e.At < 0 {
		return nil, fmt.Errorf("message to %q is none", e.Topic)
	}
	return body, nil
}
