package control

import (
	"context"
	"encoding/base64"
	"unicode"
	"unicode/utf8"

	"skerry/queue"
)

// Message is a row of Messages: a delivery that a session is owed.
type Message struct {
	Ordinal  uint64  `json:"ordinal,omitempty"` // 0: QoS 0
	PacketID uint16  `json:"packet_id,omitempty"`
	Topic    string  `json:"topic,omitempty"` // none: only PUBREL is left
	QoS      byte    `json:"qos"`
	Retain   bool    `json:"retain,omitempty"`
	Dup      bool    `json:"dup,omitempty"` // may have been sent before
	InFlight bool    `json:"in_flight,omitempty"`
	Release  bool    `json:"release,omitempty"` // the receiver has it: PUBREL is owed
	Age      float64 `json:"age_s"`             // in seconds, at least
	Expiry   *uint32 `json:"expiry_s,omitempty"`
	Size     int     `json:"size"`                     // of the payload
	Payload  *string `json:"payload,omitempty"`        // if asked for, and it is text
	Base64   *string `json:"payload_base64,omitempty"` // if it is none
}

// MostMessages is how many messages are given at most.
const MostMessages = 100_000

const defaultCount = 10

func (s *Station) peek(ctx context.Context, r Request, emit func(any) error) error {
	x, err := s.find(r.Session)
	if err != nil {
		return err
	}
	left := min(r.Count, MostMessages)
	if left <= 0 {
		left = defaultCount
	}
	for w := range x.Peek() {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := emit(message(w, r.Payload)); err != nil {
			return err
		}
		if left--; left == 0 {
			break
		}
	}
	return nil
}

func message(w queue.Waiting, payload bool) Message {
	row := Message{
		Ordinal: w.Ordinal, PacketID: w.PacketID, QoS: w.QoS, Retain: w.Retain, Dup: w.Dup,
		InFlight: w.InFlight, Release: w.Release, Age: seconds(w.Age),
	}
	m := w.Message
	if m == nil {
		return row
	}
	row.Topic, row.Size = m.TopicName, len(m.Payload)
	if m.HasExpiry {
		row.Expiry = &m.Expiry
	}
	if !payload {
		return row
	}
	if text := string(m.Payload); isText(text) {
		row.Payload = &text
	} else {
		digits := base64.StdEncoding.EncodeToString(m.Payload)
		row.Base64 = &digits
	}
	return row
}

// isText tells whether a text can be shown: a control character other than a tab or the end of a line makes it binary.
func isText(s string) bool {
	for i, r := range s {
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
				return false
			}
		}
		if unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r' {
			return false
		}
	}
	return true
}
