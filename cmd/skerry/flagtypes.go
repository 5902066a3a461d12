package main

import (
	"errors"
	"fmt"
	"math"
	"time"

	"skerry/broker/packet"
	"skerry/edge/config"
)

// protocol is the MQTT version of a flag.
type protocol packet.Version

// UnmarshalText reads 5 or 3.1.1, and the other ways people write them.
func (p *protocol) UnmarshalText(text []byte) error {
	switch string(text) {
	case "5", "5.0", "mqttv5":
		*p = protocol(packet.V5)
	case "3.1.1", "311", "4", "mqttv311":
		*p = protocol(packet.V311)
	default:
		return errors.New("want 5 or 3.1.1")
	}
	return nil
}

func (p protocol) is311() bool { return packet.Version(p) == packet.V311 }

// interval is a duration as in a configuration, or "never". MQTT counts in whole seconds.
type interval struct {
	duration time.Duration
	set      bool
}

const never = time.Duration(math.MaxInt64)

// UnmarshalText reads 500ms, 30s, 15min, 2h, 7d or never.
func (i *interval) UnmarshalText(text []byte) (err error) {
	i.set = true
	if string(text) == "never" {
		i.duration = never
		return nil
	}
	i.duration, err = config.ParseDuration(string(text))
	return err
}

// seconds rounds up, so that a short time does not become none. What MQTT cannot count is never: 0xFFFFFFFF.
func (i interval) seconds() uint32 {
	if i.duration > math.MaxUint32*time.Second {
		return math.MaxUint32
	}
	return uint32((i.duration + time.Second - 1) / time.Second)
}

// capacity is how much a card or a file holds, in bytes, as a size in a configuration. Nothing is no capacity.
type capacity config.Size

// UnmarshalText reads 340B, 256KiB, 50MB, 30TB.
func (c *capacity) UnmarshalText(text []byte) error {
	var s config.Size
	if err := s.UnmarshalText(text); err != nil {
		return fmt.Errorf("%w (hint: a number with its unit and no space between them: 256KiB, 50MB, 30TB)", err)
	}
	if s == 0 {
		return fmt.Errorf("%q is nothing (hint: a number with its unit: 256KiB, 50MB, 30TB)", text)
	}
	*c = capacity(s)
	return nil
}
