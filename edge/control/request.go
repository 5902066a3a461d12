package control

import (
	"context"
	"encoding/json"
)

// What can be asked.
const (
	Sessions = "sessions" // rows: Session, then one Totals
	Messages = "messages" // rows: Message
	Stats    = "stats"    // one row: Numbers
	Verify   = "verify"   // rows: Finding, then one Verdict
	Export   = "export"   // rows: the lines of an export
	Purge    = "purge"    // one row: Purged
	Clients  = "clients"  // rows: Client
	Trace    = "trace"    // rows: TraceLine

	SensorList = "sensors" // rows: Sensor
	SensorRead = "read"    // one row: Sensor

	UplinkList = "uplinks" // rows: Uplink

	OutputList = "outputs" // rows: Output
	OutputSet  = "set"     // one row: OutputAnswer
)

// protocolVersion is that of requests. A daemon and a program of different versions find out instead of misunderstanding each other.
const protocolVersion = 1

// A Request is one question.
type Request struct {
	Version int     `json:"version"` // set by Ask
	Do      string  `json:"do"`
	Session string  `json:"session,omitempty"` // ClientID, or # and a number
	Count   int     `json:"count,omitempty"`   // of messages; 0: the default
	Payload bool    `json:"payload,omitempty"` // messages with their payloads
	Client  string  `json:"client,omitempty"`  // ClientID, of Trace
	Uplink  string  `json:"uplink,omitempty"`  // name of one, of Trace: it and not a client
	Sensor  string  `json:"sensor,omitempty"`  // name, of SensorRead
	Output  string  `json:"output,omitempty"`  // name, of OutputSet
	Value   string  `json:"value,omitempty"`   // likewise
	For     float64 `json:"for_s,omitempty"`   // how long to trace, in seconds; 0: until who asks goes
}

// A Desk takes requests about one station.
type Desk interface {
	// Ask gives the rows of the answer one after the other. An error of row ends it.
	Ask(ctx context.Context, r Request, row func(json.RawMessage) error) error
	// Live tells whether the station runs.
	Live() bool
	// Close is idempotent.
	Close() error
}

// reply is one line of an answer.
type reply struct {
	Row   json.RawMessage `json:"row,omitempty"`
	Error string          `json:"error,omitempty"`
	End   bool            `json:"end,omitempty"`
}

const (
	// mostRequest is room for a ClientID of 65,535 bytes, each of which JSON may write as \u0000.
	mostRequest = 512 << 10
	// mostReply is room for the largest record of a store, its bytes in base64.
	mostReply = 64 << 20
)

// Rows asks and decodes the rows, which are all of one type.
func Rows[T any](ctx context.Context, d Desk, r Request, row func(T) error) error {
	return d.Ask(ctx, r, func(text json.RawMessage) error {
		var v T
		if err := json.Unmarshal(text, &v); err != nil {
			return err
		}
		return row(v)
	})
}
