package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"time"
	"unicode/utf8"

	"skerry/broker/packet"
)

// object is what --json prints of a message. The order of the fields is that of the output.
type object struct {
	Time       string   `json:"time,omitempty"`
	Topic      string   `json:"topic"`
	QoS        byte     `json:"qos"`
	Retain     bool     `json:"retain"`
	Dup        bool     `json:"dup"`
	Length     int      `json:"length"`
	Payload    any      `json:"payload,omitempty"`     // text, or JSON
	PayloadHex *string  `json:"payload_hex,omitempty"` // if it is neither
	Properties *details `json:"properties,omitempty"`
}

// details are the properties of MQTT 5.
type details struct {
	ContentType     string      `json:"content_type,omitempty"`
	ResponseTopic   string      `json:"response_topic,omitempty"`
	CorrelationData string      `json:"correlation_data_hex,omitempty"`
	MessageExpiry   *uint32     `json:"message_expiry,omitempty"` // seconds
	PayloadFormat   string      `json:"payload_format,omitempty"`
	UserProperties  [][2]string `json:"user_properties,omitempty"` // pairs: names may repeat, and their order counts
}

func appendJSON(b []byte, m *packet.Publish, now time.Time) []byte {
	o := objectOf(m, now)
	if utf8.Valid(m.Payload) {
		o.Payload = string(m.Payload)
	}
	return o.append(b, m.Payload)
}

func appendJSONPayload(b []byte, m *packet.Publish, now time.Time) []byte {
	if !json.Valid(m.Payload) || !utf8.Valid(m.Payload) { // Valid lets through texts that are not UTF-8
		return appendJSON(b, m, now)
	}
	o := objectOf(m, now)
	o.Payload = json.RawMessage(m.Payload)
	return o.append(b, m.Payload)
}

func objectOf(m *packet.Publish, now time.Time) object {
	return object{
		Time: string(appendTime(nil, m, now)), Topic: string(m.TopicName), QoS: m.QoS, Retain: m.Retain, Dup: m.Dup,
		Length: len(m.Payload), Properties: detailsOf(m.Properties),
	}
}

func (o *object) append(b, payload []byte) []byte {
	if o.Payload == nil {
		digits := hex.EncodeToString(payload)
		o.PayloadHex = &digits
	}
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(o); err != nil {
		return append(b, "{}"...) // cannot be: every field can be encoded
	}
	return append(b, bytes.TrimSuffix(line.Bytes(), []byte("\n"))...)
}

func detailsOf(p packet.Properties) *details {
	var d details
	if len(p) == 0 {
		return nil
	}
	d.ContentType = textOf(p.ContentType())
	d.ResponseTopic = textOf(p.ResponseTopic())
	if data, ok := p.CorrelationData(); ok {
		d.CorrelationData = hex.EncodeToString(data)
	}
	if seconds, ok := p.MessageExpiryInterval(); ok {
		d.MessageExpiry = &seconds
	}
	if isText, ok := p.PayloadFormatIndicator(); ok && isText {
		d.PayloadFormat = "utf8"
	} else if ok {
		d.PayloadFormat = "bytes"
	}
	for name, value := range p.UserProperties() {
		d.UserProperties = append(d.UserProperties, [2]string{string(name), string(value)})
	}
	return &d
}

func textOf(b []byte, _ bool) string { return string(b) }
