// Command wear measures what brokers do to a flash card: bytes and flushes that reach the device for each message, the journal of
// the file system included, in one run and with the same clients for all.
//
// Vocabulary: a work is a kind of traffic, a system is a broker or store with its settings and its file system. In its steady
// state a store uses again what it made before; the messages until then do not count.
//
// Guarantee: the figures are counted at the block device below ext4, between two syncs of the file system. They do not depend on
// the speed of the machine, except for how many messages happen to share a commit. The status is 1 when the daemon misses a target.
//
// Limit: see package cutdisk.
package main

import (
	"context"
	"flag"
	"time"

	"skerry/scripts/cutdisk"
)

func main() { cutdisk.Main("wear", run) }

// settings come from the command line.
type settings struct {
	skerry, mosquitto string
	room              string // a folder to work in
	scale             float64
	card              bool
	only              string
	readings          time.Duration
}

func run(ctx context.Context) error {
	var s settings
	flag.StringVar(&s.skerry, "skerry", "bin/skerry", "the daemon")
	flag.StringVar(&s.mosquitto, "mosquitto", "/usr/sbin/mosquitto", "the peer; an empty name leaves it out")
	flag.Float64Var(&s.scale, "scale", 1, "factor of the number of messages")
	flag.BoolVar(&s.card, "card", false, "a device as slow as a card: 0.7 ms a write, 80 us each 4 KiB, 3 ms a flush")
	flag.StringVar(&s.only, "only", "", "systems whose names begin so")
	flag.DurationVar(&s.readings, "readings", 5*time.Minute, "how long own readings are measured; 0: not at all")
	flag.Parse()
	var err error
	if s.room, err = cutdisk.Room(); err != nil {
		return err
	}
	t := &table{settings: s}
	if err := t.measure(ctx); err != nil {
		return err
	}
	return t.verdict()
}

// latency of the device.
func (s *settings) latency() cutdisk.Latency {
	if !s.card {
		return cutdisk.Latency{}
	}
	return cutdisk.Latency{Write: 700 * time.Microsecond, Page: 80 * time.Microsecond, Flush: 3 * time.Millisecond}
}
