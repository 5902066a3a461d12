// Package array writes many messages of a stream as one array of JSON, for programs and rules upstream that are not a ground end.
//
// # Vocabulary
//
// An element is a message: an object with the members "t" (Topic Name), one of "p" (payload, as it is if it is JSON, else as a string of JSON if it is
// UTF-8) and "b" (payload in base64), and where they say something "ts" (when it was published: milliseconds since 1970), "q" (QoS, if not 0), "r" (true: Retain),
// "e" (Message Expiry Interval in seconds), "u" (User Properties: a list of pairs of name and value).
//
// # Guarantees
//
// What is written is JSON (RFC 8259). A payload that is JSON is written byte for byte; whether a "p" that is a string was one, or text, cannot be told. Messages stand in their order.
//
// # Limits
//
// Other properties of MQTT 5 than those above are left out. An array may come twice: a message has no number of its own.
package array

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"

	"skerry/broker/packet"
	"skerry/edge/uplink/pack"
)

// An Encoder makes arrays, one after the other, as [pack.Encoder] makes blocks: Begin, Append until it is full or time to go, Seal. The zero value is ready for Begin.
type Encoder struct {
	Gzip bool // what Seal gives is compressed (RFC 1952)

	limit int
	count int
	out   []byte
	ratio float64 // how many times smaller the last arrays became
	small bytes.Buffer
	zip   *gzip.Writer
}

// Bounds of how many times smaller gzip is believed to make an array.
const (
	firstRatio = 3
	mostRatio  = 16
)

// Begin begins an array, and drops what was not sealed. limit is how many bytes it may have, 0 for any number; a single message may be larger. With Gzip
// it is kept as well as the arrays before let expect.
func (e *Encoder) Begin(_ pack.Head, limit int) {
	if e.ratio == 0 {
		e.ratio = firstRatio
	}
	if e.Gzip {
		limit = int(float64(limit) * e.ratio)
	}
	e.limit, e.count, e.out = limit, 0, append(e.out[:0], '[')
}

// Len is how many messages the array has.
func (e *Encoder) Len() int { return e.count }

// Append puts a message into the array, or says with pack.ErrFull that it is the first of the next one. Its properties must be valid.
func (e *Encoder) Append(m pack.Message) error {
	before := len(e.out)
	if e.count > 0 {
		e.out = append(e.out, ',')
	}
	e.out = appendMessage(e.out, &m)
	if e.limit > 0 && e.count > 0 && len(e.out)+1 > e.limit {
		e.out = e.out[:before]
		return pack.ErrFull
	}
	e.count++
	return nil
}

func appendMessage(b []byte, m *pack.Message) []byte {
	b = append(b, `{"t":`...)
	b = appendText(b, m.Topic)
	switch {
	case json.Valid(m.Payload):
		b = append(b, `,"p":`...)
		b = append(b, m.Payload...)
	case utf8.Valid(m.Payload):
		b = append(b, `,"p":`...)
		b = appendText(b, string(m.Payload))
	default:
		b = append(b, `,"b":"`...)
		b = base64.StdEncoding.AppendEncode(b, m.Payload)
		b = append(b, '"')
	}
	if m.Time != 0 {
		b = append(b, `,"ts":`...)
		b = strconv.AppendInt(b, m.Time, 10)
	}
	if m.QoS != 0 {
		b = append(b, `,"q":`...)
		b = strconv.AppendInt(b, int64(m.QoS), 10)
	}
	if m.Retain {
		b = append(b, `,"r":true`...)
	}
	return append(appendProperties(b, packet.Properties(m.Properties)), '}')
}

func appendProperties(b []byte, properties packet.Properties) []byte {
	if expiry, ok := properties.MessageExpiryInterval(); ok {
		b = append(b, `,"e":`...)
		b = strconv.AppendInt(b, int64(expiry), 10)
	}
	between := `,"u":[`
	for p := range properties.All() {
		if p.ID != packet.UserProperty {
			continue
		}
		b = append(b, between+"["...)
		b = append(appendText(b, string(p.Data)), ',')
		b = append(appendText(b, string(p.Value)), ']')
		between = ","
	}
	if between == "," {
		b = append(b, ']')
	}
	return b
}

// appendText writes a string of JSON, without the escapes that are for web pages.
func appendText(b []byte, text string) []byte {
	var out bytes.Buffer
	w := json.NewEncoder(&out)
	w.SetEscapeHTML(false)
	if err := w.Encode(text); err != nil {
		panic(fmt.Sprintf("array: a string cannot be written: %v", err)) // there is none
	}
	return append(b, bytes.TrimRight(out.Bytes(), "\n")...)
}

// Seal appends the array to dst and tells how many messages are in it. The Encoder then waits for Begin.
func (e *Encoder) Seal(dst []byte) (block []byte, messages int) {
	if e.count == 0 {
		return dst, 0
	}
	e.out = append(e.out, ']')
	n := e.count
	e.count = 0
	if !e.Gzip {
		return append(dst, e.out...), n
	}
	e.small.Reset()
	if e.zip == nil {
		e.zip, _ = gzip.NewWriterLevel(&e.small, gzip.BestCompression) // the level is one
	}
	e.zip.Reset(&e.small)
	_, _ = e.zip.Write(e.out) // into memory
	_ = e.zip.Close()
	e.ratio = min(max((e.ratio+float64(len(e.out))/float64(e.small.Len()))/2, 1), mostRatio)
	return append(dst, e.small.Bytes()...), n
}
