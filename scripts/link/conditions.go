package main

import (
	"time"

	"skerry/scripts/link/emulate"
)

// terrain is a kind of link.
type terrain struct {
	name     string
	kind     string // as the daemon's configuration has it
	up, down emulate.Conditions
}

// roundTrip is that of an empty packet on an idle link.
func (t terrain) roundTrip() time.Duration { return t.up.Delay + t.down.Delay }

func symmetric(name, kind string, up, down int64, delay time.Duration, loss float64) terrain {
	return terrain{name, kind,
		emulate.Conditions{Rate: up, Delay: delay, Loss: loss, Queue: 64 << 10},
		emulate.Conditions{Rate: down, Delay: delay, Loss: loss, Queue: 64 << 10}}
}

// The links that figures are measured on. geo is the one that the targets of drains are for; certus has an assumed round trip.
func lte() terrain {
	return symmetric("LTE", "cellular", 5_000_000, 20_000_000, 30*time.Millisecond, 0)
}
func geo() terrain { return symmetric("GEO", "geo", 128_000, 512_000, 300*time.Millisecond, 0.005) }
func certus() terrain {
	return symmetric("Certus", "certus", 22_000, 88_000, 500*time.Millisecond, 0.005)
}

// quiet is a link without losses on which bytes are counted: what is sent again would blur them.
func quiet() terrain { return symmetric("200 ms, no loss", "cellular", 0, 0, 100*time.Millisecond, 0) }
