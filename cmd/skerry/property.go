package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"skerry/broker/packet"
)

// messageFlags are the MQTT 5 properties of a message.
type messageFlags struct {
	Property     []string `sep:"none" placeholder:"NAME=VALUE" help:"content-type=TEXT, response-topic=TOPIC, correlation-data=TEXT (or hex:BYTES), message-expiry=TIME, payload-format=utf8|bytes. May be repeated."`
	UserProperty []string `sep:"none" placeholder:"NAME=VALUE" help:"A property of your own. May be repeated; the order is kept."`
}

func (f *messageFlags) any() bool { return len(f.Property)+len(f.UserProperty) > 0 }

// properties encodes the flags.
func (f *messageFlags) properties() (p packet.Properties, err error) {
	for _, text := range f.Property {
		name, value, ok := strings.Cut(text, "=")
		if !ok {
			return nil, fmt.Errorf("--property %s: want NAME=VALUE", text)
		}
		if p, err = appendProperty(p, name, value); err != nil {
			return nil, fmt.Errorf("--property %s: %w", text, err)
		}
	}
	for _, text := range f.UserProperty {
		name, value, ok := strings.Cut(text, "=")
		if !ok {
			return nil, fmt.Errorf("--user-property %s: want NAME=VALUE", text)
		}
		if err := errors.Join(checkFlag("--user-property", name), checkFlag("--user-property", value)); err != nil {
			return nil, err
		}
		p = p.AppendUserProperty(name, value)
	}
	return p, named("--property", p.Check(packet.PUBLISH))
}

func appendProperty(p packet.Properties, name, value string) (packet.Properties, error) {
	if len(value) > packet.MaxString {
		return nil, errors.New("longer than 65,535 bytes")
	}
	switch name {
	case "content-type":
		return p.AppendString(packet.ContentType, value), nil
	case "response-topic":
		return p.AppendString(packet.ResponseTopic, value), checkTopic("its value", value)
	case "correlation-data":
		return appendCorrelation(p, value)
	case "message-expiry":
		var i interval
		err := i.UnmarshalText([]byte(value))
		return p.AppendNumber(packet.MessageExpiryInterval, i.seconds()), err
	case "payload-format":
		return appendPayloadFormat(p, value)
	}
	return nil, errors.New("no such property (hint: content-type, response-topic, correlation-data, message-expiry, payload-format; others with --user-property)")
}

func appendCorrelation(p packet.Properties, value string) (packet.Properties, error) {
	digits, ok := strings.CutPrefix(value, "hex:")
	if !ok {
		return p.AppendString(packet.CorrelationData, value), nil
	}
	data, err := hex.DecodeString(digits)
	if err != nil {
		return nil, errors.New("want an even number of hex digits, as in hex:00ff")
	}
	return p.AppendBytes(packet.CorrelationData, data), nil
}

func appendPayloadFormat(p packet.Properties, value string) (packet.Properties, error) {
	switch value {
	case "utf8":
		return p.AppendNumber(packet.PayloadFormatIndicator, 1), nil
	case "bytes":
		return p.AppendNumber(packet.PayloadFormatIndicator, 0), nil
	}
	return nil, errors.New("want utf8 or bytes")
}
