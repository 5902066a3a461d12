package main

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"skerry/broker/packet"
)

// outputFlags choose what a line looks like.
type outputFlags struct {
	Verbose bool   `short:"v" xor:"format" help:"Topic and payload."`
	JSON    bool   `name:"json" xor:"format" help:"One JSON object for each message."`
	Format  string `xor:"format" placeholder:"TEXT" help:"A line with placeholders, listed below (%p)."`
	Ready   bool   `help:"Print \"ready\" to standard error when the server has confirmed the subscription."`
}

// layout is a line taken apart: text, and what is to be put between.
type layout []piece

type piece struct {
	text  string
	field *field // nil: text
}

// field is a placeholder.
type field struct {
	letter byte
	doc    string
	append func(dst []byte, m *packet.Publish, now time.Time) []byte
}

// fields are in the order of the help. Where mosquitto_sub has the same, the letter is the same.
var fields = []field{
	{'t', "topic", func(b []byte, m *packet.Publish, _ time.Time) []byte { return append(b, m.TopicName...) }},
	{'p', "payload", func(b []byte, m *packet.Publish, _ time.Time) []byte { return append(b, m.Payload...) }},
	{'x', "payload in hex digits", func(b []byte, m *packet.Publish, _ time.Time) []byte { return hex.AppendEncode(b, m.Payload) }},
	{'l', "length of the payload in bytes", appendLength},
	{'q', "QoS", func(b []byte, m *packet.Publish, _ time.Time) []byte { return append(b, '0'+m.QoS) }},
	{'r', "1 if the message was retained, else 0", func(b []byte, m *packet.Publish, _ time.Time) []byte { return appendBit(b, m.Retain) }},
	{'d', "1 if it is a repetition (DUP), else 0", func(b []byte, m *packet.Publish, _ time.Time) []byte { return appendBit(b, m.Dup) }},
	{'j', "everything, as a JSON object", appendJSON},
	{'J', "the same; a payload that is JSON stands in it as it is", appendJSONPayload},
	{'I', "time of arrival, 2026-11-22T04:16:00.123Z", appendTime},
	{'U', "time of arrival in seconds since 1970", appendUnix},
	{'C', "Content Type", appendText(packet.Properties.ContentType)},
	{'R', "Response Topic", appendText(packet.Properties.ResponseTopic)},
	{'D', "Correlation Data", appendText(packet.Properties.CorrelationData)},
	{'E', "Message Expiry Interval in seconds", appendExpiry},
	{'P', "User Properties, NAME:VALUE with spaces between", appendUserProperties},
}

// formatHelp lists the placeholders.
func formatHelp() string {
	var b strings.Builder
	for _, f := range fields {
		fmt.Fprintf(&b, "    %%%c  %s\n", f.letter, f.doc)
	}
	b.WriteString("    %%  a percent sign\n")
	return b.String()
}

// layout is the line that the flags ask for.
func (o *outputFlags) layout() (layout, error) {
	format := "%p"
	switch {
	case o.Verbose:
		format = "%t %p"
	case o.JSON:
		format = "%j"
	case o.Format != "":
		format = o.Format
	}
	return parseFormat(format)
}

var escapes = strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\t`, "\t")

// parseFormat takes a format apart.
func parseFormat(format string) (l layout, err error) {
	for format != "" {
		text, rest, found := strings.Cut(format, "%")
		if text != "" {
			l = append(l, piece{text: escapes.Replace(text)})
		}
		if !found {
			break
		}
		if rest == "" {
			return nil, fmt.Errorf("--format ends with a lone %% (hint: %%%% prints one)")
		}
		if rest[0] == '%' {
			l, format = append(l, piece{text: "%"}), rest[1:]
			continue
		}
		f := fieldOf(rest[0])
		if f == nil {
			return nil, fmt.Errorf("--format: there is no %%%c (hint: `skerry sub --help` lists the placeholders)", []rune(rest)[0])
		}
		l, format = append(l, piece{field: f}), rest[1:]
	}
	return append(l, piece{text: "\n"}), nil
}

func fieldOf(letter byte) *field {
	for i := range fields {
		if fields[i].letter == letter {
			return &fields[i]
		}
	}
	return nil
}

// append writes the line of m.
func (l layout) append(dst []byte, m *packet.Publish, now time.Time) []byte {
	for _, p := range l {
		if p.field == nil {
			dst = append(dst, p.text...)
		} else {
			dst = p.field.append(dst, m, now)
		}
	}
	return dst
}

func appendLength(b []byte, m *packet.Publish, _ time.Time) []byte {
	return strconv.AppendInt(b, int64(len(m.Payload)), 10)
}

func appendBit(b []byte, set bool) []byte {
	if set {
		return append(b, '1')
	}
	return append(b, '0')
}

const timeFormat = "2006-01-02T15:04:05.000Z07:00"

func appendTime(b []byte, _ *packet.Publish, now time.Time) []byte {
	if now.IsZero() {
		return b // it is not known
	}
	return now.UTC().AppendFormat(b, timeFormat)
}

func appendUnix(b []byte, _ *packet.Publish, now time.Time) []byte {
	if now.IsZero() {
		return b
	}
	return fmt.Appendf(b, "%d.%09d", now.Unix(), now.Nanosecond())
}

// appendText prints a property that is text; nothing when it is absent.
func appendText(get func(packet.Properties) ([]byte, bool)) func([]byte, *packet.Publish, time.Time) []byte {
	return func(b []byte, m *packet.Publish, _ time.Time) []byte {
		value, _ := get(m.Properties)
		return append(b, value...)
	}
}

func appendExpiry(b []byte, m *packet.Publish, _ time.Time) []byte {
	if seconds, ok := m.Properties.MessageExpiryInterval(); ok {
		b = strconv.AppendUint(b, uint64(seconds), 10)
	}
	return b
}

func appendUserProperties(b []byte, m *packet.Publish, _ time.Time) []byte {
	first := true
	for name, value := range m.Properties.UserProperties() {
		if !first {
			b = append(b, ' ')
		}
		first = false
		b = append(append(append(b, name...), ':'), value...)
	}
	return b
}
